import { aborted, asApiError, type ApiError } from '../../errors';
import { Cache } from './cache';
import { rowLargest, spread, type Scale, type Spread } from './colour';
import { painted } from './painter';
import { joined } from './pyramid';
import type { Source } from './source';
import { TILE, allMasked, cellsOf, coarsest, nameOf, within, type TileAt } from './tiles';

/** Floats of tiles and their pictures, in bytes, for one matrix. */
const HELD = 96 << 20;
const TILE_BYTES = TILE * TILE * 4;
/** From this level on the whole comes in quarters: from 2,049 cells. */
const QUARTERS_FROM = 4;
/** Requests under way at once; the browser allows six to a host. */
const AT_ONCE = 4;

/** How tiles are painted; another `name` paints them anew. */
export interface Look {
    name: string;
    scale: Scale;
    ramp: Uint8ClampedArray;
    /** The first column is taken out of ranges and maxima. */
    withoutFirst: boolean;
    /** What a row is divided by (sink renormalised), by row of the matrix; null = 1. */
    divisors: Float32Array | null;
}

interface Tile { values: Float32Array; bitmap: ImageBitmap | null; look: string; painting: string }

/** Fetches the tiles in view, aborts what moved out of it, keeps what was used last, has them painted. */
export class Store {
    private readonly tiles = new Cache<Tile>(HELD, (tile) => tile.bitmap?.close());
    private readonly asked = new Map<string, AbortController>();
    private queue: TileAt[] = [];
    private blockMost: Float32Array | null = null;
    private failedUntil = 0;
    private drawable = false;
    error: ApiError | null = null;
    whole: Spread | null = null;

    constructor(readonly source: Source, private look: Look, private readonly changed: () => void) {}

    /** Is anything here to draw? A refusal counts: it is said, then. */
    get any(): boolean { return this.drawable || this.error !== null; }

    get loading(): number { return this.asked.size + this.queue.length; }

    setLook(look: Look): void {
        if (look.name === this.look.name) return;
        const ranges = look.withoutFirst !== this.look.withoutFirst || look.divisors !== this.look.divisors;
        this.look = look;
        if (ranges) this.range();
        this.changed();
    }

    /** Exactly these are wanted now, the most wanted first; everything else under way is given up. */
    want(tiles: TileAt[]): void {
        const names = new Set(tiles.map(nameOf));
        for (const [name, controller] of this.asked) {
            if (names.has(name)) continue;
            this.asked.delete(name);
            controller.abort();
        }
        this.queue = tiles.filter((t) => !this.asked.has(nameOf(t)) && !this.tiles.peek(nameOf(t)));
        this.next();
    }

    /** The coarsest tile is on its way as its quarters: the first is seen sooner, and they serve again when somebody zooms in. */
    get inQuarters(): boolean {
        const level = coarsest(this.source.extent);
        return this.source.pool === 'max' && level >= QUARTERS_FROM && !this.tiles.get(nameOf({ level, x: 0, y: 0 }));
    }

    /** The tiles that give the whole, which ranges are taken from. */
    get wholeFrom(): TileAt[] {
        const level = coarsest(this.source.extent);
        if (!this.inQuarters) return [{ level, x: 0, y: 0 }];
        return [0, 1, 2, 3].map((i) => ({ level: level - 1, x: i & 1, y: i >> 1 })).filter((t) => !allMasked(t, this.source.extent));
    }

    /** Joins the quarters once all are here. */
    private join(): void {
        if (!this.inQuarters) return;
        const from = this.wholeFrom;
        if (!from.every((t) => this.tiles.peek(nameOf(t)))) return;
        const level = coarsest(this.source.extent);
        const quarter = (x: number, y: number) => this.tiles.peek(nameOf({ level: level - 1, x, y }))?.values ?? null;
        const values = joined([[quarter(0, 0), quarter(1, 0)], [quarter(0, 1), quarter(1, 1)]]);
        this.tiles.put(nameOf({ level, x: 0, y: 0 }), { values, bitmap: null, look: '', painting: '' }, 2 * TILE_BYTES);
        this.range();
    }

    /** Asks again after a failure. */
    retry(): void {
        this.failedUntil = 0;
        this.error = null;
        this.changed();
    }

