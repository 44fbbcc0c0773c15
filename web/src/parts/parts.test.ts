import { rgb } from 'd3-color';
import { describe, expect, it } from 'vitest';
import { diverging, idColour, inkOn, sequential, series } from './colours';
import { csv, html } from './export';
import { full, percent, short } from './number';
import { visible } from './token';
import { byMass, strength, withSink } from './weights';

describe('numbers', () => {
    it('are short to read', () => {
        expect([0, 1, 1024, 0.41234, 0.00012, 3.14159e-7, 23.149, 2.8937, 1234.5, -0.5, 2e15].map((n) => short(n)))
            .toEqual(['0', '1', '1,024', '0.412', '1.2e-4', '3.1e-7', '23.1', '2.89', '1235', '−0.500', '2.0e+15']);
        expect([NaN, Infinity, -Infinity].map((n) => short(n))).toEqual(['NaN', '+∞', '−∞']);
    });
    it('are whole in titles', () => {
        expect(full(0.1 + 0.2)).toBe('0.30000000000000004');
    });
    it('never show a small share as none', () => {
        expect(short(0.0004, 3)).toBe('4.0e-4');
        expect(percent(0.412)).toBe('41.2 %');
    });
});

describe('weights', () => {
    const row = [0.5, 0.3, 0.15, 0.05];
    it('with the sink', () => {
        expect([...withSink(row, 'show').weights]).toEqual(row);
        expect([...withSink(row, 'hide').weights]).toEqual([NaN, 0.3, 0.15, 0.05]);
        const { weights, note } = withSink(row, 'renormalise');
        expect(weights[1]).toBeCloseTo(0.6, 12);
        expect(weights[1] + weights[2] + weights[3]).toBeCloseTo(1, 12);
        expect(note).toContain('not the model’s own');
        expect(withSink([1, 0], 'renormalise').note).toContain('nothing is left');
        expect([...withSink([1], 'hide').weights]).toEqual([1]);
    });
    it('by mass', () => {
        expect(byMass(row, 1)).toEqual([0, 1, 2, 3]);
        expect(byMass(row, 0.8)).toEqual([0, 1]);
        expect(byMass(row, 0.81)).toEqual([0, 1, 2]);
        expect(byMass([NaN, 0.1, 0.7], 0.5)).toEqual([2]);
        expect(byMass([], 0.5)).toEqual([]);
    });
    it('by scale', () => {
        expect(strength(0.5, 'linear', 0.5)).toBe(0.5);
        expect(strength(0.25, 'rowmax', 0.5)).toBe(0.5);
        expect(strength(0.01, 'log', 1)).toBeCloseTo(0.5, 12);
        expect(strength(1e-9, 'log', 1)).toBe(0);
        expect(strength(NaN, 'linear', 1)).toBe(0);
    });
});

function luminance(colour: string): number {
    const { r, g, b } = rgb(colour);
    const linear = (c: number) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
const contrast = (a: string, b: string): number => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};

describe('colours', () => {
    it('begin at the paper, and lightness goes one way', () => {
        expect(sequential(0, false)).toBe('#ffffff');
        expect(diverging(0, false)).toBe('#ffffff');
        for (const onDark of [false, true]) {
            let before = luminance(sequential(0, onDark));
            for (let t = 0.02; t <= 1; t += 0.02) {
                const now = luminance(sequential(t, onDark));
                expect(onDark ? now - before : before - now).toBeGreaterThanOrEqual(0);
                before = now;
            }
        }
    });
    it('let text be read on them', () => {
        for (const onDark of [false, true]) for (let t = -1; t <= 1; t += 0.05) {
            for (const colour of [sequential(Math.abs(t), onDark), diverging(t, onDark)]) expect(contrast(inkOn(colour), colour)).toBeGreaterThan(4.4);
        }
        for (let i = 0; i < 7; i++) {
            expect(contrast(series(i, false), '#ffffff')).toBeGreaterThan(4.5);
            expect(contrast(series(i, true), '#14181d')).toBeGreaterThan(4.5);
        }
        for (let id = 0; id < 500; id += 7) {
            expect(contrast(idColour(id, false), '#171d24')).toBeGreaterThan(7);
            expect(contrast(idColour(id, true), '#e4e9ee')).toBeGreaterThan(4.5);
        }
    });
});

describe('exports', () => {
    const table = { columns: ['token', 'weight, %'], rows: [[' "a",\nb', 0.1 + 0.2], ['<x>', null], ['n', NaN]] };
    it('are CSV as RFC 4180 has it, with all digits', () => {
        expect(csv(table)).toBe('token,"weight, %"\r\n" ""a"",\nb",0.30000000000000004\r\n<x>,\r\nn,NaN\r\n');
    });
    it('are one file without anything from outside, whatever the text', async () => {
        const evil = '</script><script>alert(1)</script><img src=x onerror=alert(1)>';
        const file = await html({ name: evil, sentence: evil, table: { columns: [evil], rows: [[evil]] }, json: { text: evil }, cli: evil, java: evil }, [[evil, evil]], 'http://127.0.0.1/#1&t=t"');
        expect(file.match(/<script/g)).toEqual(['<script']);
        expect(file).not.toContain('<img');
        expect(file).not.toMatch(/(src|href)="?https?:\/\/(?!127)/);
        const data = /<script type="application\/json" id="data">(.*)<\/script>/.exec(file);
        expect(JSON.parse(data![1])).toEqual({ text: evil });
    });
});

describe('tokens', () => {
    it('show what is invisible', () => {
        expect(visible(' cat')).toBe('·cat');
        expect(visible('\n\t\u001b\u0000')).toBe('↵⇥␛␀');
        expect(visible('')).toBe('∅');
    });
});
