import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { runStream } from '../../api';
import { aborted, ApiError, asApiError } from '../../errors';
import { Choice } from '../../parts/controls';
import { count, full, percent, short } from '../../parts/number';
import { Failed, Sentence } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { named, visible } from '../../parts/token';
import { select, selection, urlText, useRun } from '../../state';
import type { Run } from '../../types';
import type { Swept } from './data';
import { CellGrid } from './grid';
import { add } from './list';

export interface Sweep { run: string; query: number; how: 'off' | 'mean'; heads: Swept[] }

/** The newest sweep; it stays while other screens are open. */
export const swept = signal<Sweep | null>(null);

const shownAs = urlText('try.sweep', 'divergence');
type Shown = 'divergence' | 'logit' | 'probability';
const options = [['divergence', 'whole prediction'], ['logit', 'Δ logit'], ['probability', 'Δ probability']] as const;

export const sweepValue = (h: Swept, as: string): number =>
    as === 'logit' ? h.best.logit_after - h.best.logit_before : as === 'probability' ? h.best.probability_after - h.best.probability_before : h.divergence;

/** What follows an event stream of `progress`, `done`, `failed`. */
export async function follow<T>(path: string, body: unknown, progress: (done: number, of: number) => void, abort: AbortSignal): Promise<T> {
    let answer: T | null = null;
    await runStream(path, body, (event, data) => {
        if (event === 'progress') { const { done, of } = data as { done: number; of: number }; progress(done, of); }
        else if (event === 'done') answer = data as T;
        else if (event === 'failed') {
            const { error } = data as { error: { code: string; message: string; remedy?: string } };
            throw new ApiError(422, error.code, error.message, error.remedy ?? '');
        }
    }, abort);
    if (answer === null) throw new ApiError(0, 'gone', 'The answer broke off.', 'Try again.');
    return answer;
}

export const newest = (run: Run, query: number): Sweep | null => (swept.value && swept.value.run === run.id && swept.value.query === query ? swept.value : null);

/** Every head off or at its mean, one at a time. */
export function SweepPanel() {
    const run = useRun();
    const { query, layer, head } = selection.value;
    const [how, setHow] = useState<'off' | 'mean'>('off');
    const [state, set] = useState<{ done: number; of: number; since: number } | null>(null);
    const [error, fail] = useState<ApiError | null>(null);
    const controller = useRef<AbortController | null>(null);
    useEffect(() => () => controller.current?.abort(), []);
    const sweep = newest(run, query);
    const start = async (): Promise<void> => {
        controller.current?.abort();
        const mine = (controller.current = new AbortController());
        fail(null);
        set({ done: 0, of: run.model.layers * run.model.heads, since: Date.now() });
        try {
            const answer = await follow<{ heads: Swept[] }>('sweep', { query, factor: how === 'off' ? 0 : 'mean', top: 5 }, (done, of) => set((s) => s && { ...s, done, of }), mine.signal);
            swept.value = { run: run.id, query, how, heads: answer.heads };
        } catch (e) {
            if (!mine.signal.aborted && !aborted(e)) fail(asApiError(e));
        } finally {
            if (controller.current === mine) { controller.current = null; set(null); }
        }
    };
    const as = shownAs.value as Shown;
    return (
        <section class="panel" aria-label="Sweep of all heads">
            <h2>All heads, one at a time</h2>
            <div class="form">
                <Choice label="each" value={how} options={[['off', 'off'], ['mean', 'at its mean']] as const} onChange={setHow} />
                {state
                    ? <><progress max={state.of} value={state.done} aria-label="heads done" /><span class="num">{state.done} of {state.of}</span><button type="button" onClick={() => controller.current?.abort()}>Cancel</button></>
                    : <button type="button" onClick={() => void start()}>Sweep {count(run.model.layers * run.model.heads, 'head')}</button>}
                {sweep && <Choice label="show" value={as} options={options} onChange={(value) => { shownAs.value = value; }} />}
            </div>
            {error && <Failed error={error} retry={() => void start()} />}
            {sweep ? <Grid sweep={sweep} as={as} /> : !state && <p class="quiet">Which heads does the token after {named(run.tokens[query])} hang on? Each is {how === 'off' ? 'switched off' : 'set to its mean'} alone, and the change is shown as a grid of layers and heads.</p>}
            {sweep && (
                <p class="form">
                    <button type="button" onClick={() => add(`head:${layer}.${head}=${sweep.how === 'off' ? 0 : 'mean'}`)}>{sweep.how === 'off' ? 'Switch off' : 'Set to its mean:'} layer {layer}, head {head}</button>
                </p>
            )}
        </section>
    );
}

export function sweepSentence(sweep: Sweep, run: Run): string {
    const most = sweep.heads.reduce((a, b) => (b.divergence > a.divergence ? b : a));
    return `With each head ${sweep.how === 'off' ? 'off' : 'at its mean'} alone, the prediction after ${named(run.tokens[sweep.query])} changes most without layer ${most.layer}, head ${most.head}: `
        + `${short(most.divergence)} nats; the probability of “${visible(most.best.text)}” goes from ${percent(most.best.probability_before)} to ${percent(most.best.probability_after)}.`;
}

export function gridOf(sweep: Sweep, run: Run, as: string) {
    const { layers, heads } = run.model;
    const cells = new Map(sweep.heads.map((h) => [h.layer * heads + h.head, h]));
    const best = visible(sweep.heads[0]?.best.text ?? '');
    return {
        label: as === 'divergence' ? 'Change of the whole prediction (nats) by head' : `Change of the ${as} of “${best}” by head`,
        rowsAre: 'layer', columnsAre: 'head',
        rows: Array.from({ length: layers }, (_, l) => `layer ${l}`), columns: Array.from({ length: heads }, (_, h) => `head ${h}`),
        value: (r: number, c: number) => { const h = cells.get(r * heads + c); return h ? sweepValue(h, as) : null; },
        scale: as === 'divergence' ? ('sequential' as const) : ('diverging' as const),
    };
}

function Grid({ sweep, as }: { sweep: Sweep; as: Shown }) {
    const run = useRun();
    const { layer, head } = selection.value;
    const grid = gridOf(sweep, run, as);
    const ranked = [...sweep.heads].sort((a, b) => b.divergence - a.divergence);
    return (
        <>
            <Sentence>{sweepSentence(sweep, run)}</Sentence>
            <CellGrid {...grid} numbers={run.model.heads <= 16} picked={{ row: layer, column: head }} onPick={(r, c) => select({ layer: r, head: c })} />
            <Numbers caption="Sweep of all heads" columns={['head', 'change (nats)', 'Δ logit', 'Δ probability', 'likeliest then']}
                rows={ranked.map((h) => {
                    const then = h.tokens.reduce((a, b) => (b.probability_after > a.probability_after ? b : a));
                    return [`${h.layer}.${h.head}`, h.divergence, sweepValue(h, 'logit'), sweepValue(h, 'probability'), `${visible(then.text)} ${full(then.probability_after)}`];
                })}
                onPick={(i) => select({ layer: ranked[i].layer, head: ranked[i].head })} />
        </>
    );
}
