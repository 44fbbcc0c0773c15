import { useState } from 'preact/hooks';
import { Bars } from '../../parts/bars';
import { diverging, inkOn, series } from '../../parts/colours';
import { Choice } from '../../parts/controls';
import { full, percent, short } from '../../parts/number';
import { visible } from '../../parts/token';
import { select } from '../../state';
import { number, type Run } from '../../types';
import { effectKind, kept, over, sharing, side, type Change, type PanelId, type Steps } from './data';
import { Dials } from './rotation';
import { ranked, running } from './sums';
import { Cell, largest, Vec, type Inputs } from './vec';

export interface PanelProps { s: Steps; run: Run; inputs: Inputs }

const token = (run: Run, position: number) => `“${visible(run.tokens[position].text)}”`;

export const bodies: Record<PanelId, (props: PanelProps) => preact.ComponentChildren> = { a: Residual, b: Projections, c: Position, d: Products, e: Scale, f: Mask, g: Softmax, h: Values, i: Effects };

function Residual({ s, run, inputs }: PanelProps) {
    const which = side.value === 'key' ? 'key' : 'query';
    const input = which === 'key' ? s.key_input : s.query_input;
    return (
        <>
            <Choice label="token" value={which} options={[['query', `query ${token(run, s.place.query)}`], ['key', `key ${token(run, s.place.key)}`]]} onChange={(v) => { side.value = v; }} />
            <Vec name={`residual of the ${which}`} values={input.residual} inputs={inputs} />
            <p class="equation">{input.norm === 'rms' ? 'RMS norm' : 'layer norm'}: {input.norm === 'layer' && <>mean <N v={input.mean} />, </>}√(<N v={input.mean_square} /> + <N v={input.eps} />) = <N v={input.divisor} /></p>
            <Vec name={`x of the ${which}`} values={input.x} inputs={inputs} tint={which} note="what attention reads" />
        </>
    );
}

function Projections({ s, run, inputs }: PanelProps) {
    const shared = sharing(s);
    return (
        <>
            <Vec name="q of the query" values={s.q.vector} inputs={inputs} tint="query" note={`= x of ${token(run, s.place.query)} · Wq, head ${s.q.head}`} />
            <Vec name="k of the key" values={s.k.vector} inputs={inputs} tint="key" note={`= x of ${token(run, s.place.key)} · Wk, key head ${s.k.head}`} />
            {s.q.normed && <Vec name="q after the norm of its head" values={s.q.normed} inputs={inputs} tint="query" />}
            {s.k.normed && <Vec name="k after the norm of its head" values={s.k.normed} inputs={inputs} tint="key" />}
            <Vec name="v of the key" values={s.v.vector} inputs={inputs} tint="key" note={`= x of ${token(run, s.place.key)} · Wv, value head ${s.v.head}`} />
            {s.place.shared_by > 1
                ? <p class="quiet">Query heads {shared.map((h, i) => <>{i > 0 && ', '}{h === s.place.head ? <b>{h}</b> : <button type="button" class="plain link" onClick={() => select({ head: h })}>{h}</button>}</>)} share key and value head {s.place.kv_head}: {s.place.heads} query heads, {s.place.kv_heads} key and value heads (grouped-query attention).</p>
                : <p class="quiet">Every query head has a key and value head of its own.</p>}
            <Vec name="x of the query" values={s.query_input.x} inputs={inputs} />
            {s.place.key !== s.place.query && <Vec name="x of the key" values={s.key_input.x} inputs={inputs} />}
        </>
    );
}

