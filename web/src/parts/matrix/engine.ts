import { short } from '../number';
import { hatch } from '../svg';
import { place, type Scale } from './colour';
import type { Source } from './source';
import { Store, type Look } from './store';
import {
    TILE, allMasked, cellAt, cellsOf, coarsest, fitting, inView, inside, labelStep, levelFor, nameOf, showing, zoomed, type Size, type TileAt, type Viewport,
} from './tiles';

export interface Cell { row: number; column: number }

/** What the picture shows besides the values. */
export interface Marks {
    rowLabel: (row: number) => string;
    columnLabel: (column: number) => string;
    rowTitle: string;
    columnTitle: string;
    /** Chosen row and column; null for none. */
    row: number | null;
    column: number | null;
    /** What the pointer is over, here or in a linked view. */
    over: Partial<Cell> | null;
    /** Rows and columns from this one on were generated, not given. */
    generatedFrom: number;
    hiddenFirst: boolean;
}

export interface Palette { ink: string; quiet: string; line: string; strong: string; paper: string; query: string; key: string; mono: string; sans: string; onDark: boolean }

/** Milliseconds before a matrix without any values is drawn as empty tiles. */
const PATIENCE = 150;
const NUMBERS_FROM = 36;
const GRID_FROM = 12;
/** A cell is drawn at most this large until somebody zooms in: numbers can be read in it. */
export const FIRST_CELL = 44;

/** Draws a matrix of any size on a canvas: tiles, labels that stay in sight, marks. Knows no events and no state of the page. */
export class Engine {
    private readonly store: Store;
    private readonly pen: CanvasRenderingContext2D;
    private frame = 0;
    private width = 0;
    private height = 0;
    private hatched: CanvasPattern | string | null = null;
    private closed = false;
    private readonly since = performance.now();
    left = 0;
    top = 0;
    right = 0;
    /** Null: all of it, fitted. */
    view: Viewport | null = null;

    constructor(readonly canvas: HTMLCanvasElement, readonly source: Source, private marks: Marks, private look: Look, private palette: Palette, private readonly drawn: () => void) {
        const pen = canvas.getContext('2d');
        if (!pen) throw new Error('This browser has no canvas.');
        this.pen = pen;
        this.store = new Store(source, look, () => this.request());
    }

    set(marks: Marks, look: Look, palette: Palette): void {
        this.marks = marks;
        if (palette.onDark !== this.palette.onDark) this.hatched = null;
        this.palette = palette;
        this.look = look;
        this.store.setLook(look);
        this.request();
    }

    resize(width: number, height: number): void {
        const ratio = devicePixelRatio || 1;
        this.width = width;
        this.height = height;
        const wide = Math.max(1, Math.round(width * ratio));
        const high = Math.max(1, Math.round(height * ratio));
        if (this.canvas.width !== wide) this.canvas.width = wide;
        if (this.canvas.height !== high) this.canvas.height = high;
        this.canvas.style.height = height + 'px';
        const { left, top, right } = gutters(width);
        this.left = left;
        this.top = top;
        this.right = right;
        this.hatched = null;
        if (this.view) this.view = inside(this.view, this.source.extent, this.size);
        this.request();
    }

    /** Of the cells alone, without labels. */
    get size(): Size { return { width: Math.max(1, this.width - this.left - this.right), height: Math.max(1, this.height - this.top - 1) }; }

    get now(): Viewport { return this.view ?? { x: 0, y: 0, cell: fitting(this.source.extent, this.size, FIRST_CELL) }; }

    /** In device pixels: a sharper screen shows a finer level. */
    get level(): number {
        const level = levelFor(this.now.cell * (devicePixelRatio || 1), this.source.extent);
        return this.store.inQuarters ? Math.min(level, coarsest(this.source.extent) - 1) : level;
    }
    get loading(): number { return this.store.loading; }
    /** Everything in view was drawn from its own level, in its own colours. */
    settled = false;
    get error() { return this.store.error; }
    get spread() { return this.store.whole; }
    get rowsOfMaximum() { return this.store.rowsOfMaximum; }
    retry(): void { this.store.retry(); }

