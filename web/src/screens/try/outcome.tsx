import { Num, percent, short } from '../../parts/number';
import { visible } from '../../parts/token';
import { open } from '../../state';
import type { Token } from '../../types';
import { likeliest, type Arrow, type Effect } from './data';

/** Probabilities of the likeliest tokens, one bar before and one after. */
export function PairBars({ label, tokens, before = 'before', after = 'after', count = 5 }: { label: string; tokens: Effect[]; before?: string; after?: string; count?: number }) {
    const shown = likeliest(tokens, count);
    const most = shown.reduce((m, e) => Math.max(m, e.probability_before, e.probability_after), 0) || 1;
    return (
        <table class="pairs" aria-label={label}>
            <thead><tr><th scope="col">next token</th><th scope="col"><span class="visually-hidden">bars</span><span class="pair-key"><i class="was" /> {before} <i class="is" /> {after}</span></th><th scope="col">{before}</th><th scope="col">{after}</th><th scope="col">logit</th></tr></thead>
            <tbody>
                {shown.map((e) => {
                    const delta = e.logit_after - e.logit_before;
                    return (
                        <tr key={e.id}>
                            <th scope="row" title={'id ' + e.id}>{visible(e.text)}</th>
                            <td class="pair-bars" aria-hidden="true">
                                <span class="was" style={{ width: (100 * e.probability_before) / most + '%' }} />
                                <span class="is" style={{ width: (100 * e.probability_after) / most + '%' }} />
                            </td>
                            <td class="num" title={String(e.probability_before)}>{percent(e.probability_before)}</td>
                            <td class="num" title={String(e.probability_after)}><b>{percent(e.probability_after)}</b></td>
                            <td class="num" title={`${e.logit_before} → ${e.logit_after}`}>{delta > 0 ? '+' : ''}{short(delta)}</td>
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}

/** The weights that changed most; a click opens the head there. */
export function Arrows({ arrows, tokens, before = 'before', after = 'after', count = 10 }: { arrows: Arrow[]; tokens: Token[]; before?: string; after?: string; count?: number }) {
    if (!arrows.length) return <p class="quiet">No weight changed.</p>;
    const name = (position: number) => `${visible(tokens[position]?.text ?? '')} ${position}`;
    return (
        <div class="wide">
            <table class="arrows" aria-label="Weights that changed most">
                <thead><tr><th scope="col">head</th><th scope="col">query → key</th><th scope="col">{before}</th><th scope="col">{after}</th><th scope="col">change</th></tr></thead>
                <tbody>
                    {arrows.slice(0, count).map((w) => (
                        <tr key={[w.layer, w.head, w.query_span, w.key_span].join()}>
                            <td><button type="button" class="plain link" title="open this head" onClick={() => open('head', { layer: w.layer, head: w.head, query: w.query_b, key: w.key_b })}>{w.layer}.{w.head}</button></td>
                            <td class="edge"><span class="q">{name(w.query_b)}</span> → <span class="k">{name(w.key_b)}</span></td>
                            <td class="num"><Num value={w.a} /></td>
                            <td class="num"><Num value={w.b} /></td>
                            <td class="num" title={String(w.difference)}>{w.difference > 0 ? '+' : ''}{short(w.difference)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}
