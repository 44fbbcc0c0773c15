import type { View } from '../link';

/** Weights below this are drawn like it on the logarithmic scale. */
export const LEAST = 1e-4;

/** How strongly a weight is painted, in [0, 1]. `largest` is the largest of its row. */
export function strength(weight: number, scale: View['scale'], largest: number): number {
    if (!(weight > 0)) return 0;
    switch (scale) {
        case 'linear': return Math.min(1, weight);
        case 'log': return Math.max(0, Math.min(1, 1 - Math.log10(weight) / Math.log10(LEAST)));
        case 'rowmax': return largest > 0 ? weight / largest : 0;
    }
}

export interface Shown {
    /** The weights as shown; NaN where nothing is shown (masked, hidden). */
    weights: Float64Array;
    /** Are they the model's own, or was something taken away? Then this says so in words; else ''. */
    note: string;
}

/** What the sink setting of the footer makes of a row: the first token may be hidden, or taken out and the rest made to sum to 1 again. */
export function withSink(row: ArrayLike<number>, sink: View['sink']): Shown {
    const weights = Float64Array.from(row);
    if (sink === 'show' || weights.length < 2 || Number.isNaN(weights[0])) return { weights, note: '' };
    const first = weights[0];
    weights[0] = NaN;
    const share = (100 * first).toPrecision(3);
    if (sink === 'hide') return { weights, note: `The first token is hidden; it holds ${share} % of this row.` };
    const rest = 1 - first;
    if (!(rest > 0)) return { weights, note: `The first token is hidden; it holds all of this row, so nothing is left to show.` };
    for (let i = 1; i < weights.length; i++) weights[i] /= rest;
    return { weights, note: `The first token (${share} % of this row) is taken out and the other weights divided by ${rest.toPrecision(4)}: these are not the model’s own weights.` };
}

/** Positions by falling weight that together hold `mass` of the shown weight (1: all). NaN never counts. */
export function byMass(weights: ArrayLike<number>, mass: number): number[] {
    const order: number[] = [];
    let sum = 0;
    for (let i = 0; i < weights.length; i++) if (!Number.isNaN(weights[i])) { order.push(i); sum += weights[i]; }
    order.sort((a, b) => weights[b] - weights[a] || a - b);
    if (mass >= 1) return order;
    let held = 0;
    let kept = 0;
    while (kept < order.length && held < mass * sum) held += weights[order[kept++]];
    return order.slice(0, kept);
}