    /** All of it is in sight. */
    get whole(): boolean {
        const { rows, columns } = this.source.extent;
        const { cell } = this.now;
        return cell * columns <= this.size.width + 0.5 && cell * rows <= this.size.height + 0.5;
    }

    pan(dx: number, dy: number): void {
        const { x, y, cell } = this.now;
        this.move({ x: x - dx / cell, y: y - dy / cell, cell });
    }

    zoom(factor: number, px = this.left + this.size.width / 2, py = this.top + this.size.height / 2): void {
        this.move(zoomed(this.now, factor, px - this.left, py - this.top, this.source.extent, this.size));
    }

    fit(): void {
        this.view = null;
        this.request();
    }

    reveal(row: number, column: number): void {
        if (this.whole) return;
        const next = showing(this.now, row, column, this.source.extent, this.size);
        if (next.x !== this.now.x || next.y !== this.now.y) this.move(next);
    }

    move(view: Viewport): void {
        this.view = inside(view, this.source.extent, this.size);
        this.request();
    }

    /** The cell under a point of the canvas. */
    at(px: number, py: number): Cell | null {
        if (px < this.left || py < this.top) return null;
        return cellAt(this.now, px - this.left, py - this.top, this.source.extent);
    }

    /** The cell's own float32 where its tile is here. */
    value(row: number, column: number): number | undefined { return this.store.cell(row, column); }

    request(): void {
        if (this.frame || this.closed) return;
        this.frame = requestAnimationFrame(() => {
            this.frame = 0;
            this.draw();
        });
    }

    close(): void {
        this.closed = true;
        cancelAnimationFrame(this.frame);
        this.store.close();
    }

    private draw(): void {
        if (!this.width || !this.height) return;
        if (!this.store.any && performance.now() - this.since < PATIENCE) {
            // What was shown before stays for a moment: another head does not flash.
            for (const tile of this.ask()) this.store.picture(tile);
            setTimeout(() => this.request(), PATIENCE);
            return;
        }
        const { pen, palette } = this;
        const ratio = devicePixelRatio || 1;
        pen.setTransform(ratio, 0, 0, ratio, 0, 0);
        pen.imageSmoothingEnabled = false;
        pen.fillStyle = palette.paper;
        pen.fillRect(0, 0, this.width, this.height);
        const { rows, columns } = this.source.extent;
        const { x, y, cell } = this.now;
        pen.save();
        pen.beginPath();
        pen.rect(this.left, this.top, Math.min(this.size.width, (columns - x) * cell), Math.min(this.size.height, (rows - y) * cell));
        pen.clip();
        this.hatched ??= hatch(pen, palette.onDark);
        pen.fillStyle = this.hatched;
        pen.fillRect(this.left, this.top, this.size.width, this.size.height);
        this.drawTiles();
        if (this.marks.hiddenFirst) this.drawHidden();
        if (cell >= GRID_FROM) this.drawGrid();
        if (cell >= NUMBERS_FROM) this.drawNumbers();
        this.drawMarks();
        pen.restore();
        this.drawLabels();
        this.drawn();
    }

    /** Wants what is in view, and gives up the rest. */
    private ask(): TileAt[] {
        const { extent } = this.source;
        const tiles = inView(this.now, this.size, extent, this.level);
        // The whole is always wanted: it is what a new place shows until the finer tiles come, and the range of the colours.
        const whole = this.store.wholeFrom;
        const names = new Set(whole.map(nameOf));
        this.store.want([...whole, ...tiles.filter((t) => !names.has(nameOf(t)))]);
        return tiles;
    }

