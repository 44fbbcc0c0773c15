/** What the rules of choosing leave of a prediction: the same computation as clearhead.sampling.Candidates, so that moving a slider needs no server. */

export interface Rules { temperature: number; topK: number; topP: number; minP: number }

export const off: Rules = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** One position's logits in their order: falling, of equals the lower id first. A rule leaves a beginning of it. */
export interface Ordered {
    logits: Float32Array;
    /** Ids by place. */
    order: Uint32Array;
    /** Place by id. */
    place: Uint32Array;
    /** ln Σ exp(logit). */
    lse: number;
    /** −Σ p·ln p, nats. */
    entropy: number;
}

export function ordered(logits: Float32Array): Ordered {
    const order = sorted(logits);
    const place = new Uint32Array(logits.length);
    order.forEach((id, at) => { place[id] = at; });
    const lse = logSumExp(logits, 1);
    let entropy = 0;
    for (const logit of logits) {
        const p = Math.exp(logit - lse);
        if (p > 0) entropy -= p * (logit - lse);
    }
    return { logits, order, place, lse, entropy };
}

/** Ids by falling logit, of equals the lower id first: a radix sort, since a comparing one takes 0.2 s for 150,000 tokens. */
function sorted(logits: Float32Array): Uint32Array {
    const bits = new Uint32Array(logits.slice().buffer);
    const keys = bits.map((b, id) => ~(logits[id] === 0 ? 0x80000000 : b & 0x80000000 ? ~b : b | 0x80000000));
    let from = bits.map((_, id) => id);
    let to = new Uint32Array(from.length);
    for (const shift of [0, 16]) {
        const starts = new Uint32Array(65537);
        for (const key of keys) starts[((key >>> shift) & 0xffff) + 1]++;
        for (let digit = 0; digit < 65536; digit++) starts[digit + 1] += starts[digit];
        for (const id of from) to[starts[(keys[id] >>> shift) & 0xffff]++] = id;
        [from, to] = [to, from];
    }
    return from;
}

function logSumExp(logits: Float32Array, temperature: number): number {
    let most = -Infinity;
    for (const logit of logits) if (logit > most) most = logit;
    let sum = 0;
    for (const logit of logits) sum += Math.exp((logit - most) / temperature);
    return most / temperature + Math.log(sum);
}

export type Cut = 'none' | 'top_k' | 'top_p' | 'min_p' | 'greedy';

export interface Line { rule: Cut; text: string; kept: number; probability: number }

export interface Left {
    rules: Rules;
    afterTopK: number;
    afterTopP: number;
    afterMinP: number;
    /** Tokens that can be drawn. */
    kept: number;
    /** Rules that are on, in their order. */
    lines: Line[];
    /** Softmax over the whole vocabulary at temperature 1. */
    probability(id: number): number;
    /** The same at the temperature set: before renormalisation. */
    tempered(id: number): number;
    /** Over what the rules leave: after renormalisation; 0 for what is cut. */
    drawn(id: number): number;
    cut(id: number): Cut;
}

/** Top-k, top-p of what it left, min-p of what that left, both at temperature 1; then the temperature. */
export function left(p: Ordered, rules: Rules): Left {
    const { logits, order, place, lse } = p;
    const { temperature, topK, topP, minP } = rules;
    const logit = (at: number) => logits[order[at]];
    const most = logit(0);
    const afterTopK = topK === 0 ? order.length : Math.min(topK, order.length);
    let afterTopP = afterTopK;
    if (topP < 1) {
        let sum = 0;
        for (let at = 0; at < afterTopK; at++) sum += Math.exp(logit(at) - most);
        let reached = 0;
        for (let at = 0; at < afterTopK; at++) {
            reached += Math.exp(logit(at) - most);
            if (reached >= topP * sum) { afterTopP = at + 1; break; }
        }
    }
    let afterMinP = afterTopP;
    if (minP > 0) {
        const least = most + Math.log(minP);
        while (afterMinP > 1 && logit(afterMinP - 1) < least) afterMinP--;
    }
    const kept = temperature === 0 ? 1 : afterMinP;
    let sum = 0;
    for (let at = 0; at < kept; at++) sum += temperature === 0 ? 1 : Math.exp((logit(at) - most) / temperature);
    const temperedLse = temperature === 0 ? 0 : logSumExp(logits, temperature);
    const probability = (id: number) => Math.exp(logits[id] - lse);
    const drawn = (id: number) => (place[id] >= kept ? 0 : temperature === 0 ? 1 : Math.exp((logits[id] - most) / temperature) / sum);
    const share = (n: number) => { let s = 0; for (let at = 0; at < n; at++) s += probability(order[at]); return s; };
    const lines: Line[] = [];
    const line = (rule: Cut, text: string, n: number) => lines.push({ rule, text, kept: n, probability: share(n) });
    if (topK > 0) line('top_k', `top-k ${topK}`, afterTopK);
    if (topP < 1) line('top_p', `top-p ${topP}`, afterTopP);
    if (minP > 0) line('min_p', `min-p ${minP}`, afterMinP);
    if (temperature === 0) line('greedy', 'temperature 0', 1);
    return {
        rules, afterTopK, afterTopP, afterMinP, kept, lines, probability, drawn,
        tempered: (id) => (temperature === 0 ? drawn(id) : Math.exp(logits[id] / temperature - temperedLse)),
        cut: (id) => (place[id] >= afterTopK ? 'top_k' : place[id] >= afterTopP ? 'top_p' : place[id] >= afterMinP ? 'min_p' : place[id] < kept ? 'none' : 'greedy'),
    };
}

/** Length of a bar on a logarithmic scale from 1e-6 (0) to 1 (1). */
export const logarithmic = (share: number): number => (share > 0 ? Math.max(0, 1 + Math.log10(share) / 6) : 0);

/** UTF-8 bytes in hex as text; null where they are no whole characters. */
export function decoded(hex: string): string | null {
    try {
        return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
    } catch {
        return null;
    }
}
