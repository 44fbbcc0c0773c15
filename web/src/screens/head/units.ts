import { visible } from '../../parts/token';
import type { View } from '../../link';
import type { Token } from '../../types';

/** Tokens, words or sentences: what rows and columns stand for. */
export interface Units {
    name: View['unit'];
    count: number;
    /** Drawn text of a unit. */
    label(unit: number): string;
    /** The unit that a token belongs to. */
    of(position: number): number;
    /** The token that stands for a unit in the selection: its last. */
    last(unit: number): number;
    first(unit: number): number;
}

export function unitsOf(tokens: Token[], name: View['unit']): Units {
    if (name === 'token') {
        const clamp = (i: number) => Math.max(0, Math.min(i, tokens.length - 1));
        return { name, count: tokens.length, label: (i) => visible(tokens[i]?.text ?? ''), of: clamp, last: clamp, first: clamp };
    }
    const starts: number[] = [];
    const unit = new Int32Array(tokens.length);
    tokens.forEach((token, position) => {
        if (position === 0 || token[name] !== tokens[position - 1][name]) starts.push(position);
        unit[position] = starts.length - 1;
    });
    const clamp = (i: number) => Math.max(0, Math.min(i, starts.length - 1));
    const first = (i: number) => starts[clamp(i)];
    const last = (i: number) => (starts[clamp(i) + 1] ?? tokens.length) - 1;
    return {
        name, count: starts.length, first, last,
        label: (i) => visible(tokens.slice(first(i), last(i) + 1).map((t) => t.text).join('')),
        of: (position) => unit[Math.max(0, Math.min(position, tokens.length - 1))] ?? 0,
    };
}