    private drawTiles(): void {
        const { extent } = this.source;
        const level = this.level;
        const tiles = this.ask();
        const { pen, palette } = this;
        const side = TILE * cellsOf(level);
        this.settled = true;
        for (const tile of tiles) {
            const [x0, y0] = this.pixel(tile.x * side, tile.y * side);
            const [x1, y1] = this.pixel((tile.x + 1) * side, (tile.y + 1) * side);
            const picture = this.store.picture(tile);
            if (!picture?.exact) this.settled = false;
            if (picture) {
                pen.drawImage(picture.bitmap, picture.left, picture.top, picture.side, picture.side, x0, y0, x1 - x0, y1 - y0);
                continue;
            }
            pen.fillStyle = palette.paper;
            pen.fillRect(x0, y0, x1 - x0, y1 - y0);
            pen.strokeStyle = palette.strong;
            pen.setLineDash([4, 4]);
            const right = Math.min(x1, this.pixel(extent.columns, 0)[0]);
            const bottom = Math.min(y1, this.pixel(0, extent.rows)[1]);
            pen.strokeRect(x0 + 0.5, y0 + 0.5, right - x0 - 1, bottom - y0 - 1);
            pen.setLineDash([]);
            const wide = Math.min(side, extent.columns - tile.x * side);
            const high = Math.min(side, extent.rows - tile.y * side);
            pen.fillStyle = palette.quiet;
            pen.font = `12px ${palette.sans}`;
            pen.textAlign = 'center';
            pen.textBaseline = 'middle';
            pen.fillText(`[${high}, ${wide}]`, (x0 + right) / 2, (y0 + bottom) / 2);
        }
    }

    /** Where a cell's upper left corner is, on a whole pixel of the device: neighbouring tiles leave no seam. */
    private pixel(column: number, row: number): [number, number] {
        const ratio = devicePixelRatio || 1;
        const { x, y, cell } = this.now;
        return [Math.round((this.left + (column - x) * cell) * ratio) / ratio, Math.round((this.top + (row - y) * cell) * ratio) / ratio];
    }

    /** The first column is left out: it is dotted, so that it reads neither as zero nor as masked. */
    private drawHidden(): void {
        const { pen, palette } = this;
        const wide = Math.max(1, cellsOf(this.level));
        const [x0, y0] = this.pixel(0, 0);
        const [x1, y1] = this.pixel(wide, this.source.extent.rows);
        if (x1 < this.left) return;
        pen.fillStyle = palette.paper;
        pen.fillRect(x0, y0, x1 - x0, y1 - y0);
        pen.fillStyle = palette.quiet;
        const from = Math.max(y0, this.top);
        for (let dot = from - ((from - y0) % 5); dot < Math.min(y1, this.height); dot += 5) pen.fillRect((x0 + x1) / 2 - 0.5, dot + 2, 1.2, 1.2);
    }

    private get seen(): { fromRow: number; toRow: number; fromColumn: number; toColumn: number } {
        const { rows, columns } = this.source.extent;
        const { x, y, cell } = this.now;
        return {
            fromRow: Math.max(0, Math.floor(y)), toRow: Math.min(rows, Math.ceil(y + this.size.height / cell)),
            fromColumn: Math.max(0, Math.floor(x)), toColumn: Math.min(columns, Math.ceil(x + this.size.width / cell)),
        };
    }

    private drawGrid(): void {
        const { pen, palette, seen } = this;
        pen.strokeStyle = palette.line;
        pen.lineWidth = 1;
        pen.beginPath();
        for (let c = seen.fromColumn; c <= seen.toColumn; c++) { const [px] = this.pixel(c, 0); pen.moveTo(px + 0.5, this.top); pen.lineTo(px + 0.5, this.height); }
        for (let r = seen.fromRow; r <= seen.toRow; r++) { const [, py] = this.pixel(0, r); pen.moveTo(this.left, py + 0.5); pen.lineTo(this.width, py + 0.5); }
        pen.stroke();
    }

