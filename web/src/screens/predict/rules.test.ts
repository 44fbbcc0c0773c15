import { describe, expect, it } from 'vitest';
import { decoded, left, logarithmic, off, ordered } from './rules';

// probabilities 0.4, 0.3, 0.2, 0.1 of the tokens 2, 0, 3, 1
const p = ordered(Float32Array.from([0.3, 0.1, 0.4, 0.2], Math.log));

describe('rules of choosing', () => {
    it('is a softmax by hand', () => {
        const l = left(p, { ...off, temperature: 0.5 });
        expect([...p.order]).toEqual([2, 0, 3, 1]);
        expect(l.probability(2)).toBeCloseTo(0.4, 7);
        expect(l.tempered(2)).toBeCloseTo(0.16 / 0.3, 7);
        expect(l.drawn(2)).toBeCloseTo(0.16 / 0.3, 7);
        expect(l.lines).toEqual([]);
        expect(p.lse).toBeCloseTo(0, 7);
        expect(p.entropy).toBeCloseTo(-[0.4, 0.3, 0.2, 0.1].reduce((s, x) => s + x * Math.log(x), 0), 6);
    });

    it('cuts in the order top-k, top-p, min-p', () => {
        const l = left(p, { temperature: 2, topK: 3, topP: 0.75, minP: 0.8 });
        expect(l.lines.map((line) => [line.rule, line.kept])).toEqual([['top_k', 3], ['top_p', 2], ['min_p', 1]]);
        expect(l.lines[0].probability).toBeCloseTo(0.9, 6);
        expect([2, 0, 3, 1].map(l.cut)).toEqual(['none', 'min_p', 'top_p', 'top_k']);
        expect(l.drawn(2)).toBe(1);
        expect(l.drawn(0)).toBe(0);
    });

    it('takes the first at temperature 0', () => {
        const l = left(p, { ...off, temperature: 0, topK: 3 });
        expect(l.kept).toBe(1);
        expect([2, 0, 3, 1].map(l.cut)).toEqual(['none', 'greedy', 'greedy', 'top_k']);
        expect(l.tempered(2)).toBe(1);
    });

    it('puts the lower id first of equals', () => {
        expect([...ordered(Float32Array.from([1, 3, 3, 1])).order]).toEqual([1, 2, 0, 3]);
    });

    it('has the numbers that the library has (PredictionTest, the same example)', () => {
        const many = ordered(Float32Array.from({ length: 500 }, (_, i) => ((i * 7919) % 1000) / 97 - 5));
        const l = left(many, { temperature: 0.7, topK: 40, topP: 0.6, minP: 0.8 });
        expect([l.afterTopK, l.afterTopP, l.afterMinP]).toEqual([40, 20, 11]);
        expect(many.lse).toBeCloseTo(9.182106386176066, 12);
        expect(many.entropy).toBeCloseTo(4.891773705421016, 12);
        for (const [at, id, probability, tempered, drawn] of [
            [0, 321, 0.02058614263060604, 0.029526053210768243, 0.10798318513508315],
            [3, 210, 0.018762012870429827, 0.02586070318122069, 0.09457820452354757],
            [20, 124, 0.013214554926699183, 0.01567376551276253, 0],
        ]) {
            expect(many.order[at]).toBe(id);
            expect(l.probability(id)).toBeCloseTo(probability, 14);
            expect(l.tempered(id)).toBeCloseTo(tempered, 14);
            expect(l.drawn(id)).toBeCloseTo(drawn, 14);
        }
    });

    it('sorts as a comparing sort does', () => {
        const logits = Float32Array.from({ length: 3000 }, (_, i) => ((i * 7919) % 601) / 30 - 10);
        logits[7] = -0;
        logits[5] = 0;
        logits[9] = -Infinity;
        const wanted = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
        expect([...ordered(logits).order]).toEqual(wanted);
    });

    it('sums to 1 over what is left', () => {
        const many = ordered(Float32Array.from({ length: 500 }, (_, i) => Math.sin(i * 12.9898) * 4));
        for (const rules of [off, { temperature: 0.7, topK: 40, topP: 0.9, minP: 0.02 }, { temperature: 3, topK: 0, topP: 0.5, minP: 0 }]) {
            const l = left(many, rules);
            let drawn = 0;
            let tempered = 0;
            many.order.forEach((id, at) => { drawn += l.drawn(id); tempered += l.tempered(id); expect(l.drawn(id) > 0).toBe(at < l.kept); });
            expect(drawn).toBeCloseTo(1, 12);
            expect(tempered).toBeCloseTo(1, 12);
        }
    });

    it('draws bars on a logarithmic scale', () => {
        expect(logarithmic(1)).toBe(1);
        expect(logarithmic(1e-3)).toBeCloseTo(0.5, 12);
        expect(logarithmic(1e-9)).toBe(0);
        expect(logarithmic(0)).toBe(0);
    });

    it('reads bytes as text only where they are whole characters', () => {
        expect(decoded('20636174')).toBe(' cat');
        expect(decoded('e282ac')).toBe('€');
        expect(decoded('e282')).toBeNull();
        expect(decoded('')).toBe('');
    });
});
