import { describe, expect, it } from 'vitest';
import type { Steps } from './data';
import { sharing } from './data';
import { csvRows, step } from './rows';
import { added, multiplied, normed, projected, ranked, running, softened, turned, weighed, write } from './sums';

/** A head of two elements over two tokens, by hand. */
const s: Steps = {
    place: { layer: 0, head: 3, kv_head: 1, shared_by: 2, query: 1, key: 0, heads: 4, kv_heads: 2, head_dim: 2, dim: 2, scale: 0.5 },
    query_input: { position: 1, norm: 'rms', mean: 0, mean_square: 3.99, eps: 0.01, divisor: 2, residual: [2, -2], weight: [1, 0.5], bias: [], x: [1, -0.5], difference: 0 },
    key_input: { position: 0, norm: 'layer', mean: 1, mean_square: 3.99, eps: 0.01, divisor: 2, residual: [3, -1], weight: [1, 1], bias: [0, 1], x: [1, 0], difference: 0 },
    q: { position: 1, head: 3, vector: [2, 1], difference: 0, elements: [{ index: 0, sum: 2, bias: 0.25, largest_products: [{ index: 0, x: 1, weight: 1.5, product: 1.5 }] }, { index: 1, sum: 1, bias: 0, largest_products: [] }] },
    k: { position: 0, head: 1, vector: [1, 4], difference: 0, elements: [] },
    v: { position: 0, head: 1, vector: [1, 1], difference: 0, elements: [] },
    rotations: [{ of: 'query', position: 1, before: [2, 1], after: [-1, 2], difference: 0, pairs: [{ first: 0, second: 1, angle: Math.PI / 2, cos: 0, sin: 1, a: 2, b: 1, turned_a: -1, turned_b: 2 }] }],
    products: { q: [-1, 2], k: [1, 4], products: [-1, 8], sum: 7, score: 3.5 },
    softmax: { keys: [{ position: 0, dot: 7, masked: false, score: 3.5, shifted: 0, exp: 1, weight: 0.8 }, { position: 1, dot: 4.2, masked: false, score: 2.1, shifted: -1.4, exp: 0.25, weight: 0.2 }, { position: 2, dot: 1, masked: true, score: '-Infinity', shifted: '-Infinity', exp: 0, weight: 0 }], max: 3.5, sum: 1.25, lse: 3.723, run_lse: 3.723, difference: 0 },
    weighted: { keys: [{ position: 0, weight: 0.8, value: [1, 1], product: [0.8, 0.8] }, { position: 1, weight: 0.2, value: [5, -1], product: [1, -0.2] }], other_keys: 0, rest: [0, 0], sum: [1.8, 0.6], z: [1.8, 0.6], difference: 0 },
    output: { head: [0.5, 0.25], norm_of_head: [0, 0, 0, 0.56], bias: [], attention: [1, -1], difference: 0 },
    sum: { residual: [2, -2], attention: [1, -1], sum: [3, -3], difference: 0 },
    effect: { direct: { most_likely: [], falling_without: [], rising_without: [], divergence: 0 }, total: { most_likely: [], falling_without: [], rising_without: [], divergence: 0 }, difference: 0 },
    largest_relative_difference: 0,
};

describe('sums written out', () => {
    it('norm', () => {
        expect([0, 1].map((i) => normed(s.query_input, 'query', i).result)).toEqual([1, -0.5]);
        expect([0, 1].map((i) => normed(s.key_input, 'key', i).result)).toEqual([1, 0]);
        expect(normed(s.query_input, 'query', 1).numbers).toBe('0.5000 · (−2) ÷ 2');
    });
    it('x · W, with what is left out', () => {
        const q = projected(s.q, 'q', 0, 2);
        expect(q.numbers).toBe('1·1.500₀ + (1 more = 0.2500) + bias 0.2500');
        expect([q.result, q.run, q.inputs]).toEqual([2, 2, { 'x of the query': [0] }]);
        expect(q.whole).toEqual({ of: 'q', index: 0 });
    });
    it('rotation', () => {
        expect([0, 1].map((e) => turned(s.rotations[0], e).result)).toEqual([-1, 2]);
        expect(turned(s.rotations[0], 0).inputs).toEqual({ 'q before': [0, 1] });
    });
    it('products', () => {
        expect(running(s.products.products)).toEqual([-1, 7]);
        expect(ranked([1, -3, 2])).toEqual([1, 2, 0]);
        expect(multiplied(s, 0).numbers).toBe('(−1) · 1');
        expect(write(s, { vector: 'running sum', index: 1 }, String)?.result).toBe(7);
    });
    it('softmax', () => {
        expect(s.softmax.keys.map((c) => softened(s, c).result)).toEqual([0.8, 0.2, 0]);
        expect(softened(s, s.softmax.keys[2]).formula).toContain('masked');
    });
    it('values', () => {
        const z = weighed(s, 0, (p) => 't' + p);
        expect(z.numbers).toBe('0.2000·5 t1 + 0.8000·1 t0');
        expect([z.result, z.run]).toEqual([1.8, 1.8]);
        expect(added(s, 1).result).toBe(-3);
        expect(added(s, 1).numbers).toBe('−2 − 1');
    });
    it('no cell is without its sum', () => {
        for (const vector of ['x of the query', 'x of the key', 'residual of the query', 'q of the query', 'q turned', 'q', 'k', 'q × k', 'weight', 'score', 'z', 'this head’s output', 'residual', 'attention', 'residual after']) {
            expect(write(s, { vector, index: 0 }, String), vector).not.toBeNull();
        }
        expect(write(s, { vector: 'nothing', index: 0 }, String)).toBeNull();
    });
});

describe('shared key and value heads', () => {
    it('are named', () => expect(sharing(s)).toEqual([2, 3]));
});

describe('every number leaves', () => {
    it('as rows of step, name, token, index, value', () => {
        const rows = csvRows(s);
        expect(rows.filter((r) => r[0] === 'softmax' && r[1] === 'weight').map((r) => r[4])).toEqual([0.8, 0.2, 0]);
        expect(rows.filter((r) => r[0] === 'products').length).toBe(2 * 3 + 2);
        expect(rows).toContainEqual(['softmax', 'score', 2, '', '-Infinity']);
    });
});

describe('stepping', () => {
    it('goes from panel to panel and stops at the ends', () => {
        expect([step('a', 1), step('i', 1), step('a', -1), step('d', -1)]).toEqual(['b', 'i', 'a', 'c']);
    });
});
