/** One token before and after. */
export interface Effect { id: number; text: string; logit_before: number; logit_after: number; probability_before: number; probability_after: number }

export interface Arrow {
    layer: number; head: number; query_span: number; key_span: number; query_a: number; query_b: number; key_a: number; key_b: number;
    a: number; b: number; difference: number;
}

export interface HeadDistance { layer: number; head: number; distance: number; largest: number; entropy_a: number; entropy_b: number }

export type Span = [kind: 'same' | 'replaced' | 'only_a' | 'only_b', fromA: number, toA: number, fromB: number, toB: number];

export interface Choice { id: number; text: string; logit: number; probability: number }

/** GET compare: docs/json.md, compare. */
export interface Compared {
    a: string; b: string; query_a: number; query_b: number; alignment: Span[]; rows: number; of: number; heads: HeadDistance[]; arrows: Arrow[];
    divergence?: number; tokens?: Effect[]; next_a: Choice[]; next_b: Choice[];
}

export interface Swept { layer: number; head: number; divergence: number; best: Effect; tokens: Effect[] }

/** POST patch: docs/json.md, patch. Numbers that JSON lacks come as strings. */
export interface Grid {
    query: number; site: string; head?: number; layers: number[]; positions: number[]; from: number[]; a: { id: number; text: string }; b: { id: number; text: string };
    unpatched: number; source: number; patched: number[][]; share: (number | string)[][];
}

/** The likeliest before and after, at most `count`, by what they have at most in either. */
export const likeliest = (tokens: readonly Effect[], count: number): Effect[] =>
    [...tokens].sort((x, y) => Math.max(y.probability_before, y.probability_after) - Math.max(x.probability_before, x.probability_after) || x.id - y.id).slice(0, count);

/** The token that was likeliest before, and the one that is after. */
export function bests(tokens: readonly Effect[]): { before: Effect; after: Effect } | null {
    if (!tokens.length) return null;
    const best = (of: (e: Effect) => number) => tokens.reduce((best, e) => (of(e) > of(best) ? e : best));
    return { before: best((e) => e.probability_before), after: best((e) => e.probability_after) };
}
