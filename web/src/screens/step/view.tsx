import { useEffect, useMemo, useState } from 'preact/hooks';
import { runJson } from '../../api';
import { useLoad } from '../../load';
import { full, percent, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers, Table } from '../../parts/table';
import { named, visible } from '../../parts/token';
import { select, selection, useRun } from '../../state';
import { number, type Run } from '../../types';
import { explain, explained, kept, over, panel, panels, sharing, shown, type PanelId, type Steps, type WrittenOut } from './data';
import { bodies, N } from './panels';
import { csvColumns, csvRows, step } from './rows';
import { write } from './sums';
import { Mini } from './vec';

const own = '.ribbon, .vec-cells, .stacks, .bars, table, .choice, [role=slider], input, textarea, select, dialog, .foot, .rail';

export function View() {
    const run = useRun();
    const { layer, head, query, key } = selection.value;
    const got = useLoad((signal) => runJson<Steps>('steps', { layer, head, query, key: key ?? -1 }, signal), [run.id, layer, head, query, key]);
    useEffect(() => { shown.value = got.value; }, [got.value]);
    // The picture of the active panel stays in sight on narrow pages.
    const there = got.value !== null;
    useEffect(() => {
        const on = document.querySelector<HTMLElement>('.step .thumb.on');
        const strip = on?.parentElement;
        if (on && strip) strip.scrollLeft = on.offsetLeft - strip.offsetLeft - (strip.clientWidth - on.offsetWidth) / 2;
    }, [panel.value, there]);
    useEffect(() => { kept.value = null; over.value = null; }, [run.id, layer, head, query, key, panel.value]);
    useEffect(() => {
        const keys = (event: KeyboardEvent) => {
            if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]')) return;
            const at = event.target instanceof Element ? event.target : null;
            const inOwn = at !== null && at !== document.body && at.closest(own) !== null;
            if (event.key === ' ' && at?.closest('.vec-cells, .stacks, .dials') === null && at.closest('button, summary, a, input, textarea, select, [role=option]')) return;
            if (event.key === ' ' ? at?.closest('input, textarea, select') : inOwn) return;
            if (event.key === 'Escape' && kept.value) { kept.value = null; event.preventDefault(); event.stopPropagation(); return; }
            if (event.key !== ' ' && event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
            event.preventDefault();
            event.stopPropagation();
            panel.value = step(panel.value, event.key === 'ArrowLeft' ? -1 : 1);
        };
        addEventListener('keydown', keys, true);
        return () => removeEventListener('keydown', keys, true);
    }, []);
    if (got.error) return <Failed error={got.error} />;
    const s = got.value;
    // The old steps do not belong to another run's tokens.
    if (!s || s.place.query >= run.tokens.length || s.softmax.keys.length !== run.tokens.length) return <Waiting what="computing the steps" />;
    const id = panel.value;
    const at = panels.findIndex(([p]) => p === id);
    const Body = bodies[id];
    const lit = kept.value ?? over.value;
    const written = lit ? write(s, lit, (p) => visible(run.tokens[p].text)) : null;
    return (
        <section class={'step' + (got.loading ? ' loading' : '')} aria-label="Step">
            <Sentence>{sentence(s, run)}</Sentence>
            <nav class="strip" aria-label="Panels of the computation">
                {panels.map(([p, title]) => (
                    <button key={p} type="button" class={'thumb' + (p === id ? ' on' : '')} aria-current={p === id ? 'step' : undefined} onClick={() => { panel.value = p; }}>
                        <span class="thumb-name"><span class="visually-hidden">panel </span><kbd>{p}</kbd> {title}</span>
                        <Thumb id={p} s={s} />
                    </button>
                ))}
            </nav>
            <section class="panel" aria-label={`${id}. ${panels[at][1]}`}>
                <header>
                    <h2>{id}. {panels[at][1]} <span class="quiet">{panels[at][2]}</span></h2>
                    <span class="grow" />
                    <button type="button" aria-pressed={explain.value === 'yes'} onClick={() => { explain.value = explain.value === 'yes' ? 'no' : 'yes'; }}>Explain</button>
                    <button type="button" disabled={at === 0} onClick={() => { panel.value = step(id, -1); }}>‹ back</button>
                    <button type="button" class="main" disabled={at === panels.length - 1} onClick={() => { panel.value = step(id, 1); }} title="Space or →">next ›</button>
                </header>
                {explain.value === 'yes' && <p class="explained">{explained[id]}</p>}
                <Body s={s} run={run} inputs={written?.inputs ?? {}} />
                <Agrees id={id} s={s} />
            </section>
            {written && lit && (
                <div class={'written' + (kept.value ? ' kept' : '')} role="status" aria-live="polite">
                    <p><b class="mono">{written.name}</b> = {written.formula}</p>
                    <p class="mono written-sum">= {written.numbers} = <b title={full(written.result)}>{short(written.result, 5)}</b></p>
                    {written.run !== null && <p class="quiet">the forward pass has <span class="num">{full(written.run)}</span>{kept.value ? ' · Esc lets go' : ' · click keeps it'}</p>}
                    {kept.value && written.whole && <Whole run={run} s={s} of={written.whole.of} index={written.whole.index} />}
                </div>
            )}
            <AllNumbers s={s} />
        </section>
    );
}

/** Made once for a cell, not at every hover. */
function AllNumbers({ s }: { s: Steps }) {
    const rows = useMemo(() => csvRows(s), [s]);
    return <Numbers caption="All steps" columns={csvColumns} rows={rows} most={200} digits={5} />;
}