    private next(): void {
        if (performance.now() < this.failedUntil) return;
        while (this.asked.size < AT_ONCE && this.queue.length) {
            const tile = this.queue.shift()!;
            const name = nameOf(tile);
            const controller = new AbortController();
            this.asked.set(name, controller);
            this.source.tile(tile, controller.signal).then(
                (values) => {
                    if (this.asked.get(name) === controller) this.asked.delete(name);
                    this.error = null;
                    this.tiles.put(name, { values, bitmap: null, look: '', painting: '' }, 2 * TILE_BYTES);
                    if (tile.level === coarsest(this.source.extent)) this.range();
                    else if (tile.level === coarsest(this.source.extent) - 1) this.join();
                    this.changed();
                    this.next();
                },
                (error: unknown) => {
                    if (this.asked.get(name) === controller) this.asked.delete(name);
                    if (controller.signal.aborted || aborted(error)) return;
                    this.error = asApiError(error);
                    // What is refused stays refused; else no storm of requests at a server that is gone or full.
                    const passing = this.error.gone || this.error.status === 429 || this.error.status >= 500;
                    this.failedUntil = passing ? performance.now() + 2000 : Infinity;
                    if (passing) setTimeout(this.changed, 2050);
                    this.changed();
                },
            );
        }
    }

    /** Range and row maxima come from the level on which one tile is the whole matrix. */
    private range(): void {
        const level = coarsest(this.source.extent);
        const all = this.tiles.peek(nameOf({ level, x: 0, y: 0 }));
        if (!all) return;
        const divisors = this.divisorsOf({ level, x: 0, y: 0 });
        const from = this.look.withoutFirst ? 1 : 0;
        this.whole = spread(all.values, TILE, from, divisors);
        this.blockMost = rowLargest(all.values, TILE, from, divisors);
    }

    /** Rows that share one maximum in the `rowmax` scale: 1 up to 256 rows, then as many as a value of the coarsest level holds. */
    get rowsOfMaximum(): number { return cellsOf(coarsest(this.source.extent)); }

    private divisorsOf({ level, y }: TileAt): Float32Array | null {
        const all = this.look.divisors;
        if (!all) return null;
        const cells = cellsOf(level);
        return Float32Array.from({ length: TILE }, (_, i) => {
            const from = (y * TILE + i) * cells;
            let sum = 0;
            let n = 0;
            for (let row = from; row < Math.min(from + cells, all.length); row++) if (Number.isFinite(all[row])) { sum += all[row]; n++; }
            return n ? sum / n : NaN;
        });
    }

    private mostOf({ level, y }: TileAt): Float32Array | null {
        if (this.look.scale.kind !== 'rowmax' || !this.blockMost) return null;
        const ratio = cellsOf(coarsest(this.source.extent) - level);
        return Float32Array.from({ length: TILE }, (_, i) => this.blockMost![Math.floor((y * TILE + i) / ratio)] ?? NaN);
    }

    /** The tile's values where they are here. */
    values(tile: TileAt): Float32Array | null { return this.tiles.get(nameOf(tile))?.values ?? null; }

    /** One cell as it came, undivided; undefined while its tile is not here. */
    cell(row: number, column: number): number | undefined {
        const tile = { level: 0, x: Math.floor(column / TILE), y: Math.floor(row / TILE) };
        const values = this.tiles.peek(nameOf(tile))?.values;
        return values?.[(row % TILE) * TILE + (column % TILE)];
    }

    /** What to draw for a tile now: itself, the part of a coarser one that covers it, or null: not here yet. */
    picture(tile: TileAt): { bitmap: ImageBitmap; left: number; top: number; side: number; exact: boolean } | null {
        for (let level = tile.level; level <= coarsest(this.source.extent); level++) {
            const at = within(tile, level);
            const bitmap = this.bitmap(at.tile);
            if (bitmap) return { bitmap, left: at.left, top: at.top, side: at.side, exact: level === tile.level };
        }
        return null;
    }

    private bitmap(at: TileAt): ImageBitmap | null {
        const name = nameOf(at);
        const tile = this.tiles.get(name);
        if (!tile) return null;
        if (tile.look !== this.look.name && tile.painting !== this.look.name) {
            if (this.look.scale.kind === 'rowmax' && !this.blockMost) return tile.bitmap;
            tile.painting = this.look.name;
            const look = this.look.name;
            const { scale, ramp } = this.look;
            void painted({ values: tile.values, width: TILE, scale, ramp, rowMost: this.mostOf(at), divisors: this.divisorsOf(at) }).then((bitmap) => {
                if (!bitmap || this.tiles.peek(name) !== tile || tile.painting !== look) return bitmap?.close();
                tile.bitmap?.close();
                tile.bitmap = bitmap;
                tile.look = look;
                this.drawable = true;
                this.changed();
            });
        }
        return tile.bitmap;
    }

    close(): void {
        for (const controller of this.asked.values()) controller.abort();
        this.asked.clear();
        this.queue = [];
        this.tiles.clear();
    }
}
