import { useSignal } from '@preact/signals';
import { runJson } from '../../api';
import { useLoad } from '../../load';
import { sleep } from '../../session';
import { Bars } from '../../parts/bars';
import { Choice } from '../../parts/controls';
import { Num, percent, short } from '../../parts/number';
import { Sentence, Waiting } from '../../parts/said';
import { Table } from '../../parts/table';
import { number, type Num as Told, type Parity } from '../../types';
import { hover, of, select, selection, show, useRun, view } from '../../state';
import { HowComputed } from './controls';
import { current, list, otherToken, received, shownToken, units } from './look';
import { away, decimals } from './ranked';
import { pair, pairSentence } from './say';

interface Formula { formula: string; words: string }
export interface RowTold { row: Told[]; lse?: Told; entropy?: Told; sentence?: string }

const sides = [['row', 'what it looks at'], ['column', 'who looks at it']] as const;
const LISTED = 40;
/** Milliseconds that rows and tiles go first. */
const AFTER = 150;

export function Inspector() {
    const run = useRun();
    const { kind, side, unit, mass } = view.value;
    const now = units.value!;
    const shown = list.value;
    const about = pair.value;
    const single = /^\d+\.\d+$/.test(of.value);
    const formula = useLoad((signal) => runJson<Formula>('formula', { of: of.value, kind, ...(unit === 'token' ? {} : { unit }) }, signal), [run.id, of.value, kind, unit]);
    const parity = useLoad(async (signal) => { if (!single) return null; await sleep(AFTER, signal); return runJson<Parity>('parity', { of: of.value }, signal); }, [run.id, of.value]);
    const told = useLoad(async (signal) => {
        if (!single || kind !== 'weights' || unit !== 'token' || side !== 'row' || run.tokens.length > 4096) return null;
        await sleep(AFTER, signal);
        return runJson<RowTold>('row', { of: of.value, query: selection.value.query }, signal);
    }, [run.id, of.value, kind, unit, side, selection.value.query]);
    const at = received.value?.at ?? now.of(shownToken.value);
    const other = otherToken.value === null ? null : now.of(otherToken.value);
    const choose = (position: number) => select(side === 'row' ? { key: now.last(position), query: now.last(at) } : { query: now.last(position), key: now.last(at) });
    const bars = shown?.entries.slice(0, LISTED).map((e) => ({
        id: e.position, value: e.value, label: <>{now.label(e.position)}<sub>{e.position}</sub></>, spoken: `${now.label(e.position)}, ${unit === 'token' ? 'position' : unit} ${e.position}`,
        note: <>{away(e.distance, side)}{e.running !== null && shown.total > 0 && <> · Σ {kind === 'weights' && side === 'row' ? e.running.toFixed(3) : percent(e.running / shown.total)}</>}</>,
    }));
    return (
        <div class="head-inspector">
            <Sentence>{pairSentence.value}</Sentence>
            {about && about.value !== null && unit === 'token' && single && (
                <HowComputed number={short(about.value, decimals(about.value))} query={about.query} key_={about.key} />
            )}
            <Choice label="list" value={side} options={sides} onChange={(s) => { hover.value = null; show({ side: s }); if (s === 'column' && selection.value.key === null && about) select({ key: now.last(about.key) }); }} />
            <h2>{side === 'row' ? <>Keys of <span class="tok">{now.label(at)}</span> ({at})</> : <>Queries that see <span class="tok">{now.label(at)}</span> ({at})</>}</h2>
            {!bars && <Waiting what="computing the row" />}
            {bars && bars.length === 0 && <p class="quiet">Nothing is left to show: the first token holds the whole row.</p>}
            {bars && <div class={current.value ? undefined : 'head-stale'}><Bars label={side === 'row' ? 'keys by value' : 'queries by value'} bars={bars} {...(kind === 'weights' ? { most: Math.max(...bars.map((b) => b.value), 0) } : {})}
                picked={other} limit={LISTED} digits={decimals(bars[0]?.value ?? 0)} onPick={choose} /></div>}
            {shown && shown.entries.length > LISTED && <p class="quiet">{(shown.entries.length - LISTED).toLocaleString('en-US')} more in the table.</p>}
            {shown && shown.left > 0 && <p class="quiet">{shown.entries.length.toLocaleString('en-US')} hold {percent(mass)} of what is shown; {shown.left.toLocaleString('en-US')} are left out by the mass slider. The matrix shows all.</p>}
            {shown?.note && <p class="head-note">{shown.note}</p>}
            {kind === 'scores' && <p class="quiet">Scores have no mass and no fixed range: blue is above zero, orange below.</p>}
            <dl class="head-facts">
                {told.value?.entropy !== undefined && <><dt>entropy of row {selection.value.query}</dt><dd><Num value={number(told.value.entropy)} /> nats</dd></>}
                {told.value?.lse !== undefined && <><dt>log-sum-exp</dt><dd><Num value={number(told.value.lse)} digits={5} /></dd></>}
                {parity.value && <><dt title="weights rebuilt from q, k and lse, times the values, against the forward pass’s own sum">parity of this head</dt><dd class={parity.value.holds ? undefined : 'head-bad'}>{parity.value.holds ? 'holds' : 'fails'}, largest difference <Num value={number(parity.value.largest_difference)} /></dd></>}
            </dl>
            {formula.value && <div class="head-formula"><code>{formula.value.formula}</code><p class="quiet">{formula.value.words}</p></div>}
            <All choose={choose} />
        </div>
    );
}

/** Everything behind the picture as a table; rows are made only while it is open. */
function All({ choose }: { choose: (position: number) => void }) {
    const opened = useSignal(false);
    const { kind, side } = view.value;
    const at = received.value?.at;
    const shown = opened.value ? list.value : null;
    const now = units.value!;
    const caption = `${side === 'row' ? 'Row' : 'Column'} ${at ?? ''}`;
    return (
        <details class="numbers" onToggle={(event) => { opened.value = event.currentTarget.open; }}>
            <summary>{caption}: the numbers as a table</summary>
            {shown && <Table caption={caption} columns={[side === 'row' ? 'key' : 'query', 'text', kind === 'weights' ? 'weight' : kind === 'scores' ? 'score' : 'value', 'distance', 'running sum']}
                rows={shown.entries.map((e) => [e.position, now.label(e.position), e.value, e.distance, e.running])} digits={4} onPick={(i) => choose(shown.entries[i].position)}
                picked={shown.entries.findIndex((e) => e.position === (otherToken.value === null ? -1 : now.of(otherToken.value)))} />}
        </details>
    );
}
