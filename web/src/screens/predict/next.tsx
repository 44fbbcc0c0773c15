import { useEffect, useMemo, useState } from 'preact/hooks';
import { oneMore } from '../../frame/one-more';
import { Choice, Slider } from '../../parts/controls';
import { generatedFrom } from '../../parts/generated';
import { full, Num, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { visible } from '../../parts/token';
import { runSpec } from '../../session';
import { select, spec, useRun } from '../../state';
import { draws, find, minP, rows, rules, scale, seed, temperature, TOP, topK, topP, useDraws, useNext, type Named, type Next, type Predicted } from './data';
import { decoded, left, logarithmic, type Left } from './rules';
import { inspected, shown } from './shown';
import { drawsSentence, nextSentence, quoted } from './words';

export function NextView() {
    const run = useRun();
    const next = useNext();
    const drawn = useDraws();
    const r = rules();
    const value = next.value;
    const l = useMemo(() => (value ? left(value.p, r) : null), [value?.p, r.temperature, r.topK, r.topP, r.minP]);
    shown.next = value;
    shown.drawn = drawn.value;
    useEffect(() => { inspected.value = value; }, [value?.p]);
    if (!value || !l) return next.error ? <Failed error={next.error} /> : <Waiting what="computing the prediction" />;
    const after = run.tokens[value.query] ?? run.tokens[0];
    return (
        <>
            <Sentence>{nextSentence(after, value.p, l, value.names)}</Sentence>
            <Controls vocab={run.model.vocab} />
            <div class="predict-columns">
                <div>
                    <Chart next={value} l={l} />
                    <Numbers caption="Most likely tokens" columns={['rank', 'id', 'token', 'logit', 'probability', 'before', 'after', 'cut by']}
                        rows={[...value.p.order.subarray(0, TOP)].map((id, at) => [at + 1, id, text(value, id), value.p.logits[id], l.probability(id), l.tempered(id), l.drawn(id), l.cut(id)])} />
                </div>
                <div class="predict-side">
                    <Find next={value} l={l} error={next.error} />
                    <Append next={value} drawn={drawn.value} />
                    {drawn.error ? <Failed error={drawn.error} /> : <Draws drawn={drawn.value} />}
                </div>
            </div>
        </>
    );
}

const text = (next: Next, id: number): string => visible(next.names.get(id)?.text ?? '#' + id);

function Controls({ vocab }: { vocab: number }) {
    const r = rules();
    // The slider of top-k moves through orders of magnitude.
    const steps = Math.ceil(Math.log2(vocab) * 4);
    const toSlider = (k: number) => (k === 0 ? steps : Math.min(steps - 1, Math.round(Math.log2(k) * 4)));
    const fromSlider = (at: number) => (at >= steps ? 0 : Math.max(1, Math.round(2 ** (at / 4))));
    const changed = r.temperature !== 1 || r.topK !== 0 || r.topP !== 1 || r.minP !== 0;
    return (
        <div class="predict-rules" role="group" aria-label="Rules of choosing">
            <Slider label="temperature" value={Math.min(3, r.temperature)} least={0} most={3} step={0.05} text={String(r.temperature)} onChange={(v) => { temperature.value = v; }} />
            <Slider label="top-k" value={toSlider(r.topK)} least={0} most={steps} step={1} text={r.topK === 0 ? 'off' : r.topK.toLocaleString('en-US')} onChange={(v) => { topK.value = fromSlider(v); }} />
            <Slider label="top-p" value={r.topP} least={0.01} most={1} step={0.01} text={r.topP === 1 ? 'off' : String(r.topP)} onChange={(v) => { topP.value = v; }} />
            <Slider label="min-p" value={r.minP} least={0} most={0.5} step={0.005} text={r.minP === 0 ? 'off' : String(r.minP)} onChange={(v) => { minP.value = v; }} />
            <button type="button" disabled={!changed} onClick={() => { temperature.value = 1; topK.value = 0; topP.value = 1; minP.value = 0; }}>All off</button>
            <Choice label="bars" value={scale.value as 'linear' | 'log'} options={[['linear', 'linear'], ['log', 'log']]} onChange={(v) => { scale.value = v; }} />
            <span class="quiet"><span class="swatch pale" /> before, <span class="swatch" /> after renormalisation</span>
        </div>
    );
}

/** Sorted bars with the lines where the rules cut. Pale: before renormalisation, over the whole vocabulary; full: after, over what is left. */
function Chart({ next, l }: { next: Next; l: Left }) {
    const { p } = next;
    const count = Math.min(p.order.length, TOP, Math.max(5, Math.trunc(rows.value)));
    const best = p.order[0];
    const most = Math.max(l.drawn(best), l.tempered(best));
    const length = (share: number) => 100 * (scale.value === 'log' ? logarithmic(share) : most > 0 ? share / most : 0);
    const below = l.lines.filter((line) => line.kept > count && line.kept < p.order.length);
    const move = (event: KeyboardEvent) => {
        const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        if (!step) return;
        const all = [...(event.currentTarget as HTMLElement).querySelectorAll('tbody button')];
        const to = all[all.indexOf(document.activeElement as HTMLButtonElement) + step] as HTMLButtonElement | undefined;
        if (to) { event.preventDefault(); to.focus(); }
    };
    return (
        <>
            <table class="chart" aria-label="Next tokens" onKeyDown={move}>
                <thead>
                    <tr>
                        <th scope="col" class="num">rank</th><th scope="col">token</th>
                        <th scope="col"><span class="visually-hidden">bar</span>{scale.value === 'log' && <span class="axis"><span>10⁻⁶</span><span>10⁻³</span><span>1</span></span>}</th>
                        <th scope="col" class="num" title="drawn: over what the rules leave, renormalised">after</th>
                        <th scope="col" class="num wide" title="at the temperature set, over the whole vocabulary">before</th>
                        <th scope="col" class="num wide" title="at temperature 1, over the whole vocabulary: what top-p and min-p go by">at T = 1</th>
                        <th scope="col" class="num wide">logit</th>
                    </tr>
                </thead>
                <tbody>
                    {[...p.order.subarray(0, count)].map((id, at) => {
                        const cut = l.cut(id);
                        const ends = l.lines.filter((line) => line.kept === at + 1 && line.kept < p.order.length);
                        const picked = next.found.includes(id);
                        return [
                            <tr key={id} class={(cut === 'none' ? '' : 'cut') + (picked ? ' picked' : '')}>
                                <td class="num">{at + 1}</td>
                                <td><button type="button" class="plain token" aria-pressed={picked} title={`id ${id}; follow this token`} onClick={() => { find.value = picked ? '' : '#' + id; }}>{text(next, id)}</button></td>
                                <td class="track" aria-hidden="true"><span class="before" style={{ width: length(l.tempered(id)) + '%' }} /><span class="after" style={{ width: length(l.drawn(id)) + '%' }} /></td>
                                <td class="num">{cut === 'none' ? <Num value={l.drawn(id)} digits={4} /> : <span title={`cut by ${cut.replace('_', '-')}`}>cut</span>}</td>
                                <td class="num wide"><Num value={l.tempered(id)} digits={4} /></td>
                                <td class="num wide"><Num value={l.probability(id)} digits={4} /></td>
                                <td class="num wide"><Num value={p.logits[id]} digits={4} /></td>
                            </tr>,
                            ...ends.map((line) => (
                                <tr key={line.rule} class="line"><td colSpan={7}><span>{line.text}: {l.lines.some((before) => before !== line && before.kept === line.kept && l.lines.indexOf(before) < l.lines.indexOf(line)) ? 'cuts nothing more' : <>{line.kept === 1 ? '1 token stays' : `${line.kept.toLocaleString('en-US')} tokens stay`}, <Num value={line.probability} digits={4} /> of the probability</>}</span></td></tr>
                            )),
                        ];
                    })}
                </tbody>
            </table>
            {below.map((line) => <p key={line.rule} class="quiet">{line.text} cuts further down, after rank {line.kept.toLocaleString('en-US')}: <Num value={line.probability} digits={4} /> of the probability stays.</p>)}
            <p class="predict-more">
                <button type="button" disabled={count >= Math.min(TOP, p.order.length)} onClick={() => { rows.value = Math.min(TOP, count * 2); }}>More rows</button>
                <button type="button" disabled={count <= 20} onClick={() => { rows.value = 20; }}>Fewer</button>
                <span class="quiet">{count} of {p.order.length.toLocaleString('en-US')} tokens; the rest share <Num value={1 - [...p.order.subarray(0, count)].reduce((s, id) => s + l.probability(id), 0)} /></span>
            </p>
        </>
    );
}

function Find({ next, l, error }: { next: Next; l: Left; error: Parameters<typeof Failed>[0]['error'] | null }) {
    const [typed, type] = useState<string | null>(null);
    return (
        <section aria-label="Find a token">
            <h2>Any token</h2>
            <form onSubmit={(event) => event.preventDefault()}>
                <input type="text" aria-label="Find a token by its text, or # and its id" placeholder="text, or #id" value={typed ?? find.value}
                    onInput={(event) => { type(event.currentTarget.value); find.value = event.currentTarget.value; }} onBlur={() => type(null)} />
                {find.value && <button type="button" aria-label="Clear" onClick={() => { type(null); find.value = ''; }}>✕</button>}
            </form>
            {error && find.value && <p class="refused" role="alert">{error.message}</p>}
            {next.found.map((id) => (
                <dl key={id} class="facts-list">
                    <div><dt>{quoted(next.names.get(id)?.text ?? '#' + id)}</dt><dd class="quiet">id {id}</dd></div>
                    <div><dt>rank</dt><dd>{(next.p.place[id] + 1).toLocaleString('en-US')} of {next.p.order.length.toLocaleString('en-US')}</dd></div>
                    <div><dt>logit</dt><dd><Num value={next.p.logits[id]} digits={5} /></dd></div>
                    <div><dt>probability (T = 1)</dt><dd><Num value={l.probability(id)} digits={5} /></dd></div>
                    <div><dt>drawn with</dt><dd>{l.cut(id) === 'none' ? <Num value={l.drawn(id)} digits={5} /> : `cut by ${l.cut(id).replace('_', '-')}`}</dd></div>
                </dl>
            ))}
        </section>
    );
}

/** One token more: what is followed, or what the seed draws by these rules. */
function Append({ next, drawn }: { next: Next; drawn: Predicted | null }) {
    const followed = next.names.get(next.found[0] ?? next.p.order[0]);
    const ids = drawn?.draws?.ids;
    const made = ids && drawn.draws?.counts.find((c) => c.id === ids[0]);
    const last = useRun().tokens.length - 1;
    const add = (token: Named) => () => {
        const more = decoded(token.bytes);
        if (more && generatedFrom.value > last + 1) generatedFrom.value = last + 1;
        if (more) void runSpec({ text: spec.value.text + more }).then(() => select({ query: last + 1 }));
    };
    const can = (token: Named | undefined): token is Named => token !== undefined && next.query === last && !!decoded(token.bytes);
    return (
        <section aria-label="One token more">
            <h2>One token more</h2>
            <div class="predict-buttons">
                <button type="button" disabled={!can(followed)} onClick={followed && add(followed)}>+ {quoted(followed?.text ?? '')}</button>
                <button type="button" disabled={!made || next.query !== last} title="the first draw of this seed, as generate makes it; the next seed is set then" onClick={() => void oneMore(true)}>+ drawn {made ? quoted(made.text) : ''}</button>
            </div>
            {next.query !== last && <p class="quiet">Choose the last token as the query to append to the text.</p>}
        </section>
    );
}

function Draws({ drawn }: { drawn: Predicted | null }) {
    const number = (value: string, least: number, most: number) => { const n = Math.trunc(Number(value)); return Number.isFinite(n) && n >= least && n <= most ? n : null; };
    const d = drawn?.draws;
    const bars = d ? [...d.counts].sort((a, b) => b.drawn - a.drawn || a.id - b.id).slice(0, 15) : [];
    const most = bars.reduce((m, b) => Math.max(m, b.share, b.drawn), 0);
    return (
        <section aria-label="Draws">
            <h2>Draw</h2>
            <div class="predict-buttons">
                <label>draws <input type="text" inputMode="numeric" size={5} value={draws.value} onChange={(event) => { const n = number(event.currentTarget.value, 1, 10_000); if (n !== null) draws.value = n; else event.currentTarget.value = String(draws.value); }} /></label>
                <label>seed <input type="text" inputMode="numeric" size={6} value={seed.value} onChange={(event) => { const n = number(event.currentTarget.value, 0, 2 ** 53 - 1); if (n !== null) seed.value = n; else event.currentTarget.value = String(seed.value); }} /></label>
                <button type="button" onClick={() => { seed.value = Math.trunc(seed.value) + 1; }}>Next seed</button>
            </div>
            {d && drawn && (
                <>
                    <p class="predict-drawn" role="status" aria-live="polite">{drawsSentence(drawn)}</p>
                    <ol class="draws" aria-label="Draws against exact probabilities">
                        {bars.map((b) => (
                            <li key={b.id} title={`rank ${b.rank}: drawn ${b.count} of ${d.count}; probability ${full(b.drawn)}`}>
                                <span class="token">{visible(b.text)}</span>
                                <span class="track" aria-hidden="true"><span class="counted" style={{ width: (100 * b.share) / most + '%' }} /><span class="exact" style={{ left: (100 * b.drawn) / most + '%' }} /></span>
                                <span class="num">{b.count}</span><span class="num quiet">{short(b.drawn * d.count)}</span>
                            </li>
                        ))}
                    </ol>
                    <p class="quiet"><span class="swatch" /> drawn, <span class="mark" /> exact{d.counts.length > bars.length && `; ${d.counts.length - bars.length} rarer tokens in the table`}</p>
                    <Numbers caption="Draws" columns={['rank', 'id', 'token', 'count', 'share', 'probability']} rows={d.counts.map((b) => [b.rank, b.id, visible(b.text), b.count, b.share, b.drawn])} />
                </>
            )}
        </section>
    );
}
