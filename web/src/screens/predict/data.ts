import { runFloats, runJson } from '../../api';
import { useLoad, type Loaded } from '../../load';
import { sleep } from '../../session';
import { selection, urlNumber, urlText, useRun } from '../../state';
import { ordered, type Ordered, type Rules } from './rules';

export type Part = 'next' | 'lens' | 'sum';

export interface Named { id: number; text: string; bytes: string }
export interface Entry extends Named { rank: number; logit: number; probability: number; tempered: number; drawn: number; cut: string }
export interface Drawn extends Named { rank: number; count: number; share: number; drawn: number }
export interface Predicted {
    query: number; sentence: string; vocab: number; lse: number; entropy: number; kept: number;
    top: Entry[]; find?: Entry[]; draws?: { count: number; seed: number; ids: number[]; counts: Drawn[] };
}
export interface Cell {
    position: number; id: number; text: string; logit: number; probability: number; divergence: number;
    watched_rank?: number; watched_logit?: number; watched_probability?: number;
}
export interface Row { site: string; layer: number; label: string; cells: Cell[] }
export interface Grid { query: number; sentence?: string; positions: number[]; watched?: Named; rows: Row[] }
export interface SumPart { kind: string; layer?: number; head?: number; name: string; value: number }
export interface Sum {
    query: number; sentence: string; a: Named; b?: Named; divisor: number; logit: number; sum: number; difference: number;
    parts: SumPart[]; layers: { layer: number; attention: number; mlp: number }[];
}

/** Settings of this screen that a link keeps. */
export const part = urlText('predict.part', 'next');
export const find = urlText('predict.find', '');
export const temperature = urlNumber('predict.t', 1);
export const topK = urlNumber('predict.k', 0);
export const topP = urlNumber('predict.p', 1);
export const minP = urlNumber('predict.m', 0);
export const seed = urlNumber('predict.seed', 0);
export const draws = urlNumber('predict.draws', 100);
export const scale = urlText('predict.scale', 'linear');
export const rows = urlNumber('predict.rows', 20);
export const colour = urlText('predict.colour', 'probability');
export const between = urlText('predict.mid', 'no');
export const first = urlText('predict.a', '');
export const second = urlText('predict.b', '');

/** The most that the server sends by name. */
export const TOP = 200;

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** What the link says, brought into range. */
export function rules(): Rules {
    return {
        temperature: within(temperature.value, 0, 100),
        topK: Math.trunc(within(topK.value, 0, 1e9)),
        topP: within(topP.value, 0.001, 1),
        minP: within(minP.value, 0, 1),
    };
}

export interface Next { p: Ordered; names: Map<number, Named>; found: number[]; query: number }

/** The prediction after the query: all logits once, and the names of the most likely tokens and of what is looked for. */
export function useNext(): Loaded<Next> {
    const run = useRun();
    const position = selection.value.query;
    const wanted = find.value;
    const all = useLoad(async (signal) => {
        const [logits, named] = await Promise.all([runFloats('predict', { position }, signal), runJson<Predicted>('predict', { position, top: TOP }, signal)]);
        return { p: ordered(logits), top: named.top, position };
    }, [run.id, position]);
    const looked = useLoad(async (signal) => {
        if (!wanted) return [];
        await sleep(150, signal);
        return (await runJson<Predicted>('predict', { position, top: 1, find: wanted }, signal)).find ?? [];
    }, [run.id, position, wanted]);
    if (!all.value) return { value: null, error: all.error, loading: all.loading };
    const names = new Map<number, Named>(all.value.top.map((e) => [e.id, e]));
    const found = wanted ? (looked.value ?? []) : [];
    found.forEach((e) => names.set(e.id, e));
    return { value: { p: all.value.p, names, found: [...found].sort((x, y) => x.rank - y.rank).map((e) => e.id), query: all.value.position }, error: wanted ? looked.error : null, loading: all.loading };
}

/** The draws: the server's, by the generator that generating uses. */
export function useDraws(): Loaded<Predicted> {
    const run = useRun();
    const position = selection.value.query;
    const r = rules();
    const count = Math.trunc(within(draws.value, 1, 10_000));
    const from = Math.trunc(within(seed.value, 0, 2 ** 53 - 1));
    return useLoad(async (signal) => {
        await sleep(120, signal);
        return runJson<Predicted>('predict', { position, top: 1, temperature: r.temperature, top_k: r.topK, top_p: r.topP, min_p: r.minP, seed: from, draws: count }, signal);
    }, [run.id, position, r.temperature, r.topK, r.topP, r.minP, from, count]);
}
