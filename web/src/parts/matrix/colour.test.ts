import { describe, expect, it } from 'vitest';
import { paint, place, rowLargest, spread } from './colour';

const grey = Uint8ClampedArray.from({ length: 768 }, (_, i) => Math.floor(i / 3));

describe('place', () => {
    it('linear: 0 to the largest', () => {
        expect(place(0.25, { kind: 'linear', most: 0.5 })).toBe(0.5);
        expect(place(2, { kind: 'linear', most: 0.5 })).toBe(1);
        expect(place(0, { kind: 'linear', most: 0 })).toBe(0);
    });
    it('log: powers of ten below the largest; 0 is the lowest colour, not masked', () => {
        const log = { kind: 'log', most: 1, decades: 4 } as const;
        expect(place(0.01, log)).toBeCloseTo(0.5, 12);
        expect(place(1, log)).toBe(1);
        expect(place(1e-9, log)).toBe(0);
        expect(place(0, log)).toBe(0);
    });
    it('row-max and diverging', () => {
        expect(place(0.1, { kind: 'rowmax' }, 0.4)).toBe(0.25);
        expect(place(0, { kind: 'diverging', most: 3 })).toBe(0.5);
        expect(place(-3, { kind: 'diverging', most: 3 })).toBe(0);
        expect(place(1.5, { kind: 'diverging', most: 3 })).toBe(0.75);
    });
    it('masked has no place', () => {
        expect(place(NaN, { kind: 'linear', most: 1 })).toBeNaN();
        expect(place(NaN, { kind: 'log', most: 1, decades: 4 })).toBeNaN();
    });
});

describe('paint', () => {
    const values = Float32Array.from([0.5, NaN, 0.2, 0.4]);
    it('leaves masked cells transparent and zero coloured', () => {
        const pixels = paint({ values: Float32Array.from([0, NaN]), width: 2, scale: { kind: 'linear', most: 1 }, ramp: grey, rowMost: null, divisors: null });
        expect([...pixels]).toEqual([0, 0, 0, 255, 0, 0, 0, 0]);
    });
    it('scales by row', () => {
        const pixels = paint({ values, width: 2, scale: { kind: 'rowmax' }, ramp: grey, rowMost: rowLargest(values, 2), divisors: null });
        expect([pixels[0], pixels[7], pixels[8], pixels[12]]).toEqual([255, 0, 128, 255]);
    });
    it('divides rows before it scales them', () => {
        const divisors = Float32Array.from([0.5, 0.8]);
        const pixels = paint({ values, width: 2, scale: { kind: 'linear', most: 1 }, ramp: grey, rowMost: null, divisors });
        expect([pixels[0], pixels[8], pixels[12]]).toEqual([255, 64, 128]);
    });
});

describe('ranges', () => {
    const values = Float32Array.from([0.9, NaN, NaN, 0.5, 0.3, 0.2, NaN, Infinity, NaN]);
    it('ignores what is masked, infinite or hidden', () => {
        expect(spread(values, 3).most).toBeCloseTo(0.9, 6);
        expect(spread(values, 3, 1).most).toBeCloseTo(0.3, 6);
        expect(spread(values, 3).least).toBeCloseTo(0.2, 6);
        expect(spread(Float32Array.from([NaN]), 1).most).toBe(-Infinity);
        const rows = rowLargest(values, 3, 1);
        expect(rows[0]).toBeNaN();
        expect(rows[1]).toBeCloseTo(0.3, 6);
        expect(rows[2]).toBeNaN();
    });
});
