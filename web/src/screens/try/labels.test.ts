import { expect, it } from 'vitest';
import { grouped } from './labels';

it('groups heads by label, each once', () => {
    const head = (layer: number, n: number, ...labels: string[]) => ({ layer, head: n, labels });
    expect(grouped({
        label_rules: [{ name: 'previous_token', title: 'previous token' }],
        text: { heads: [head(0, 0), head(1, 2, 'previous_token')] },
        random: { heads: [head(1, 2, 'previous_token'), head(2, 0, 'induction'), head(3, 1, 'induction')] },
    })).toEqual([
        { label: 'induction', heads: [{ layer: 2, head: 0 }, { layer: 3, head: 1 }] },
        { label: 'previous token', heads: [{ layer: 1, head: 2 }] },
    ]);
    expect(grouped({})).toEqual([]);
    expect(grouped({ text: { heads: [head(0, 0)] } })).toEqual([]);
});
