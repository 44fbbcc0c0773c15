import { json } from '../../api';
import { ApiError } from '../../errors';
import { percent, short } from '../../parts/number';
import { named, visible } from '../../parts/token';
import { sideRun } from '../../session';
import { models, spec, urlText } from '../../state';
import type { Run, Spec } from '../../types';
import { bests, type Compared } from '../try/data';
import { range, type Side, spanOf } from './align';

/** What the run on screen is compared with. */
export type With = 'changes' | 'text' | 'model';
export const withWhat = urlText('compare.with', '');
export const otherText = urlText('compare.text', '');
export const otherModel = urlText('compare.model', '');

/** Before and after where the run has changes; else two texts. */
export const chosen = (run: Run): With => {
    const wanted = withWhat.value as With | '';
    return wanted === 'text' || wanted === 'model' ? wanted : wanted === 'changes' || run.changes.length ? 'changes' : 'text';
};

/** The two runs; `mine` is the side of the run on screen. */
export interface Pair { a: Run; b: Run; mine: Side; compared: Compared; specA: Spec; specB: Spec }

/** Null while something has yet to be chosen. */
export function other(run: Run, kind: With): Partial<Spec> | null {
    switch (kind) {
        case 'changes': return run.changes.length ? { changes: [], other: '' } : null;
        case 'text': return otherText.value.trim() ? { text: otherText.value, changes: [], other: '' } : null;
        case 'model': return models.value?.models.some((m) => m.name === otherModel.value) && otherModel.value !== run.model.name ? { model: otherModel.value, changes: [], other: '' } : null;
    }
}

export async function load(run: Run, kind: With, signal: AbortSignal): Promise<Pair | null> {
    const part = other(run, kind);
    if (!part) return null;
    const own = { changes: run.changes };
    const base = spec.value;
    const [here, there] = await Promise.all([sideRun(own, signal), sideRun(part, signal)]);
    const mine: Side = kind === 'changes' ? 'b' : 'a';
    const [a, b] = mine === 'a' ? [here, there] : [there, here];
    const compared = await json<Compared>('compare', { a: a.id, b: b.id, rows: 256, top: 20 }, signal);
    const specs = [{ ...base, ...own }, { ...base, ...part }] as const;
    return { a, b, mine, compared, specA: mine === 'a' ? specs[0] : specs[1], specB: mine === 'a' ? specs[1] : specs[0] };
}

/** The span of a token of the run on screen. */
export const spanAt = (pair: Pair, position: number): number => spanOf(pair.compared.alignment, pair.mine, position);

/** The prediction after the query, or after the last token of each where the query has no counterpart. */
export async function predictions(pair: Pair, query: number, signal: AbortSignal): Promise<{ compared: Compared; moved: boolean }> {
    const ask = (position: number) => json<Compared>('compare', { a: pair.a.id, b: pair.b.id, query: position, rows: 1, top: 20 }, signal);
    const span = pair.compared.alignment[spanAt(pair, query)];
    const [from, to] = span ? range(span, 'a') : [0, 0];
    if (!span || from === to || span[3] === span[4]) return { compared: await ask(-1), moved: true };
    try {
        return { compared: await ask(to - 1), moved: false };
    } catch (error) {
        if (error instanceof ApiError && error.status === 400) return { compared: await ask(-1), moved: true };
        throw error;
    }
}

const quoted = (text: string): string => (text.length > 60 ? `“${text.slice(0, 57)}…”` : `“${text}”`);

export function sideWords({ model, text, changes }: Spec, kind: With): string {
    return kind === 'model' ? model : kind === 'text' ? quoted(text) : changes.length ? `the run with its changes (${changes.join(', ')})` : 'the run as it is';
}

export function sentence(pair: Pair, kind: With, predicted: Compared | null): string {
    const { alignment, heads } = pair.compared;
    const number = (wanted: string) => alignment.filter(([k]) => k === wanted).length;
    const [same, replaced, onlyA, onlyB] = [number('same'), number('replaced'), number('only_a'), number('only_b')];
    const most = heads.reduce((x, y) => (y.distance > x.distance ? y : x), heads[0]);
    const parts = [`A is ${sideWords(pair.specA, kind)}, B ${sideWords(pair.specB, kind)}.`];
    if (replaced || onlyA || onlyB) parts.push(`${same} tokens are the same, ${replaced} replaced, ${onlyA} only in A, ${onlyB} only in B.`);
    const best = bests(predicted?.tokens ?? []);
    if (predicted && best) {
        parts.push(`After ${named(pair.a.tokens[predicted.query_a])}, “${visible(best.before.text)}” has ${percent(best.before.probability_before)} in A and ${percent(best.before.probability_after)} in B (${short(predicted.divergence ?? NaN)} nats apart).`);
    } else if (predicted) {
        parts.push(`After ${named(pair.a.tokens[predicted.query_a])} A says “${visible(predicted.next_a[0].text)}” (${percent(predicted.next_a[0].probability)}), B “${visible(predicted.next_b[0].text)}” (${percent(predicted.next_b[0].probability)}).`);
    }
    if (most) parts.push(most.distance > 0 ? `Layer ${most.layer}, head ${most.head} looks elsewhere most: its rows differ by ${short(most.distance)} on average (0 the same, 1 nothing in common).` : 'All heads look at the same tokens by the same weights.');
    return parts.join(' ');
}
