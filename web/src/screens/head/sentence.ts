import type { View } from '../../link';
import { short } from '../../parts/number';
import { decimals } from './ranked';

export interface Said {
    of: string;
    kind: View['kind'];
    side: View['side'];
    unit: View['unit'];
    renormalised: boolean;
    query: { text: string; position: number };
    key: { text: string; position: number } | null;
    /** Of this pair; null: not known yet. */
    value: number | null;
    masked: boolean;
}

/** `2.1`: “Layer 2, head 1”; also for means and rollout. */
export function headWords(of: string): string {
    const rollout = /^rollout:(\d+)$/.exec(of);
    if (rollout) return `Attention rollout through layer ${rollout[1]}`;
    if (of === '*.*') return 'Mean of all heads of all layers';
    const layer = /^(\d+)\.\*$/.exec(of);
    if (layer) return `Mean of all heads of layer ${layer[1]}`;
    const heads = of.split(',');
    if (heads.length > 1) return `Mean of heads ${heads.slice(0, -1).join(', ')} and ${heads[heads.length - 1]}`;
    const [l, h] = of.split('.');
    return `Layer ${l}, head ${h}`;
}

/** The picture in words: who looks, at whom, by how much. */
export function sentence({ of, kind, side, unit, renormalised, query, key, value, masked }: Said): string {
    const head = headWords(of);
    const q = `“${query.text}” (${place(unit)} ${query.position})`;
    if (!key) return `${head}: ${side === 'row' ? `what ${q} looks at` : `who looks at ${q}`}.`;
    const k = `“${key.text}” (${place(unit)} ${key.position})`;
    if (masked) return `${head}: when reading ${q}, the model cannot see ${k}${key.position > query.position ? ': it comes later' : ': it is masked'}.`;
    if (value === null) return `${head}: when reading ${q}, how much of its attention ${k} gets is not shown.`;
    const number = short(value, decimals(value));
    const rollout = of.startsWith('rollout');
    switch (kind) {
        case 'weights':
            return rollout
                ? `${head}: ${number} of what stands at ${q} is traced back to ${k}.`
                : `${head}: when reading ${q}, the model gives ${number} of its attention to ${k}${renormalised ? ', the first token taken out' : ''}.`;
        case 'scores':
            return `${head}: when reading ${q}, the score of ${k} is ${number} before softmax.`;
        case 'value':
            return `${head}: when reading ${q}, what it takes from ${k} has length ${number}: the weight times the length of its value after Wo.`;
    }
}

const place = (unit: View['unit']): string => (unit === 'token' ? 'position' : unit);