    private drawNumbers(): void {
        const { pen, palette, seen, look } = this;
        const { cell } = this.now;
        pen.font = `${Math.min(13, cell * 0.27)}px ${palette.mono}`;
        pen.textAlign = 'center';
        pen.textBaseline = 'middle';
        for (let row = seen.fromRow; row < seen.toRow; row++) {
            const most = look.scale.kind === 'rowmax' ? this.rowLargest(row) : NaN;
            for (let column = seen.fromColumn; column < seen.toColumn; column++) {
                if (column === 0 && this.marks.hiddenFirst) continue;
                const raw = this.store.cell(row, column);
                if (raw === undefined || Number.isNaN(raw)) continue;
                const value = look.divisors ? raw / look.divisors[row] : raw;
                const [px, py] = this.pixel(column, row);
                pen.fillStyle = ink(look.ramp, place(value, look.scale, most), palette.onDark);
                pen.fillText(short(value, value !== 0 && Math.abs(value) < 0.0005 ? 2 : 3), px + cell / 2, py + cell / 2);
            }
        }
    }

    private rowLargest(row: number): number {
        let most = NaN;
        for (let column = this.look.withoutFirst ? 1 : 0; column < Math.min(this.source.extent.columns, row + 1); column++) {
            const value = this.store.cell(row, column);
            if (value !== undefined && !(value <= most)) most = value;
        }
        return this.look.divisors ? most / this.look.divisors[row] : most;
    }

    private drawMarks(): void {
        const { pen, palette, marks } = this;
        const { cell } = this.now;
        const box = (column: number, row: number, wide: number, high: number, colour: string, line: number) => {
            const [px, py] = this.pixel(column, row);
            pen.strokeStyle = colour;
            pen.lineWidth = line;
            pen.strokeRect(px, py, Math.max(2, wide * cell), Math.max(2, high * cell));
        };
        const { rows, columns } = this.source.extent;
        if (marks.over?.row !== undefined && marks.over.row !== marks.row) box(0, marks.over.row, columns, 1, palette.strong, 1);
        if (marks.over?.column !== undefined && marks.over.column !== marks.column) box(marks.over.column, 0, 1, rows, palette.strong, 1);
        if (marks.row !== null) box(0, marks.row, columns, 1, palette.query, cell > 8 ? 2 : 1.25);
        if (marks.column !== null) box(marks.column, 0, 1, rows, palette.key, cell > 8 ? 2 : 1.25);
        if (marks.row !== null && marks.column !== null) box(marks.column, marks.row, 1, 1, palette.ink, 2);
        if (marks.over?.row !== undefined && marks.over.column !== undefined) box(marks.over.column, marks.over.row, 1, 1, palette.ink, 2);
    }

