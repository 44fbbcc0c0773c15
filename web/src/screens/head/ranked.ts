import { byMass, withSink } from '../../parts/weights';
import type { View } from '../../link';

/** A key of a row, or a query of a column, as it stands in the list. */
export interface Entry {
    position: number;
    value: number;
    /** Units between the two: how far the query looks back. */
    distance: number;
    /** Sum of the values down to this one; null where a sum has no meaning (scores). */
    running: number | null;
}

export interface Ranked {
    entries: Entry[];
    /** All values as shown, by position; NaN where nothing is shown. */
    shown: Float64Array;
    /** Shown values that the mass setting leaves out. */
    left: number;
    total: number;
    /** What was done to the model's own numbers, in words; '' for nothing. */
    note: string;
}

export interface How {
    kind: View['kind'];
    sink: View['sink'];
    mass: number;
    side: View['side'];
    /** Position of the row's query or the column's key. */
    at: number;
    /** 1 − weight of the first token, by query: what a column is divided by where the sink is renormalised. */
    divisors: Float32Array | null;
}

/** A row or column by falling value: sink and mass applied, distances and running sums beside. */
export function ranked(values: ArrayLike<number>, { kind, sink, mass, side, at, divisors }: How): Ranked {
    let shown: Float64Array = Float64Array.from(values);
    let note = '';
    if (side === 'row' && kind === 'weights') {
        ({ weights: shown, note } = withSink(shown, sink));
    } else if (side === 'row' && sink !== 'show' && shown.length > 1) {
        shown[0] = NaN;
        note = `The first token is hidden.${sink === 'renormalise' ? ' Only weights can be renormalised: these numbers are the model’s own.' : ''}`;
    } else if (side === 'column' && sink !== 'show' && at === 0) {
        note = 'This is the column of the first token itself, shown as it is.';
    } else if (side === 'column' && sink === 'renormalise' && kind === 'weights' && divisors) {
        shown = shown.map((value, query) => (query === 0 ? NaN : value / divisors[query]));
        note = 'Each weight is divided by what the first token leaves of its row: these are not the model’s own weights.';
    }
    const sums = kind !== 'scores';
    const order = sums ? byMass(shown, mass) : byMass(shown, 1);
    let total = 0;
    let count = 0;
    for (const value of shown) if (!Number.isNaN(value)) { total += value; count++; }
    let running = 0;
    const entries = order.map((position) => {
        running += shown[position];
        return { position, value: shown[position], distance: side === 'row' ? at - position : position - at, running: sums ? running : null };
    });
    return { entries, shown, left: count - entries.length, total, note };
}

/** How far, in words: `this one`, `1 back`, `12 later`. */
export const away = (distance: number, side: View['side']): string => (distance === 0 ? 'itself' : `${distance} ${side === 'row' ? 'back' : 'later'}`);

/** Decimals that keep a small weight readable: 0.412, 0.0412, 0.00412, 4.12e-5. */
export function decimals(value: number): number {
    const size = Math.abs(value);
    if (size >= 0.1 || size === 0) return 3;
    return size >= 0.01 || size < 1e-4 ? 4 : 5;
}
