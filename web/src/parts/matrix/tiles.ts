/** Arithmetic of the map: which tiles of the pyramid a part of the matrix needs. No state, no drawing. */

/** Cells, or pooled cells, along each side of a tile. */
export const TILE = 256;
/** Pixels a cell at most; more shows nothing more. */
export const CELL_MOST = 64;

/** What of the matrix is on screen: the cell at the upper left corner (fractions allowed) and the size of a cell in CSS pixels. */
export interface Viewport { x: number; y: number; cell: number }

export interface Size { width: number; height: number }

export interface TileAt { level: number; x: number; y: number }

/** Rows and columns of a matrix in cells; `causal`: a column after its row is masked. */
export interface Extent { rows: number; columns: number; causal: boolean }

export const nameOf = (t: TileAt): string => `${t.level}/${t.x}/${t.y}`;

/** Cells along each side that one value of this level stands for. */
export const cellsOf = (level: number): number => 2 ** level;

/** The level on which one tile holds the whole matrix. */
export function coarsest(extent: Extent): number {
    let level = 0;
    while (TILE * cellsOf(level) < Math.max(extent.rows, extent.columns)) level++;
    return level;
}

/** The finest level whose values are at least one pixel wide: more would be fetched than can be seen. */
export function levelFor(cell: number, extent: Extent): number {
    let level = 0;
    while (cell * cellsOf(level) < 1 && level < coarsest(extent)) level++;
    return level;
}

/** The cell size at which the whole matrix is seen, at most `most` pixels. */
export function fitting(extent: Extent, size: Size, most = 28): number {
    return Math.max(1e-6, Math.min(most, size.width / extent.columns, size.height / extent.rows));
}

/** Keeps the matrix on screen: no further out than all of it, no further in than CELL_MOST, no empty margins where there is more to see. */
export function inside(view: Viewport, extent: Extent, size: Size): Viewport {
    const least = Math.min(fitting(extent, size), 1);
    const cell = Math.min(CELL_MOST, Math.max(least, view.cell));
    const clamp = (at: number, of: number, px: number) => Math.max(0, Math.min(at, of - px / cell));
    return { x: clamp(view.x, extent.columns, size.width), y: clamp(view.y, extent.rows, size.height), cell };
}

/** Zooms so that the cell under (px, py) stays there. */
export function zoomed(view: Viewport, factor: number, px: number, py: number, extent: Extent, size: Size): Viewport {
    const least = Math.min(fitting(extent, size), 1);
    const cell = Math.min(CELL_MOST, Math.max(least, view.cell * factor));
    return inside({ x: view.x + px / view.cell - px / cell, y: view.y + py / view.cell - py / cell, cell }, extent, size);
}

/** Moved as little as brings the cell on screen, with a margin of two cells where there is room. */
export function showing(view: Viewport, row: number, column: number, extent: Extent, size: Size): Viewport {
    const along = (at: number, wanted: number, px: number) => {
        const seen = px / view.cell;
        const margin = Math.min(2, Math.max(0, (seen - 1) / 2));
        if (wanted - margin < at) return wanted - margin;
        if (wanted + 1 + margin > at + seen) return wanted + 1 + margin - seen;
        return at;
    };
    return inside({ x: along(view.x, column, size.width), y: along(view.y, row, size.height), cell: view.cell }, extent, size);
}

/** The cell under a pixel, or null outside the matrix. */
export function cellAt(view: Viewport, px: number, py: number, extent: Extent): { row: number; column: number } | null {
    const column = Math.floor(view.x + px / view.cell);
    const row = Math.floor(view.y + py / view.cell);
    return column >= 0 && row >= 0 && column < extent.columns && row < extent.rows ? { row, column } : null;
}

/** True when a tile of a causal matrix holds masked cells only: such tiles are never asked for. */
export function allMasked(tile: TileAt, extent: Extent): boolean {
    const side = TILE * cellsOf(tile.level);
    const lastRow = Math.min(extent.rows, (tile.y + 1) * side) - 1;
    return extent.causal && tile.x * side > lastRow;
}

/** Tiles of a level that are in view, the middle of the screen first. Wholly masked ones are left out. */
export function inView(view: Viewport, size: Size, extent: Extent, level: number): TileAt[] {
    const side = TILE * cellsOf(level);
    const last = (cells: number) => Math.max(0, Math.ceil(cells / side) - 1);
    const from = (at: number, of: number) => Math.max(0, Math.min(Math.floor(at / side), last(of)));
    const to = (at: number, px: number, of: number) => Math.max(0, Math.min(Math.ceil((at + px / view.cell) / side) - 1, last(of)));
    const found: TileAt[] = [];
    for (let y = from(view.y, extent.rows); y <= to(view.y, size.height, extent.rows); y++) {
        for (let x = from(view.x, extent.columns); x <= to(view.x, size.width, extent.columns); x++) {
            const tile = { level, x, y };
            if (!allMasked(tile, extent)) found.push(tile);
        }
    }
    const middleX = (view.x + size.width / 2 / view.cell) / side - 0.5;
    const middleY = (view.y + size.height / 2 / view.cell) / side - 0.5;
    const far = (t: TileAt) => (t.x - middleX) ** 2 + (t.y - middleY) ** 2;
    return found.sort((a, b) => far(a) - far(b));
}

/** The part of a coarser tile that covers this one: the tile, and where in it, in values. */
export function within(tile: TileAt, level: number): { tile: TileAt; left: number; top: number; side: number } {
    const ratio = cellsOf(level - tile.level);
    const x = Math.floor(tile.x / ratio);
    const y = Math.floor(tile.y / ratio);
    return { tile: { level, x, y }, left: (tile.x - x * ratio) * (TILE / ratio), top: (tile.y - y * ratio) * (TILE / ratio), side: TILE / ratio };
}

/** Every how many cells a label fits, in steps of 1, 2, 5. */
export function labelStep(cell: number, room: number): number {
    let step = 1;
    for (let i = 0; step * cell < room; i++) step *= i % 3 === 1 ? 2.5 : 2;
    return step;
}
