import type { Cell } from '../../screen';
import { panels, type PanelId, type Steps } from './data';

/** The next or the previous panel; the first and the last are the ends. */
export const step = (from: PanelId, by: number): PanelId => panels[Math.max(0, Math.min(panels.length - 1, panels.findIndex(([id]) => id === from) + by))][0];

export const csvColumns = ['step', 'name', 'token', 'index', 'value'];

/** Every number of the steps: step, name, token, index, value. */
export function csvRows(s: Steps): Cell[][] {
    const rows: Cell[][] = [];
    const put = (of: string, name: string, token: number, values: readonly number[]) => values.forEach((value, i) => rows.push([of, name, token, i, value]));
    const one = (of: string, name: string, token: number, value: number | string) => rows.push([of, name, token, '', value]);
    for (const [of, input] of [['query_input', s.query_input], ['key_input', s.key_input]] as const) {
        for (const name of ['mean', 'mean_square', 'eps', 'divisor'] as const) one(of, name, input.position, input[name]);
        for (const name of ['residual', 'weight', 'bias', 'x'] as const) put(of, name, input.position, input[name]);
    }
    for (const name of ['q', 'k', 'v'] as const) put('projection', name, s[name].position, s[name].vector);
    for (const r of s.rotations) {
        put('rotation', r.of + '_before', r.position, r.before);
        put('rotation', r.of + '_angle', r.position, r.pairs.map((p) => p.angle));
        put('rotation', r.of, r.position, r.after);
    }
    for (const name of ['q', 'k', 'products'] as const) put('products', name, s.place.key, s.products[name]);
    one('products', 'sum', s.place.key, s.products.sum);
    one('products', 'score', s.place.key, s.products.score);
    for (const cell of s.softmax.keys) for (const name of ['dot', 'score', 'shifted', 'exp', 'weight'] as const) one('softmax', name, cell.position, cell[name]);
    for (const name of ['max', 'sum', 'lse', 'run_lse'] as const) one('softmax', name, s.place.query, s.softmax[name]);
    for (const part of s.weighted.keys) { put('weighted', 'value', part.position, part.value); put('weighted', 'product', part.position, part.product); }
    put('weighted', 'rest', s.place.query, s.weighted.rest);
    put('weighted', 'z', s.place.query, s.weighted.z);
    put('output', 'head', s.place.query, s.output.head);
    put('output', 'norm_of_head', s.place.query, s.output.norm_of_head);
    put('output', 'attention', s.place.query, s.output.attention);
    put('sum', 'residual', s.place.query, s.sum.residual);
    put('sum', 'sum', s.place.query, s.sum.sum);
    for (const kind of ['direct', 'total'] as const) {
        for (const list of ['most_likely', 'falling_without', 'rising_without'] as const) {
            for (const c of s.effect[kind][list]) for (const name of ['logit_with', 'logit_without', 'probability_with', 'probability_without'] as const) rows.push([`effect_${kind}_${list}`, name, c.text, c.id, c[name]]);
        }
    }
    return rows;
}