    /** Labels of rows at the left, of columns above, turned: they stay in sight while the matrix moves under them. */
    private drawLabels(): void {
        const { pen, palette, marks, seen } = this;
        const { x, y, cell } = this.now;
        const { rows, columns } = this.source.extent;
        const highlight = (i: number, chosen: number | null, over: number | undefined, generated: boolean, colour: string): void => {
            pen.fillStyle = i === chosen ? colour : i === over ? palette.ink : palette.quiet;
            pen.font = `${i === chosen || i === over ? '600 ' : ''}${generated ? 'italic ' : ''}12px ${palette.mono}`;
        };
        pen.fillStyle = palette.ink;
        pen.font = `600 12px ${palette.sans}`;
        pen.textBaseline = 'alphabetic';
        pen.textAlign = 'right';
        pen.fillText(marks.rowTitle + ' ↓', this.left - 6, this.top - 8);
        pen.save();
        pen.translate(this.left - 12, this.top - 24);
        pen.textAlign = 'left';
        pen.textAlign = 'right';
        pen.fillText(marks.columnTitle + ' →', 6, 0);
        pen.restore();

        pen.save();
        pen.beginPath();
        pen.rect(0, this.top, this.left, this.height - this.top);
        pen.clip();
        pen.textAlign = 'right';
        pen.textBaseline = 'middle';
        const rowStep = labelStep(cell, 13);
        const rowLabels = chosenToo(seen.fromRow - (seen.fromRow % rowStep), seen.toRow, rowStep, marks.row, marks.over?.row, 13 / cell);
        for (const row of rowLabels) {
            if (row < 0 || row >= rows) continue;
            const py = this.top + (row + 0.5 - y) * cell;
            if (py < this.top - 2 || py > this.height + 2) continue;
            highlight(row, marks.row, marks.over?.row, row >= marks.generatedFrom, palette.query);
            pen.fillText(clipped(pen, label(marks.rowLabel(row), row), this.left - 8), this.left - 5, py);
        }
        pen.restore();

        pen.save();
        pen.beginPath();
        pen.rect(this.left - 8, 0, this.width - this.left + 8, this.top - 2);
        pen.clip();
        pen.textAlign = 'left';
        const columnStep = labelStep(cell, 15);
        const columnLabels = chosenToo(seen.fromColumn - (seen.fromColumn % columnStep), seen.toColumn, columnStep, marks.column, marks.over?.column, 15 / cell);
        for (const column of columnLabels) {
            if (column < 0 || column >= columns) continue;
            const px = this.left + (column + 0.5 - x) * cell;
            if (px < this.left - 2 || px > this.left + this.size.width + 2) continue;
            highlight(column, marks.column, marks.over?.column, column >= marks.generatedFrom, palette.key);
            pen.save();
            pen.translate(px, this.top - 5);
            pen.rotate(-Math.PI / 3);
            pen.fillText(clipped(pen, label(marks.columnLabel(column), column), (this.top - 14) / Math.sin(Math.PI / 3)), 0, 0);
            pen.restore();
        }
        pen.restore();
        pen.strokeStyle = palette.strong;
        pen.lineWidth = 1;
        pen.strokeRect(this.left - 0.5, this.top - 0.5, Math.min(this.size.width, (columns - x) * cell) + 1, Math.min(this.size.height, (rows - y) * cell) + 1);
    }

    /** Are there cells in view that are masked? Then the legend explains the hatching. */
    get masked(): boolean {
        const { seen } = this;
        return this.source.extent.causal && seen.toColumn - 1 > seen.fromRow;
    }

    /** Tiles of the present view that hold masked cells only, for tests. */
    get maskedTiles(): number {
        const level = this.level;
        const free = { ...this.source.extent, causal: false };
        return inView(this.now, this.size, free, level).filter((t) => allMasked(t, this.source.extent)).length;
    }
}

/** Room for labels beside and above; less on narrow pages. */
export function gutters(width: number): { left: number; top: number; right: number } {
    return width < 480 ? { left: 86, top: 78, right: 18 } : { left: 118, top: 92, right: 44 };
}

const label = (text: string, position: number): string => `${text} ${position}`;

function clipped(pen: CanvasRenderingContext2D, text: string, room: number): string {
    if (pen.measureText(text).width <= room) return text;
    const end = text.slice(text.lastIndexOf(' '));
    let kept = text.slice(0, text.lastIndexOf(' '));
    while (kept.length > 1 && pen.measureText(kept + '…' + end).width > room) kept = kept.slice(0, -1);
    return kept + '…' + end;
}

/** Positions to label: regular ones, but the chosen and the one pointed at push their neighbours away. */
export function chosenToo(from: number, to: number, step: number, chosen: number | null, over: number | undefined, room: number): number[] {
    const found: number[] = [];
    const put = (n: number) => { if (n >= from && n < to && found.every((other) => other !== n && Math.abs(other - n) >= room)) found.push(n); };
    if (over !== undefined) put(over);
    if (chosen !== null) put(chosen);
    for (let i = from; i < to; i += step) put(i);
    return found.sort((a, b) => a - b);
}

function ink(ramp: Uint8ClampedArray, at: number, onDark: boolean): string {
    if (Number.isNaN(at)) return onDark ? '#f6f9fc' : '#10161c';
    const i = Math.round(at * 255) * 3;
    const linear = (c: number) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(ramp[i]) + 0.7152 * linear(ramp[i + 1]) + 0.0722 * linear(ramp[i + 2]) > 0.22 ? '#10161c' : '#f6f9fc';
}

export type { Look, Scale };
