import { describe, expect, it } from 'vitest';
import { TILE } from '../../parts/matrix/tiles';
import type { Source } from '../../parts/matrix/source';
import type { Span } from '../try/data';
import { bySpan, difference, excerpt, joinedSource, oneToOne, pooled, spanOf } from './align';

// A: the cat sat; B: the grey dog sat, with “grey” only in B and “the” in two pieces.
const spans: Span[] = [['same', 0, 1, 0, 2], ['only_b', 1, 1, 2, 3], ['replaced', 1, 2, 3, 4], ['same', 2, 3, 4, 5]];
const never = new AbortController().signal;

function source(name: string, size: number, value: (r: number, c: number) => number): Source {
    return {
        name, extent: { rows: size, columns: size, causal: true },
        tile: ({ x, y }) => Promise.resolve(Float32Array.from({ length: TILE * TILE }, (_, i) => {
            const r = y * TILE + Math.floor(i / TILE);
            const c = x * TILE + (i % TILE);
            return r < size && c <= r ? value(r, c) : NaN;
        })),
    };
}

describe('alignment', () => {
    it('knows the span of a position', () => {
        expect([0, 1, 2].map((p) => spanOf(spans, 'a', p))).toEqual([0, 2, 3]);
        expect([0, 1, 2, 3, 4].map((p) => spanOf(spans, 'b', p))).toEqual([0, 0, 1, 2, 3]);
        expect(spanOf(spans, 'a', 9)).toBe(-1);
        expect(oneToOne(spans)).toBe(false);
        expect(oneToOne([['same', 0, 1, 0, 1], ['replaced', 1, 2, 1, 2]])).toBe(true);
    });
    it('sums what a row gives to a span', () => {
        expect([...bySpan([0.5, 0.25, 0.125, 0.125, NaN], spans, 'b')]).toEqual([0.75, 0.125, 0.125, NaN]);
        expect([...bySpan([0.5, 0.5, NaN], spans, 'a')]).toEqual([0.5, NaN, 0.5, NaN]);
    });
    it('joins a matrix: the row of a span is that of its last token', async () => {
        const b = source('b', 5, (r, c) => 10 * r + c);
        const tile = await joinedSource(b, 5, spans, 'b').tile({ level: 0, x: 0, y: 0 }, never);
        expect([...tile.subarray(0, 4)]).toEqual([21, NaN, NaN, NaN]);
        expect([...tile.subarray(3 * TILE, 3 * TILE + 4)]).toEqual([81, 42, 43, 44]);
        const a = await joinedSource(source('a', 3, (r, c) => 10 * r + c), 3, spans, 'a').tile({ level: 0, x: 0, y: 0 }, never);
        expect([...a.subarray(TILE, TILE + 4)]).toEqual([NaN, NaN, NaN, NaN]);
        expect([...a.subarray(3 * TILE, 3 * TILE + 4)]).toEqual([20, NaN, 21, 22]);
    });
    it('joins across tiles', async () => {
        const size = TILE + 40;
        const one = Array.from({ length: size }, (_, i): Span => ['same', i, i + 1, i, i + 1]);
        const tile = await joinedSource(source('long', size, (r, c) => r * 1000 + c), size, one, 'a').tile({ level: 0, x: 1, y: 1 }, never);
        expect(tile[10 * TILE + 5]).toBe((TILE + 10) * 1000 + TILE + 5);
        expect(tile[10 * TILE + 11]).toBeNaN();
    });
    it('pools by means of what is there', () => {
        const tile = pooled(Float32Array.from([1, NaN, NaN, 2, 3, NaN, 4, 5, 6]), 3, { level: 1, x: 0, y: 0 });
        expect(tile[0]).toBe(2);
        expect(tile[1]).toBeNaN();
        expect(tile[TILE]).toBe(4.5);
        expect(tile[TILE + 1]).toBe(6);
        expect(tile[2]).toBeNaN();
    });
    it('takes A from B', async () => {
        const tile = await difference(source('a', 3, (r, c) => r + c), source('b', 3, (r, c) => 2 * r + c)).tile({ level: 0, x: 0, y: 0 }, never);
        expect([...tile.subarray(2 * TILE, 2 * TILE + 4)]).toEqual([2, 2, 2, NaN]);
    });
    it('shows what differs of a long text', () => {
        const long = Array.from({ length: 50 }, (_, i): Span => [i === 20 ? 'replaced' : 'same', i, i + 1, i, i + 1]);
        expect(excerpt(long, 10, 2)).toEqual([null, 18, 19, 20, 21, 22, null]);
        expect(excerpt(spans, 10, 2)).toEqual([0, 1, 2, 3]);
    });
});
