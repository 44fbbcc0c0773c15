/** From values to colours. Runs in the worker and, where there is none, on the page. */

/**
 * How a value becomes a place between 0 and 1 on the ramp.
 * `linear`: 0 to `most`; `log`: `decades` powers of ten below `most`, smaller ones like 0; `rowmax`: 0 to the largest of the value's own row;
 * `diverging`: −`most` to `most`, zero in the middle.
 */
export type Scale =
    | { kind: 'linear'; most: number }
    | { kind: 'log'; most: number; decades: number }
    | { kind: 'rowmax' }
    | { kind: 'diverging'; most: number };

/** 0 to 1; NaN for a masked or missing value, which has no colour at all. */
export function place(value: number, scale: Scale, rowMost = NaN): number {
    if (Number.isNaN(value)) return NaN;
    switch (scale.kind) {
        case 'linear': return clamp(scale.most > 0 ? value / scale.most : 0);
        case 'log': return value > 0 && scale.most > 0 ? clamp(1 + Math.log10(value / scale.most) / scale.decades) : 0;
        case 'rowmax': return clamp(rowMost > 0 ? value / rowMost : 0);
        case 'diverging': return clamp(0.5 + (scale.most > 0 ? value / scale.most / 2 : 0));
    }
}

const clamp = (n: number) => (n < 0 ? 0 : n > 1 ? 1 : n);

export interface Painting {
    /** [height, width], NaN = masked. */
    values: Float32Array;
    width: number;
    scale: Scale;
    /** 256 colours, red, green, blue (`ramp` of parts/colours.ts). */
    ramp: Uint8ClampedArray;
    /** Largest of each row, for `rowmax`; [height]. */
    rowMost: Float32Array | null;
    /** What each row is divided by before anything else (sink renormalised); [height]. */
    divisors: Float32Array | null;
}

/** Red, green, blue, alpha of every value; masked ones are wholly transparent, so that the hatching below shows. */
export function paint({ values, width, scale, ramp, rowMost, divisors }: Painting): Uint8ClampedArray<ArrayBuffer> {
    const pixels = new Uint8ClampedArray(values.length * 4);
    for (let i = 0; i < values.length; i++) {
        const row = Math.floor(i / width);
        const value = divisors ? values[i] / divisors[row] : values[i];
        const at = place(value, scale, rowMost ? rowMost[row] : NaN);
        if (at !== at) continue;
        const colour = Math.round(at * 255) * 3;
        pixels[4 * i] = ramp[colour];
        pixels[4 * i + 1] = ramp[colour + 1];
        pixels[4 * i + 2] = ramp[colour + 2];
        pixels[4 * i + 3] = 255;
    }
    return pixels;
}

export interface Spread { least: number; most: number }

/** Smallest and largest, masked and infinite values aside; `from` skips columns before it (a hidden sink). */
export function spread(values: Float32Array, width: number, from = 0, divisors: Float32Array | null = null): Spread {
    let least = Infinity;
    let most = -Infinity;
    for (let i = 0; i < values.length; i++) {
        if (i % width < from) continue;
        const value = divisors ? values[i] / divisors[Math.floor(i / width)] : values[i];
        if (!Number.isFinite(value)) continue;
        if (value < least) least = value;
        if (value > most) most = value;
    }
    return { least, most };
}

/** The largest of each row; NaN where all is masked. */
export function rowLargest(values: Float32Array, width: number, from = 0, divisors: Float32Array | null = null): Float32Array {
    const rows = new Float32Array(values.length / width).fill(NaN);
    for (let i = 0; i < values.length; i++) {
        if (i % width < from) continue;
        const row = Math.floor(i / width);
        const value = divisors ? values[i] / divisors[row] : values[i];
        if (Number.isFinite(value) && !(value <= rows[row])) rows[row] = value;
    }
    return rows;
}
