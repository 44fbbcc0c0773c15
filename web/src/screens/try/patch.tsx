import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { json } from '../../api';
import { aborted, type ApiError, asApiError } from '../../errors';
import { useLoad } from '../../load';
import { Choice, Stepper } from '../../parts/controls';
import { percent, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { named, visible } from '../../parts/token';
import { runSpec, sideRun } from '../../session';
import { selection, spec, urlText, useRun } from '../../state';
import type { Run } from '../../types';
import { inCone, SITES, textOf, withChange } from './changes';
import type { Compared, Grid } from './data';
import { CellGrid } from './grid';
import { follow } from './sweep';

/** Positions drawn at most: the last ones up to the query. */
const MOST = 48;

export interface Trace { run: string; query: number; other: string; site: string; head: number | null; grid: Grid }
/** The newest trace; it stays while other screens are open. */
export const traced = signal<Trace | null>(null);

const otherText = urlText('try.other', '');
const siteName = urlText('try.site', 'resid_post');
const headName = urlText('try.head', '*');

export const shareOf = (grid: Grid, layer: number, column: number): number => Number(grid.share[layer][column]);

export function traceSentence(trace: Trace, run: Run): string {
    const { grid } = trace;
    let best = { l: 0, p: 0, share: -Infinity };
    // At the query itself the last layers hold the prediction, and so all of the difference: that is no finding.
    const found = grid.positions.some((position) => position !== grid.query);
    grid.share.forEach((row, l) => row.forEach((_, p) => { const share = shareOf(grid, l, p); if (share > best.share && (!found || grid.positions[p] !== grid.query)) best = { l, p, share }; }));
    const here = `The logit of “${visible(grid.a.text)}” minus that of “${visible(grid.b.text)}” is ${short(grid.unpatched)} here and ${short(grid.source)} after the other text.`;
    return Number.isFinite(best.share)
        ? `${here} ${found ? 'Apart from the query’s own, the value' : 'The value'} ${grid.site}.${grid.layers[best.l]} at ${named(run.tokens[grid.positions[best.p]])} brings most of that difference along, by itself: ${percent(best.share)}.`
        : `${here} There is no difference to trace.`;
}

/** A value from another text's run: source grid, target grid, and the trace of all of them. */
export function PatchPanel() {
    const run = useRun();
    const { query } = selection.value;
    const [typed, type] = useState(spec.value.other || otherText.value);
    const other = otherText.value;
    const [at, pick] = useState<{ layer: number; position: number } | null>(null);
    const [from, setFrom] = useState<number | null>(null);
    const [state, set] = useState<{ done: number; of: number } | null>(null);
    const [error, fail] = useState<ApiError | null>(null);
    const controller = useRef<AbortController | null>(null);
    useEffect(() => () => controller.current?.abort(), []);
    useEffect(() => { if (spec.value.other && !otherText.value) otherText.value = spec.value.other; }, []);

    const source = useLoad(async (abort) => {
        if (!other) return null;
        const there = await sideRun({ text: other, changes: [], other: '' }, abort);
        const aligned = await json<Compared>('compare', { a: run.id, b: there.id, rows: 1, top: 1 }, abort);
        return { there, aligned };
    }, [other, run.id]);
    const site = siteName.value;
    const head = site === 'z' && headName.value !== '*' ? Number(headName.value) : null;
    const counterpart = (position: number): number | null => {
        const span = source.value?.aligned.alignment.find(([kind, a, b]) => (kind === 'same' || kind === 'replaced') && a <= position && position < b);
        return span ? span[4] - 1 : null;
    };
    const trace = traced.value && traced.value.run === run.id && traced.value.query === query && traced.value.other === other && traced.value.site === site && traced.value.head === head ? traced.value : null;
    const first = Math.max(0, query + 1 - MOST);
    const positions = run.tokens.slice(first, query + 1).map((t) => t.position);
    const layers = Array.from({ length: run.model.layers }, (_, i) => run.model.layers - 1 - i); // the last on top

    const start = async (): Promise<void> => {
        controller.current?.abort();
        const mine = (controller.current = new AbortController());
        fail(null);
        set({ done: 0, of: 1 });
        try {
            const grid = await follow<Grid>('patch', { other, site, query, positions, ...(head === null ? {} : { head }) }, (done, of) => set({ done, of }), mine.signal);
            traced.value = { run: run.id, query, other, site, head, grid };
        } catch (e) {
            if (!mine.signal.aborted && !aborted(e)) fail(asApiError(e));
        } finally {
            if (controller.current === mine) { controller.current = null; set(null); }
        }
    };
    const put = (layer: number, position: number, taken: number): void => {
        const text = textOf({ kind: 'patch', site, layer, head, position, from: taken });
        void runSpec({ changes: withChange(spec.value.changes, text), other });
    };
    const target = at && { row: layers.indexOf(at.layer), column: positions.indexOf(at.position) };
    const taken = from ?? (at ? counterpart(at.position) : null);
    return (
        <section class="panel patch" aria-label="Patch from another text">
            <form class="form" onSubmit={(event) => { event.preventDefault(); otherText.value = typed.trim() === '' ? '' : typed; pick(null); setFrom(null); }}>
                <label class="field wide-field">The other text <input type="text" value={typed} placeholder="such as this text with another name in it" onInput={(event) => type(event.currentTarget.value)} /></label>
                <button type="submit" class={typed !== other ? 'main' : undefined} disabled={typed.trim() === '' || typed === other}>Use it</button>
                <button type="button" onClick={() => type(spec.value.text)}>Copy this text</button>
            </form>
            {source.error && <Failed error={source.error} />}
            {!other && <p class="quiet">Two texts that differ in one word show best where the model keeps that word: a value of the other run is put into this one, and whatever lies after it is computed anew.</p>}
            {other && source.loading && !source.value && <Waiting what="running the other text" />}
            {source.value && (
                <>
                    <div class="form">
                        <label class="field">Value <select value={site} onChange={(event) => { siteName.value = event.currentTarget.value; }}>{SITES.map(([id, what]) => <option key={id} value={id}>{id}: {what}</option>)}</select></label>
                        {site === 'z' && <Choice label="of" value={head === null ? 'all' : 'one'} options={[['all', 'all heads'], ['one', 'one head']] as const} onChange={(v) => { headName.value = v === 'all' ? '*' : String(selection.value.head); }} />}
                        {head !== null && <Stepper label="head" short="head" value={head} most={run.model.heads - 1} onChange={(v) => { headName.value = String(v); }} />}
                        {state
                            ? <><progress max={state.of} value={state.done} aria-label="patches done" /><span class="num">{state.done} of {state.of}</span><button type="button" onClick={() => controller.current?.abort()}>Cancel</button></>
                            : <button type="button" onClick={() => void start()}>Trace every layer and position</button>}
                    </div>
                    {error && <Failed error={error} retry={() => void start()} />}
                    {trace && <Sentence>{traceSentence(trace, run)}</Sentence>}
                    <div class="two-grids">
                        <figure>
                            <figcaption>From: the other text</figcaption>
                            <CellGrid label="values of the other text" rowsAre="layer" columnsAre="token" scale="none" rows={layers.map((l) => `layer ${l}`)}
                                columns={source.value.there.tokens.slice(0, MOST).map((t) => `${visible(t.text)} ${t.position}`)} value={() => null}
                                picked={at && taken !== null ? { row: layers.indexOf(at.layer), column: taken } : null}
                                shaded={(r, c) => at !== null && taken !== null && inCone(-layers[r], -c, { layer: -at.layer, position: -taken })}
                                onPick={(r, c) => { setFrom(c); pick({ layer: layers[r], position: at?.position ?? nearest(c, positions, source.value!.aligned) }); }}
                                drag={(r, c) => `${layers[r]},${c}`} />
                        </figure>
                        <figure>
                            <figcaption>To: this text{trace ? ', coloured by the share of the difference that comes along' : ''}</figcaption>
                            <CellGrid label={trace ? 'share of the difference by layer and position' : 'places in this text'} rowsAre="layer" columnsAre="token" scale={trace ? 'diverging' : 'none'} rows={layers.map((l) => `layer ${l}`)}
                                columns={positions.map((p) => `${visible(run.tokens[p].text)} ${p}`)} value={(r, c) => valueOf(trace, layers[r], positions[c])} picked={target && target.column >= 0 ? target : null}
                                shaded={(r, c) => at !== null && inCone(layers[r], positions[c], at)}
                                onPick={(r, c) => { pick({ layer: layers[r], position: positions[c] }); if (at === null || at.position !== positions[c]) setFrom(null); }}
                                drop={(r, c, dragged) => { const m = /^(\d+),(\d+)$/.exec(dragged); if (m && source.value && Number(m[2]) < source.value.there.tokens.length) put(layers[r], positions[c], Number(m[2])); }} />
                        </figure>
                    </div>
                    {first > 0 && <p class="quiet">The last {MOST} positions up to the query are shown.</p>}
                    {at && (
                        <div class="form">
                            <span>{site}.{at.layer}{head !== null && `, head ${head},`} at {run.tokens[at.position] && named(run.tokens[at.position])} taken from</span>
                            <label class="field"><span class="visually-hidden">token of the other text</span><select value={taken ?? -1} onChange={(event) => setFrom(Number(event.currentTarget.value))}>
                                {taken === null && <option value={-1}>choose a token</option>}
                                {source.value.there.tokens.map((t) => <option key={t.position} value={t.position}>{t.position} {visible(t.text)}</option>)}
                            </select></label>
                            <button type="button" class="main" disabled={taken === null} onClick={() => taken !== null && put(at.layer, at.position, taken)}>Patch</button>
                            <span class="quiet">Shaded: what it can reach, later layers at the same or later tokens.</span>
                        </div>
                    )}
                    {!at && <p class="quiet">Choose a cell (arrows and Enter), or drag one from the left grid to the right.</p>}
                    {trace && <Numbers caption="Trace" columns={['layer', 'position', 'token', 'from', 'logit difference', 'share']}
                        rows={traceRows(trace, run)} />}
                </>
            )}
        </section>
    );
}

export const traceRows = ({ grid }: Trace, run: Run): (string | number)[][] =>
    grid.layers.flatMap((layer, l) => grid.positions.map((position, p) => [layer, position, run.tokens[position].text, grid.from[p], grid.patched[l][p], shareOf(grid, l, p)]));

export function valueOf(trace: Trace | null, layer: number, position: number): number | null {
    if (!trace) return null;
    const l = trace.grid.layers.indexOf(layer);
    const p = trace.grid.positions.indexOf(position);
    return l < 0 || p < 0 ? null : shareOf(trace.grid, l, p);
}

function nearest(from: number, positions: number[], aligned: Compared): number {
    const span = aligned.alignment.find(([kind, , , a, b]) => (kind === 'same' || kind === 'replaced') && a <= from && from < b);
    const wanted = span ? span[2] - 1 : from;
    return positions.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a), positions[0]);
}
