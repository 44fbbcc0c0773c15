// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import type { Grid, Sum } from './data';
import { lensSentence, strength } from './lens';
import { lensSvg, sumSvg } from './pictures';
import { sentenceOf, signed, steps } from './sum';

const a = { id: 4, text: ' cat', bytes: '20636174' };
const b = { id: 5, text: ' dog', bytes: '20646f67' };
const sum: Sum = {
    query: 2, sentence: '', a, b, divisor: 1.5, logit: 1.5, sum: 1.5, difference: 0,
    parts: [
        { kind: 'token', name: "the token's embedding", value: 0.5 },
        { kind: 'head', layer: 0, head: 0, name: 'layer 0, head 0', value: 2 },
        { kind: 'head', layer: 0, head: 1, name: 'layer 0, head 1', value: -0.25 },
        { kind: 'attention_bias', layer: 0, name: 'layer 0, bias of attention', value: 0.25 },
        { kind: 'mlp', layer: 0, name: 'layer 0, MLP', value: -1.5 },
        { kind: 'change', layer: 0, name: 'the change in layer 0', value: 0.25 },
        { kind: 'norm_bias', name: "the last norm's bias", value: 0.25 },
    ],
    layers: [{ layer: 0, attention: 2, mlp: -1.5 }],
};

describe('contributions', () => {
    it('is a waterfall: each step begins where the one before ended, and the last ends at the sum', () => {
        const list = steps(sum);
        expect(list.map((s) => s.value)).toEqual([0.5, 2, -1.5, 0.25, 0.25]);
        list.slice(1).forEach((s, i) => expect(s.from).toBe(list[i].to));
        expect(list[list.length - 1].to).toBe(sum.sum);
    });

    it('says what speaks most for and against', () => {
        expect(sentenceOf(sum, ' sat')).toBe('logit(“·cat”) − logit(“·dog”) = 1.500 after “·sat” (2); most for it says layer 0, head 0 (+2); most against it layer 0, MLP (−1.50).');
        expect(signed(-0.5)).toBe('−0.500');
    });

    it('leaves as an SVG with every part', () => {
        const svg = sumSvg(sum, 'a < b');
        expect(svg).toContain('a &lt; b');
        for (const s of steps(sum)) expect(svg).toContain(s.name);
        expect(new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror')).toBeNull();
    });
});

const cell = (position: number, id: number, probability: number, rank: number, divergence: number) =>
    ({ position, id, text: ' t' + id, logit: 1, probability, divergence, watched_rank: rank, watched_logit: 0, watched_probability: 0.1 });
const grid: Grid = {
    query: 1, positions: [0, 1], watched: a,
    rows: [
        { site: 'resid_pre', layer: 0, label: 'embed', cells: [cell(0, 1, 0.9, 50, 12), cell(1, 2, 0.8, 40, 11)] },
        { site: 'resid_post', layer: 0, label: '0', cells: [cell(0, 1, 0.3, 9, 1), cell(1, 7, 0.2, 3, 2)] },
        { site: 'resid_post', layer: 1, label: '1', cells: [cell(0, 3, 0.5, 2, 0), cell(1, 7, 0.6, 1, 0)] },
    ],
};

describe('logit lens', () => {
    it('says from where on the prediction is read, and how the followed token moves', () => {
        expect(lensSentence(grid, 1, 'x')).toBe('After x the model predicts “·t7” (0.600), which the lens reads after layer 0 and from there on; “·cat” goes from rank 40 at the embedding to rank 1.');
        expect(lensSentence(grid, 0, 'x')).toContain('only after layer 1');
    });

    it('paints probability, rank and distance from 0 to 1', () => {
        const [bottom] = grid.rows[0].cells;
        expect(strength(bottom, 'probability', 100)).toBe(0.9);
        expect(strength(cell(0, 1, 0, 1, 0), 'rank', 100)).toBe(1);
        expect(strength(cell(0, 1, 0, 100, 0), 'rank', 100)).toBe(0);
        expect(strength(cell(0, 1, 0, 1, 0), 'divergence', 100)).toBe(1);
        expect(strength(bottom, 'divergence', 100)).toBe(0);
    });

    it('leaves as an SVG', () => {
        const svg = lensSvg(grid, [], 'probability', 100, 'title');
        expect(svg.match(/<rect/g)?.length).toBe(7);
    });
});