function Position({ s, run, inputs }: PanelProps) {
    if (s.rotations.length === 0) {
        return <p class="said">This model does not turn q and k. {run.model.family === 'gpt2' ? 'It adds a learnt vector for each position to the token’s embedding, before the first layer: where a token stands is already in x.' : 'Where a token stands is told in another way, such as by vectors added to the embedding or to the scores.'} q and k go on as they are.</p>;
    }
    return (
        <>
            {s.rotations.map((r) => (
                <section key={r.of} aria-label={`Rotation of the ${r.of}`}>
                    <h3>{r.of === 'query' ? 'q' : 'k'} of {token(run, r.position)}, position {r.position}{r.position === 0 && ': every angle is 0'}</h3>
                    <Dials rotation={r} />
                    <details><summary>before and after as numbers</summary>
                        <Vec name={`${r.of === 'query' ? 'q' : 'k'} before`} values={r.before} inputs={inputs} />
                        <Vec name={`${r.of === 'query' ? 'q' : 'k'} turned`} values={r.after} inputs={inputs} tint={r.of} />
                    </details>
                </section>
            ))}
            <p class="quiet">Thin: before. Thick: after. Slow pairs tell far places apart, fast pairs near ones. Arrows of small length are drawn a little longer; the numbers are exact.</p>
        </>
    );
}

