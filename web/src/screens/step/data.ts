import { signal } from '@preact/signals';
import { urlText } from '../../state';
import type { Num } from '../../types';

export interface Input { position: number; norm: 'rms' | 'layer'; mean: number; mean_square: number; eps: number; divisor: number; residual: number[]; weight: number[]; bias: number[]; x: number[]; difference: number }
export interface Product { index: number; x: number; weight: number; product: number }
export interface Element { index: number; sum: number; bias: number; largest_products: Product[] }
export interface Projection { position: number; head: number; vector: number[]; normed?: number[]; elements: Element[]; difference: number }
export interface Pair { first: number; second: number; angle: number; cos: number; sin: number; a: number; b: number; turned_a: number; turned_b: number }
export interface Rotation { of: 'query' | 'key'; position: number; before: number[]; after: number[]; pairs: Pair[]; difference: number }
export interface KeyCell { position: number; dot: number; masked: boolean; score: Num; shifted: Num; exp: number; weight: number }
export interface Change { id: number; text: string; logit_with: number; logit_without: number; probability_with: number; probability_without: number }
export interface Effect { most_likely: Change[]; falling_without: Change[]; rising_without: Change[]; divergence: number }
/** `steps` of docs/json.md. */
export interface Steps {
    place: { layer: number; head: number; kv_head: number; shared_by: number; query: number; key: number; heads: number; kv_heads: number; head_dim: number; dim: number; scale: number };
    query_input: Input; key_input: Input; q: Projection; k: Projection; v: Projection; rotations: Rotation[];
    products: { q: number[]; k: number[]; products: number[]; sum: number; score: number };
    softmax: { keys: KeyCell[]; max: number; sum: number; lse: number; run_lse: number; difference: number };
    weighted: { keys: { position: number; weight: number; value: number[]; product: number[] }[]; other_keys: number; rest: number[]; sum: number[]; z: number[]; difference: number };
    output: { head: number[]; norm_of_head: number[]; bias: number[]; attention: number[]; difference: number };
    sum: { residual: number[]; attention: number[]; sum: number[]; difference: number };
    effect: { direct: Effect; total: Effect; difference: number };
    largest_relative_difference: number;
}
export interface WrittenOut { of: string; position: number; index: number; sum: number; bias: number; run: number; difference: number; x: number[]; weight: number[]; products: number[] }

export const panels = [
    ['a', 'Residual', 'norm'], ['b', 'q, k, v', 'x · W'], ['c', 'Position', 'rotation'], ['d', 'q · k', 'element by element'], ['e', 'Scale', '÷ √d'],
    ['f', 'Mask', 'the future'], ['g', 'Softmax', 'scores to weights'], ['h', 'Values', 'weight × v, × Wo'], ['i', 'Effect', 'on the next token'],
] as const;
export type PanelId = (typeof panels)[number][0];

const chosen = urlText('step.panel', 'd');
export const panel = {
    get value(): PanelId { return panels.find(([id]) => id === chosen.value)?.[0] ?? 'd'; },
    set value(id: PanelId) { chosen.value = id; },
};
export const explain = urlText('step.explain', 'no');
export const side = urlText('step.side', 'query');
export const effectKind = urlText('step.effect', 'direct');

/** The cell that the pointer or the focus is on, and the one that a click keeps. */
export interface Lit { vector: string; index: number }
export const over = signal<Lit | null>(null);
export const kept = signal<Lit | null>(null);
export const shown = signal<Steps | null>(null);

/** Which query heads read the same key and value head. */
export const sharing = ({ place }: Steps): number[] => Array.from({ length: place.shared_by }, (_, i) => place.kv_head * place.shared_by + i);

export const explained: Record<PanelId, string> = {
    a: 'Each token carries a list of numbers, its residual; before attention reads it, it is brought to a common size, so that no token shouts.',
    b: 'Three tables of learnt weights turn it into a query (what this token looks for), a key (what a token offers to be found by) and a value (what it hands over when found).',
    c: 'So that the head knows where tokens stand, pairs of numbers of query and key are turned by an angle that grows with the position; only the difference of two positions is left in their product.',
    d: 'Query and key are multiplied number by number and added up: the more they agree, the larger the sum.',
    e: 'The sum is divided by the square root of its length, so that longer vectors do not make larger scores by themselves.',
    f: 'A token may look at itself and at what stands before it, never at what comes after: those scores are taken out.',
    g: 'All scores of the row become weights: each is raised to a power of e, then divided by the sum, so that together they are 1.',
    h: 'The values of all tokens are added up, each as strongly as its weight; the result goes through one more table (Wo) and is added to the residual.',
    i: 'What the head added changes which token the model thinks comes next. Direct: only through the last layer. Total: everything later layers make of it, too.',
};
