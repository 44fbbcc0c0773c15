/** Where the tokens and arcs of a folded ribbon stand. No drawing. */

export interface Piece { kind: 'token'; position: number; text: string; x: number; width: number }
export interface Gap { kind: 'gap'; from: number; to: number; x: number; width: number }
export interface Arc {
    position: number; value: number;
    /** Stroke width in pixels. */
    thick: number;
    path: string;
    /** Where the number stands; row 0 is next to the tokens. Null: no room. */
    label: { x: number; row: number } | null;
}
export interface Layout { pieces: (Piece | Gap)[]; arcs: Arc[]; width: number; arcHeight: number; labelRows: number }

export interface Wanted {
    count: number;
    text: (position: number) => string;
    /** The token whose arcs are drawn. */
    at: number;
    /** The others by falling value. */
    ends: { position: number; value: number; strength: number }[];
    /** Always in sight, like the chosen key. */
    also: number[];
    room: number;
    /** Width of a text in pixels. */
    measure: (text: string) => number;
}

const PAD = 8;
const SPACE = 3;
const LABEL_HEIGHT = 13;
export const LABEL_WIDTH = 40;
const LABEL_ROWS = 3;
/** So that the number of the first and the last token is not cut off. */
const EDGE = 14;
const MOST_ARCS = 24;
const TALL = 84;
export const THICK = 11;

/** All tokens where they fit, else the query, the strongest ends and their neighbours; what lies between is folded into gaps that say how much. */
export function layout({ count, text, at, ends, also, room, measure }: Wanted): Layout {
    const drawn = ends.slice(0, MOST_ARCS);
    const width = (position: number) => Math.max(16, Math.ceil(measure(text(position))) + PAD);
    let pieces = place(range(count, room, width), count, text, width, measure);
    if (!pieces || widthOf(pieces) > room) {
        pieces = null;
        for (let shown = drawn.length; shown >= 0; shown -= Math.max(1, shown >> 3)) {
            for (const around of [2, 1, 0]) {
                const keep = new Set<number>();
                const near = (position: number, by: number) => { for (let i = Math.max(0, position - by); i <= Math.min(count - 1, position + by); i++) keep.add(i); };
                near(at, Math.max(1, around));
                also.forEach((position) => near(position, 0));
                drawn.slice(0, shown).forEach((end) => near(end.position, around));
                const tried = place([...keep].sort((a, b) => a - b), count, text, width, measure)!;
                if (widthOf(tried) <= room || (shown === 0 && around === 0)) { pieces = tried; break; }
            }
            if (pieces || shown === 0) break;
        }
    }
    const all = pieces ?? [];
    const middle = new Map<number, number>();
    for (const piece of all) if (piece.kind === 'token') middle.set(piece.position, piece.x + piece.width / 2);
    const from = middle.get(at) ?? 0;
    const seen = drawn.filter((end) => middle.has(end.position));
    const reach = Math.max(1, ...seen.map((end) => Math.abs(middle.get(end.position)! - from)));
    const arcHeight = Math.min(TALL, 24 + reach / 5);
    const taken: [number, number][][] = Array.from({ length: LABEL_ROWS }, () => []);
    let labelRows = 0;
    const arcs = seen.map((end): Arc => {
        const to = middle.get(end.position)!;
        const high = end.position === at ? 16 : Math.max(14, (arcHeight - THICK / 2) * Math.sqrt(Math.abs(to - from) / reach));
        const path = end.position === at
            ? `M${r(from - 6)} ${r(arcHeight)} C${r(from - 14)} ${r(arcHeight - 22)} ${r(from + 14)} ${r(arcHeight - 22)} ${r(from + 6)} ${r(arcHeight)}`
            : `M${r(from)} ${r(arcHeight)} C${r(from)} ${r(arcHeight - high * 4 / 3)} ${r(to)} ${r(arcHeight - high * 4 / 3)} ${r(to)} ${r(arcHeight)}`;
        const half = LABEL_WIDTH / 2;
        const row = taken.findIndex((labels) => labels.every(([left, right]) => to + half <= left || to - half >= right));
        if (row >= 0) { taken[row].push([to - half, to + half]); labelRows = Math.max(labelRows, row + 1); }
        return { position: end.position, value: end.value, thick: Math.max(0.8, THICK * end.strength), path, label: row < 0 ? null : { x: to, row } };
    });
    return { pieces: all, arcs, width: widthOf(all), arcHeight, labelRows };
}

export const labelHeight = (rows: number): number => rows * LABEL_HEIGHT;

const r = (n: number) => Math.round(n * 10) / 10;

/** All positions, or null as soon as they are wider than the room. */
function range(count: number, room: number, width: (position: number) => number): number[] | null {
    if (count * 16 > room) return null;
    let sum = 0;
    for (let i = 0; i < count; i++) {
        sum += width(i) + SPACE;
        if (sum > room) return null;
    }
    return Array.from({ length: count }, (_, i) => i);
}

function place(positions: number[] | null, count: number, text: (position: number) => string, width: (position: number) => number, measure: (text: string) => number): (Piece | Gap)[] | null {
    if (!positions) return null;
    const pieces: (Piece | Gap)[] = [];
    let x = EDGE;
    const gap = (from: number, to: number) => {
        if (to < from) return;
        // A gap of one is narrower as its token.
        if (to === from && width(from) <= 46) { token(from); return; }
        const wide = Math.ceil(measure(gapText(from, to))) + 6;
        pieces.push({ kind: 'gap', from, to, x, width: wide });
        x += wide + SPACE;
    };
    const token = (position: number) => {
        const wide = width(position);
        pieces.push({ kind: 'token', position, text: text(position), x, width: wide });
        x += wide + SPACE;
    };
    let last = -1;
    for (const position of positions) {
        gap(last + 1, position - 1);
        token(position);
        last = position;
    }
    gap(last + 1, count - 1);
    return pieces;
}

/** By hand: toLocaleString takes a hundred times as long, and this runs under the pointer. */
const thousands = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

export const gapText = (from: number, to: number): string => `⋯${thousands(to - from + 1)}⋯`;

function widthOf(pieces: (Piece | Gap)[]): number {
    const last = pieces[pieces.length - 1];
    return last ? last.x + last.width + EDGE : 0;
}