/** All products of one element, asked from the server. */
function Whole({ run, s, of, index }: { run: Run; s: Steps; of: string; index: number }) {
    const [wanted, setWanted] = useState(of === 'output');
    const { layer, head, query, key } = s.place;
    const got = useLoad(async (signal) => (wanted ? runJson<WrittenOut>('element', { layer, head, query, key, of, index }, signal) : null), [run.id, layer, head, query, key, of, index, wanted]);
    if (!wanted) return <button type="button" onClick={() => setWanted(true)}>all {of === 'output' ? s.place.head_dim : s.place.dim} products</button>;
    if (got.error) return <Failed error={got.error} />;
    if (!got.value) return <Waiting what="asking for all products" />;
    const w = got.value;
    return (
        <>
            <p class="quiet">Σ of {w.products.length} products{w.bias === 0 ? '' : <> + bias <N v={w.bias} /></>} = <span class="num">{full(w.sum)}</span>; the forward pass differs by <N v={w.difference} />.</p>
            <Table caption={`All products of ${of}[${index}]`} columns={['element', of === 'output' ? 'z' : 'x', 'weight', 'product']} rows={w.products.map((p, i) => [i, w.x[i], w.weight[i], p])} most={64} digits={5} />
        </>
    );
}

/** How far what is explained here and what ran are apart. */
function Agrees({ id, s }: { id: PanelId; s: Steps }) {
    const differences: Record<PanelId, [string, number][]> = {
        a: [['query', s.query_input.difference], ['key', s.key_input.difference]],
        b: [['q', s.q.difference], ['k', s.k.difference], ['v', s.v.difference]],
        c: s.rotations.map((r) => [r.of, r.difference]),
        d: [], e: [], f: [], g: [['weights', s.softmax.difference]],
        h: [['z', s.weighted.difference], ['output', s.output.difference], ['sum', s.sum.difference]],
        i: [['logits', s.effect.difference]],
    };
    const all = differences[id];
    return (
        <p class="agrees quiet">{all.length ? <>Recomputed in double precision; largest difference from the forward pass: {all.map(([name, d], i) => <>{i > 0 && ', '}{name} <N v={d} /></>)}.</> : 'These are the forward pass’s own q and k, multiplied in double precision.'}</p>
    );
}

function Thumb({ id, s }: { id: PanelId; s: Steps }) {
    const cell = s.softmax.keys[s.place.key];
    switch (id) {
        case 'a': return <Mini values={s.query_input.x} />;
        case 'b': return <><Mini values={s.q.vector} height={10} /><Mini values={s.k.vector} height={10} /></>;
        case 'c': return s.rotations.length ? <><Mini values={s.products.q} height={10} /><Mini values={s.products.k} height={10} /></> : <span class="thumb-number">none</span>;
        case 'd': return <><Mini values={s.products.products} height={10} /><span class="thumb-number">{short(s.products.sum)}</span></>;
        case 'e': return <span class="thumb-number">{short(s.products.score)}</span>;
        case 'f': return <span class="thumb-number">{cell.masked ? '−∞' : short(number(cell.score))}</span>;
        case 'g': return <span class="thumb-number">{short(cell.weight)}</span>;
        case 'h': return <><Mini values={s.weighted.z} height={10} /><Mini values={s.output.head} height={10} /></>;
        case 'i': { const c = s.effect.direct.most_likely[0]; return <span class="thumb-number mono">{c ? visible(c.text) : ''}</span>; }
    }
}

export function sentence(s: Steps, run: Run): string {
    const { layer, head, query, key } = s.place;
    const cell = s.softmax.keys[key];
    return cell.masked
        ? `Layer ${layer}, head ${head}: ${named(run.tokens[query])} cannot see ${named(run.tokens[key])}; q · k = ${short(s.products.sum, 4)} is masked, so the weight is 0.`
        : `Layer ${layer}, head ${head}: q of ${named(run.tokens[query])} · k of ${named(run.tokens[key])} = ${short(s.products.sum, 4)}, scaled ${short(s.products.score, 4)}, and after softmax a weight of ${short(cell.weight, 4)}.`;
}

/** The place, in numbers, and other keys to look at. */
export function Inspector() {
    const run = useRun();
    const s = shown.value;
    if (!s || s.softmax.keys.length !== run.tokens.length) return <></>;
    const { place } = s;
    const first = [...s.softmax.keys].filter((c) => !c.masked).sort((a, b) => b.weight - a.weight).slice(0, 8);
    return (
        <div class="step step-inspector">
            <h2>Keys of this row</h2>
            <ol>
                {first.map((c) => (
                    <li key={c.position}><button type="button" class="plain" aria-pressed={c.position === place.key} onClick={() => select({ key: c.position })}><span class="mono">{visible(run.tokens[c.position].text)}</span> <sub>{c.position}</sub><span class="grow" /><span class="num">{percent(c.weight)}</span></button></li>
                ))}
            </ol>
            <dl>
                <dt>head length</dt><dd>{place.head_dim}</dd>
                <dt>residual length</dt><dd>{place.dim}</dd>
                <dt>scale</dt><dd><N v={place.scale} /></dd>
                {place.shared_by > 1 && <><dt>key head {place.kv_head} serves heads</dt><dd>{sharing(s).join(", ")}</dd></>}
                <dt>largest relative difference</dt><dd><N v={s.largest_relative_difference} /></dd>
            </dl>
            <p class="quiet"><kbd>Space</kbd> or <kbd>→</kbd> next panel, <kbd>←</kbd> back. Point at any number to see its sum; click to keep it.</p>
        </div>
    );
}
