import { TILE, type TileAt } from '../../parts/matrix/tiles';
import type { Source } from '../../parts/matrix/source';
import type { Span } from '../try/data';

/** Spans drawn at most where tokens have to be joined one by one. */
export const MOST = 1024;

export const aligned = ([kind]: Span): boolean => kind === 'same' || kind === 'replaced';

/** One token for one token, all the way: positions of A are those of B. */
export const oneToOne = (spans: readonly Span[]): boolean => spans.every((s) => aligned(s) && s[2] - s[1] === 1 && s[4] - s[3] === 1);

export type Side = 'a' | 'b';

/** First and end of a span on one side. */
export const range = (span: Span, side: Side): [number, number] => (side === 'a' ? [span[1], span[2]] : [span[3], span[4]]);

/** Index of the span that holds a position; -1: none. */
export function spanOf(spans: readonly Span[], side: Side, position: number): number {
    let low = 0;
    let high = spans.length - 1;
    while (low <= high) {
        const middle = (low + high) >> 1;
        const [from, to] = range(spans[middle], side);
        // An empty span lies before or after by where its edge is.
        if (to <= position) low = middle + 1;
        else if (from > position) high = middle - 1;
        else return middle;
    }
    return spans.findIndex((s) => { const [from, to] = range(s, side); return from <= position && position < to; });
}

/** What a row of tokens gives to each span: sums over its tokens; NaN where the side has none, or where all of it is masked. */
export function bySpan(row: ArrayLike<number>, spans: readonly Span[], side: Side): Float64Array {
    return Float64Array.from(spans, (span) => {
        const [from, to] = range(span, side);
        let sum = NaN;
        for (let k = from; k < to; k++) if (!Number.isNaN(row[k])) sum = (Number.isNaN(sum) ? 0 : sum) + row[k];
        return sum;
    });
}

/** A matrix over spans: the row of a span is that of its last token. `cell` gives a token's weight. */
export function joined(spans: readonly Span[], side: Side, row: (token: number) => ArrayLike<number>): Float32Array {
    const size = spans.length;
    const out = new Float32Array(size * size).fill(NaN);
    spans.forEach((span, r) => {
        const [from, to] = range(span, side);
        if (to > from) out.set(Float32Array.from(bySpan(row(to - 1), spans, side)), r * size);
    });
    return out;
}

/** A tile of a square matrix that is all there: means of the cells that are. */
export function pooled(matrix: Float32Array, size: number, { level, x, y }: TileAt): Float32Array {
    const step = 2 ** level;
    const out = new Float32Array(TILE * TILE).fill(NaN);
    for (let r = 0; r < TILE; r++) {
        const top = (y * TILE + r) * step;
        if (top >= size) break;
        for (let c = 0; c < TILE; c++) {
            const left = (x * TILE + c) * step;
            if (left >= size) break;
            let sum = 0;
            let count = 0;
            for (let i = top; i < Math.min(size, top + step); i++) for (let j = left; j < Math.min(size, left + step); j++) { const v = matrix[i * size + j]; if (!Number.isNaN(v)) { sum += v; count++; } }
            if (count) out[r * TILE + c] = sum / count;
        }
    }
    return out;
}

/** B − A, tile by tile; the two are pooled by means, so that the mean of the difference is the difference of the means. */
export function difference(a: Source, b: Source): Source {
    return {
        name: `${b.name} - ${a.name}`,
        extent: a.extent,
        async tile(at, signal) {
            const [ofA, ofB] = await Promise.all([a.tile(at, signal), b.tile(at, signal)]);
            return ofA.map((value, i) => ofB[i] - value);
        },
    };
}

/** All of a run's matrix, fetched tile by tile and joined over spans when it is first looked at. */
export function joinedSource(of: Source, tokens: number, spans: readonly Span[], side: Side): Source {
    const shown = spans.slice(0, MOST);
    let whole: Promise<Float32Array> | null = null;
    const fetchAll = async (signal: AbortSignal): Promise<Float32Array> => {
        const used = Math.min(tokens, shown.reduce((most, s) => Math.max(most, range(s, side)[1]), 0));
        const tiles = new Map<string, Float32Array>();
        const across = Math.ceil(used / TILE);
        for (let y = 0; y < across; y++) for (let x = 0; x <= y; x++) tiles.set(`${x},${y}`, await of.tile({ level: 0, x, y }, signal));
        const row = (token: number): Float32Array => {
            const out = new Float32Array(used).fill(NaN);
            const y = Math.floor(token / TILE);
            for (let x = 0; x <= y; x++) {
                const part = tiles.get(`${x},${y}`)!.subarray((token - y * TILE) * TILE, (token - y * TILE + 1) * TILE);
                out.set(part.subarray(0, Math.min(TILE, used - x * TILE)), x * TILE);
            }
            return out;
        };
        return joined(shown, side, row);
    };
    return {
        name: `${of.name} joined ${side} ${shown.map((s) => s.slice(1).join('.')).join(' ')}`,
        extent: { rows: shown.length, columns: shown.length, causal: true },
        async tile(at, signal) {
            // A fetch that was given up is no answer: the next tile asks again.
            whole ??= fetchAll(signal).catch((error: unknown) => { whole = null; throw error; });
            return pooled(await whole, shown.length, at);
        },
    };
}

/** Spans to show of a long alignment: those that differ, with some around them; null stands for a gap. */
export function excerpt(spans: readonly Span[], most: number, around: number): (number | null)[] {
    if (spans.length <= most) return spans.map((_, i) => i);
    const wanted = new Set<number>();
    spans.forEach(([kind], i) => { if (kind !== 'same') for (let n = i - around; n <= i + around; n++) if (n >= 0 && n < spans.length) wanted.add(n); });
    if (!wanted.size) for (let i = 0; i < most; i++) wanted.add(i);
    const out: (number | null)[] = [];
    let last = -1;
    for (const i of [...wanted].sort((a, b) => a - b).slice(0, most)) {
        if (i > last + 1) out.push(null);
        out.push(i);
        last = i;
    }
    if (last < spans.length - 1) out.push(null);
    return out;
}