function Products({ s, inputs }: PanelProps) {
    const { q, k, products, sum } = s.products;
    const sums = running(products);
    const most = { q: largest([...q, ...k]), p: largest(products), r: largest(sums) };
    const now = kept.value ?? over.value;
    const column = (e: number) => ['q', 'k', 'q × k', 'running sum'].includes(now?.vector ?? '') && now?.index === e;
    const keys = (event: KeyboardEvent) => {
        const here = event.target instanceof HTMLElement ? Number(event.target.dataset['i']) : NaN;
        const to = { ArrowRight: here + 1, ArrowLeft: here - 1 }[event.key];
        if (to === undefined || Number.isNaN(here) || event.shiftKey) return;
        event.preventDefault();
        (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.stack')[Math.max(0, Math.min(q.length - 1, to))]?.querySelector<HTMLElement>('.c:nth-of-type(3)')?.focus();
    };
    return (
        <>
            <p class="equation">q · k = <N v={sum} big /></p>
            <div class="stacks" role="group" aria-label="q, k, their products and the running sum, element by element" onKeyDown={keys} onPointerLeave={() => { over.value = null; }}>
                <div class="stack names" aria-hidden="true"><span class="e">element</span><span class="query">q</span><span class="key">k</span><span>q × k</span><span>sum so far</span></div>
                {products.map((p, e) => (
                    <div key={e} class={'stack' + (column(e) ? ' on' : '')}>
                        <span class="e">{e}</span>
                        <Cell at={{ vector: 'q', index: e }} value={q[e]} most={most.q} stop={false} on={false} input={inputs['q']?.includes(e) ?? false} />
                        <Cell at={{ vector: 'k', index: e }} value={k[e]} most={most.q} stop={false} on={false} input={inputs['k']?.includes(e) ?? false} />
                        <Cell at={{ vector: 'q × k', index: e }} value={p} most={most.p} stop={e === 0} on={now?.vector === 'q × k' && now.index === e} input={false} />
                        <Cell at={{ vector: 'running sum', index: e }} value={sums[e]} most={most.r} stop={false} on={now?.vector === 'running sum' && now.index === e} input={false} />
                    </div>
                ))}
            </div>
            <h3>The largest components</h3>
            <Bars label="products by size" bars={ranked(products).slice(0, 12).map((e) => ({ id: e, label: `element ${e}`, value: products[e], note: `${short(q[e])} × ${short(k[e])}` }))}
                onHover={(e) => { over.value = e === null ? null : { vector: 'q × k', index: e }; }} onPick={(e) => { kept.value = { vector: 'q × k', index: e }; }} />
        </>
    );
}

function Scale({ s }: PanelProps) {
    const root = Math.sqrt(s.place.head_dim);
    const usual = Math.abs(s.place.scale * root - 1) < 1e-6;
    return (
        <div class="scale">
            <p><span class="big"><N v={s.products.sum} big /></span><span class="quiet">q · k</span></p>
            <p class="op">{usual ? '÷' : '×'}</p>
            <p><span class="big">{usual ? <>√{s.place.head_dim} = <N v={root} big /></> : <N v={s.place.scale} big />}</span><span class="quiet">{usual ? 'root of the head’s length' : 'the scale of this model'}</span></p>
            <p class="op">=</p>
            <p><span class="big"><N v={s.products.score} big /></span><span class="quiet">score</span></p>
        </div>
    );
}

const MANY = 256;

function Mask({ s, run }: PanelProps) {
    const [limit, setLimit] = useState(MANY);
    const { query, key } = s.place;
    const cells = s.softmax.keys;
    const most = largest(cells.filter((c) => !c.masked).map((c) => number(c.score)));
    const now = kept.value ?? over.value;
    const masked = cells.filter((c) => c.masked).length;
    // Around the query, where the row turns from seen to hidden.
    const from = cells.length > limit ? Math.max(0, Math.min(query - (limit >> 1), cells.length - limit)) : 0;
    const asked = now?.vector === 'score' ? cells[now.index] : null;
    return (
        <>
            <div class="mask" role="group" aria-label="Scores of the row" onPointerLeave={() => { over.value = null; }}>
                {cells.slice(from, from + limit).map((c) => {
                    const background = c.masked ? undefined : diverging(most > 0 ? number(c.score) / most : 0);
                    return (
                        <button key={c.position} type="button" class={'mask-cell' + (c.masked ? ' masked' : '') + (c.position === key ? ' key' : '') + (c.position === query ? ' query' : '')} style={background ? { background, color: inkOn(background) } : {}}
                            onClick={() => select({ key: c.position })} onPointerEnter={() => { over.value = { vector: 'score', index: c.position }; }} onFocus={() => { over.value = { vector: 'score', index: c.position }; }}
                            title={c.masked ? reason(c.position, query) : full(number(c.score))}>
                            <span class="mono">{visible(run.tokens[c.position].text)}</span><span class="visually-hidden">, position {c.position}: {c.masked ? reason(c.position, query) + ': ' : 'score '}</span><span class="num">{c.masked ? '−∞' : short(number(c.score))}</span>
                        </button>
                    );
                })}
            </div>
            {cells.length > limit && <button type="button" onClick={() => setLimit(limit * 4)}>{(cells.length - limit).toLocaleString('en-US')} more</button>}
            <p class="said" role="status">{asked?.masked ? `−∞: ${reason(asked.position, query)}` : masked ? `${masked} of ${cells.length} scores are masked (hatched): their tokens stand after position ${query}${cells.some((c) => c.masked && c.position <= query) ? ', outside the layer’s window, or were cut' : ''}.` : 'Nothing is masked: the query is the last token and sees all.'}</p>
        </>
    );
}

const reason = (position: number, query: number): string => (position > query ? `position ${position} is after ${query}` : `position ${position} is outside the window of this layer, or a change cut it`);

function Softmax({ s, run }: PanelProps) {
    const [limit, setLimit] = useState(MANY);
    const [order, setOrder] = useState<'text' | 'weight'>('text');
    const cells = s.softmax.keys.filter((c) => !c.masked);
    const sorted = order === 'text' ? cells : [...cells].sort((a, b) => b.weight - a.weight);
    const near = sorted.slice(0, limit);
    const now = kept.value ?? over.value;
    return (
        <>
            <Choice label="order" value={order} options={[['text', 'as in the text'], ['weight', 'by weight']]} onChange={setOrder} />
            <div class="table" tabIndex={0} role="region" aria-label="Softmax">
                <table class="softmax">
                    <thead><tr><th scope="col">token</th><th scope="col">score</th><th scope="col">− max</th><th scope="col">exp</th><th scope="col">÷ sum = weight</th></tr></thead>
                    <tbody onPointerLeave={() => { over.value = null; }}>
                        {near.map((c) => (
                            <tr key={c.position} class={(c.position === s.place.key ? 'picked' : '') + (now?.vector === 'weight' && now.index === c.position ? ' on' : '')} onPointerEnter={() => { over.value = { vector: 'weight', index: c.position }; }}>
                                <th scope="row"><button type="button" class="plain mono" onFocus={() => { over.value = { vector: 'weight', index: c.position }; }} onClick={() => select({ key: c.position })}>{visible(run.tokens[c.position].text)}<sub>{c.position}</sub></button></th>
                                <td class="num"><N v={number(c.score)} /></td><td class="num"><N v={number(c.shifted)} /></td><td class="num"><N v={c.exp} /></td>
                                <td class="num weight"><span class="weight-bar" style={{ width: `${100 * c.weight}%` }} aria-hidden="true" /><N v={c.weight} /></td>
                            </tr>
                        ))}
                    </tbody>
                    <tfoot><tr><th scope="row">sum of {cells.length}</th><td class="num quiet">max <N v={s.softmax.max} /></td><td /><td class="num"><N v={s.softmax.sum} /></td><td class="num"><N v={cells.reduce((t, c) => t + c.weight, 0)} /></td></tr></tfoot>
                </table>
            </div>
            {sorted.length > limit && <button type="button" onClick={() => setLimit(limit * 4)}>{(sorted.length - limit).toLocaleString('en-US')} more rows</button>}
            <p class="quiet">Log of the sum: <N v={s.softmax.lse} />; the forward pass’s fused attention kept <N v={s.softmax.run_lse} />.</p>
        </>
    );
}

function Values({ s, run, inputs }: PanelProps) {
    return (
        <>
            <Stacked s={s} run={run} />
            <Vec name="z" values={s.weighted.z} inputs={inputs} note="= Σ weight · v" />
            <Vec name="this head’s output" values={s.output.head} inputs={inputs} note={`= z · Wo, head ${s.place.head}’s part`} />
            <h3>How much each head of the layer adds</h3>
            <Bars label="length of each head's output" bars={s.output.norm_of_head.map((value, h) => ({ id: h, label: h === s.place.head ? `head ${h} (this)` : `head ${h}`, value }))} picked={s.place.head} onPick={(head) => select({ head })} />
            <Vec name="residual" values={s.sum.residual} inputs={inputs} note={`length ${short(length(s.sum.residual))}`} />
            <Vec name="attention" values={s.sum.attention} inputs={inputs} note={`all heads${s.output.bias.length ? ' and the bias' : ''}, length ${short(length(s.sum.attention))}`} />
            <Vec name="residual after" values={s.sum.sum} inputs={inputs} note={`length ${short(length(s.sum.sum))}`} />
        </>
    );
}

const length = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

/** Every element of z as a bar stacked of the keys' parts. */
function Stacked({ s, run }: { s: Steps; run: Run }) {
    const dims = s.weighted.z.length;
    const byWeight = [...s.weighted.keys].sort((a, b) => b.weight - a.weight);
    const told = byWeight.slice(0, 6);
    const rest = s.weighted.sum.map((sum, e) => sum - told.reduce((t, p) => t + p.product[e], 0));
    const others = byWeight.length - told.length + s.weighted.other_keys;
    const layers = [...told.map((p, i) => ({ name: `${visible(run.tokens[p.position].text)} (${p.position}) ${percent(p.weight)}`, values: p.product, colour: series(i) })), ...(others > 0 ? [{ name: `${others} others`, values: rest, colour: 'var(--line-strong)' }] : [])];
    const reach = (sign: number) => Math.max(...s.weighted.z.map((_, e) => layers.reduce((t, l) => t + Math.max(0, sign * l.values[e]), 0)), 1e-30);
    const up = reach(1);
    const down = reach(-1);
    const [width, height] = [Math.max(dims * 9, 300), 190];
    const y = (v: number) => 6 + ((up - v) / (up + down)) * (height - 12);
    const w = width / dims;
    const now = kept.value ?? over.value;
    return (
        <figure class="stacked">
            <figcaption><b>Σ weight · v</b> <span class="quiet">each element of z, stacked by token; the line is the sum</span></figcaption>
            <div class="stacked-picture" tabIndex={0} role="group" aria-label="Weighted values, element by element">
                <svg style={{ minWidth: `${width}px`, width: '100%' }} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label="Weighted values, stacked" onPointerLeave={() => { over.value = null; }}>
                    <line x1="0" x2={width} y1={y(0)} y2={y(0)} class="axis" />
                    {s.weighted.z.map((z, e) => {
                        let above = 0;
                        let below = 0;
                        return (
                            <g key={e} class={now?.vector === 'z' && now.index === e ? 'on' : ''} onPointerEnter={() => { over.value = { vector: 'z', index: e }; }} onClick={() => { kept.value = { vector: 'z', index: e }; }}>
                                <rect x={e * w} y={0} width={w} height={height} class="stacked-back" />
                                {layers.map((l) => {
                                    const v = l.values[e];
                                    const [a, b] = v >= 0 ? [above, (above += v)] : [below, (below += v)];
                                    return <rect x={e * w + 0.8} width={Math.max(0.5, w - 1.6)} y={Math.min(y(a), y(b))} height={Math.abs(y(a) - y(b))} fill={l.colour} />;
                                })}
                                <line x1={e * w} x2={(e + 1) * w} y1={y(z)} y2={y(z)} class="stacked-sum" />
                                <title>{`z[${e}] = ${full(z)}`}</title>
                            </g>
                        );
                    })}
                </svg>
            </div>
            <ul class="legend">{layers.map((l) => <li key={l.name}><i style={{ background: l.colour }} /><span class="mono">{l.name}</span></li>)}</ul>
        </figure>
    );
}

function Effects({ s }: PanelProps) {
    const kind = effectKind.value === 'total' ? 'total' : 'direct';
    const effect = s.effect[kind];
    const made = (c: Change) => c.logit_with - c.logit_without;
    const strongest = (changes: Change[]) => [...changes].sort((a, b) => Math.abs(made(b)) - Math.abs(made(a))).slice(0, 5);
    const bars = (changes: Change[]) => changes.map((c) => ({ id: c.id, label: visible(c.text), value: made(c), note: `${percent(c.probability_without)} → ${percent(c.probability_with)}` }));
    const most = Math.max(...[...effect.falling_without, ...effect.rising_without].slice(0, 40).map((c) => Math.abs(made(c))), 1e-30);
    return (
        <>
            <Choice label="effect" value={kind} options={[['direct', 'direct'], ['total', 'total']]} onChange={(v) => { effectKind.value = v; }} />
            <div class="effects">
                <section aria-label="What the head makes likelier"><h3>Raised most by this head</h3><Bars label="logits the head raises" bars={bars(strongest(effect.falling_without.filter((c) => made(c) > 0)))} most={most} /></section>
                <section aria-label="What the head makes less likely"><h3>Lowered most by this head</h3><Bars label="logits the head lowers" bars={bars(strongest(effect.rising_without.filter((c) => made(c) < 0)))} most={most} /></section>
                <section aria-label="The likeliest next tokens"><h3>The likeliest next tokens</h3><Bars label="change of the likeliest" bars={bars(effect.most_likely.slice(0, 5))} most={most} /></section>
            </div>
            <p class="quiet">Bars: logit with the head minus logit without it. Beside them: probability without → with. Together the prediction moves by <N v={effect.divergence} /> nats (KL divergence).{' '}
                {kind === 'direct' ? 'Direct: the head’s part is taken out of the last residual; layers between stay as they are.' : 'Total: the model runs again with this head off at every token.'}</p>
        </>
    );
}

export function N({ v, big }: { v: number; big?: boolean }) {
    return <span class="num" title={full(v)}>{short(v, big ? 5 : 4)}</span>;
}
