import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { json } from '../../api';
import { useLoad } from '../../load';
import { Choice } from '../../parts/controls';
import { Matrix, type Viewport } from '../../parts/matrix/matrix';
import { runSource } from '../../parts/matrix/run-source';
import { Num, percent, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { visible } from '../../parts/token';
import { models, open, select, selection, urlText, useRun } from '../../state';
import type { Run } from '../../types';
import type { Choice as Next, Span } from '../try/data';
import { CellGrid } from '../try/grid';
import { Arrows, PairBars } from '../try/outcome';
import { aligned, bySpan, difference, excerpt, joinedSource, MOST, oneToOne, range } from './align';
import { chosen, load, otherModel, otherText, type Pair, predictions, sentence, spanAt, type With, withWhat } from './pair';

/** The newest comparison, for the inspector and for export. */
export const current = signal<{ pair: Pair; kind: With; said: string } | null>(null);

const picture = urlText('compare.show', 'all');

function Chooser({ run, kind }: { run: Run; kind: With }) {
    const [typed, type] = useState(otherText.value);
    const others = models.value?.models.filter((m) => m.name !== run.model.name) ?? [];
    return (
        <section class="add" aria-label="What to compare with">
            <Choice label="Compare with" value={kind} options={[['changes', 'the run without its changes'], ['text', 'another text'], ['model', 'another model']] as const} onChange={(v) => { withWhat.value = v; }} />
            {kind === 'changes' && !run.changes.length && <p class="quiet">This run has no changes. <button type="button" onClick={() => open('try')}>Make one in Try it</button> and come back: A is then the text as it is, B with the changes.</p>}
            {kind === 'text' && (
                <form class="form" onSubmit={(event) => { event.preventDefault(); otherText.value = typed; }}>
                    <label class="field wide-field">Text B <input type="text" value={typed} placeholder="this text with a word changed, or any other" onInput={(event) => type(event.currentTarget.value)} /></label>
                    <button type="submit" class={typed !== otherText.value ? 'main' : undefined} disabled={!typed.trim() || typed === otherText.value}>Compare</button>
                    <button type="button" onClick={() => type(run.tokens.filter((t) => t.in_text).map((t) => t.text).join(''))}>Copy text A</button>
                </form>
            )}
            {kind === 'model' && (others.length
                ? <label class="field">Model B <select value={otherModel.value} onChange={(event) => { otherModel.value = event.currentTarget.value; }}><option value="">choose a model</option>{others.map((m) => <option key={m.name} value={m.name}>{m.name}</option>)}</select></label>
                : <p class="quiet">The server shows one model. Start it with several: <code>./clearhead serve --model A --model B</code>.</p>)}
        </section>
    );
}

export function View() {
    const run = useRun();
    const kind = chosen(run);
    const { query } = selection.value;
    const pair = useLoad((abort) => load(run, kind, abort), [run.id, kind, otherText.value, otherModel.value]);
    const shown = pair.value && (pair.value[pair.value.mine].id === run.id) ? pair.value : null;
    const predicted = useLoad(async (abort) => (shown ? predictions(shown, query, abort) : null), [shown, query]);
    const said = shown ? sentence(shown, kind, predicted.value?.compared ?? null) : '';
    useEffect(() => { current.value = shown && { pair: shown, kind, said }; }, [shown, kind, said]);
    return (
        <section class="compare try" aria-label="Compare">
            <Chooser run={run} kind={kind} />
            {pair.error && <Failed error={pair.error} />}
            {pair.loading && !shown && <Waiting what="running the other side" />}
            {shown && (
                <>
                    <Sentence>{said}</Sentence>
                    {kind !== 'changes' && <Ribbons pair={shown} />}
                    <div class="outcome">
                        <section aria-label="Predictions">
                            <h2>Next token{predicted.value?.moved ? ' after the last token of each (the query has no counterpart)' : ''}</h2>
                            {predicted.error && <Failed error={predicted.error} />}
                            {predicted.value && (predicted.value.compared.tokens
                                ? <PairBars label="Next token in A and B" tokens={predicted.value.compared.tokens} before="A" after="B" />
                                : <><p class="quiet">The two vocabularies differ, so that tokens are not compared one by one.</p><NextList label="A" next={predicted.value.compared.next_a} /><NextList label="B" next={predicted.value.compared.next_b} /></>)}
                        </section>
                        <Heads pair={shown} />
                    </div>
                    <Matrices pair={shown} />
                    <div class="outcome">
                        <Row pair={shown} />
                        <section aria-label="Changed weights">
                            <h2>Weights that changed most, of all heads</h2>
                            <Arrows arrows={shown.compared.arrows.map((w) => (shown.mine === 'b' ? w : { ...w, query_b: w.query_a, key_b: w.key_a }))} tokens={run.tokens} before="A" after="B" count={8} />
                        </section>
                    </div>
                </>
            )}
        </section>
    );
}

function NextList({ label, next }: { label: string; next: Next[] }) {
    return <p><b>{label}</b> {next.slice(0, 5).map((n) => <span key={n.id} class="next"><span class="tok">{visible(n.text)}</span> {percent(n.probability)} </span>)}</p>;
}

const textOf = (run: Run, [from, to]: [number, number]): string => run.tokens.slice(from, to).map((t) => visible(t.text)).join('');

/** A span in words: what both sides have there. */
function label(pair: Pair, span: Span): string {
    const a = textOf(pair.a, range(span, 'a'));
    const b = textOf(pair.b, range(span, 'b'));
    return a === b ? a : !b ? `${a} → –` : !a ? `– → ${b}` : `${a} → ${b}`;
}

const MOST_PIECES = 300;
const kinds: Record<Span[0], string> = { same: 'the same', replaced: 'replaced', only_a: 'only in A', only_b: 'only in B' };

/** Both texts, token under token; what differs is marked. */
function Ribbons({ pair }: { pair: Pair }) {
    const { query, key } = selection.value;
    const { alignment } = pair.compared;
    const at = { query: spanAt(pair, query), key: key === null ? -1 : spanAt(pair, key) };
    return (
        <div class="aligned" role="group" aria-label="The texts, aligned">
            {excerpt(alignment, MOST_PIECES, 3).map((i, n) => {
                if (i === null) return <span key={'gap' + n} class="gap" aria-hidden="true">…</span>;
                const span = alignment[i];
                const own = range(span, pair.mine);
                return (
                    <button key={i} type="button" class={['pair-piece', span[0], i === at.query ? 'query' : '', i === at.key ? 'key' : ''].join(' ')} disabled={own[0] === own[1]} aria-pressed={i === at.query}
                        onClick={(event) => select(event.shiftKey ? { key: own[1] - 1 } : { query: own[1] - 1 })}>
                        <span>{textOf(pair.a, range(span, 'a')) || '–'}</span>
                        <span>{textOf(pair.b, range(span, 'b')) || '–'}</span>
                        <span class="visually-hidden">{kinds[span[0]]}</span>
                    </button>
                );
            })}
        </div>
    );
}

export const gridOf = (pair: Pair) => {
    const { heads } = pair.compared;
    const layers = 1 + heads.reduce((m, h) => Math.max(m, h.layer), -1);
    const wide = 1 + heads.reduce((m, h) => Math.max(m, h.head), -1);
    const cells = new Map(heads.map((h) => [h.layer * wide + h.head, h.distance]));
    return {
        label: 'Mean distance between the rows of A and B, by head', rowsAre: 'layer', columnsAre: 'head', scale: 'sequential' as const,
        rows: Array.from({ length: layers }, (_, l) => `layer ${l}`), columns: Array.from({ length: wide }, (_, h) => `head ${h}`),
        value: (r: number, c: number) => cells.get(r * wide + c) ?? null,
    };
};

function Heads({ pair }: { pair: Pair }) {
    const { layer, head } = selection.value;
    const { heads, rows, of } = pair.compared;
    const grid = gridOf(pair);
    return (
        <section aria-label="Heads">
            <h2>Which heads look elsewhere</h2>
            <CellGrid {...grid} numbers={grid.columns.length <= 12} picked={{ row: layer, column: head }} onPick={(r, c) => select({ layer: r, head: c })} />
            {rows < of && <p class="quiet">{rows} of {of} rows were compared.</p>}
            <Numbers caption="Distance by head" columns={['head', 'distance', 'largest row', 'entropy A', 'entropy B']} rows={heads.map((h) => [`${h.layer}.${h.head}`, h.distance, h.largest, h.entropy_a, h.entropy_b])}
                onPick={(i) => select({ layer: heads[i].layer, head: heads[i].head })} />
        </section>
    );
}

const views = [['all', 'A, B and difference'], ['a', 'A'], ['b', 'B'], ['d', 'difference']] as const;

function Matrices({ pair }: { pair: Pair }) {
    const { query, key, layer, head } = selection.value;
    const { alignment } = pair.compared;
    const straight = oneToOne(alignment);
    const spans = straight ? alignment : alignment.slice(0, MOST);
    const of = `${layer}.${head}`;
    const [a, b, d] = useMemo(() => {
        const raw = [runSource(pair.a, { of, kind: 'weights', pool: 'mean' }, true), runSource(pair.b, { of, kind: 'weights', pool: 'mean' }, true)];
        const [ofA, ofB] = straight ? raw : [joinedSource(raw[0], pair.a.tokens.length, alignment, 'a'), joinedSource(raw[1], pair.b.tokens.length, alignment, 'b')];
        return [ofA, ofB, difference(ofA, ofB)];
    }, [pair, of]);
    const viewport = useMemo(() => signal<Viewport | null>(null), [pair]);
    const known = (run: Run) => layer < run.model.layers && head < run.model.heads;
    const rowLabel = (side: 'a' | 'b' | null) => (i: number) => (spans[i] ? (side ? textOf(pair[side], range(spans[i], side)) || '–' : label(pair, spans[i])) : '');
    const at = spanAt(pair, query);
    const common = {
        row: at < 0 ? null : at, column: key === null ? null : spanAt(pair, key) < 0 ? null : spanAt(pair, key), viewport, tall: 420,
        onPick: ({ row, column }: { row: number; column: number }) => {
            const q = range(spans[row], pair.mine);
            const k = range(spans[column], pair.mine);
            if (q[0] < q[1]) select(k[0] < k[1] && column <= row ? { query: q[1] - 1, key: k[1] - 1 } : { query: q[1] - 1 });
        },
    };
    const view = picture.value;
    if (!known(pair.a) || !known(pair.b)) return <p class="quiet">Only one of the two models has layer {layer}, head {head}.</p>;
    return (
        <section aria-label="Weights of one head" class="panel">
            <h2>Layer {layer}, head {head}</h2>
            <Choice label="show" value={view} options={views} onChange={(v) => { picture.value = v; }} />
            <div class={'three' + (view === 'all' ? '' : ' single')}>
                {(view === 'all' || view === 'a') && <figure><figcaption>A</figcaption><Matrix source={a} label={`A: weights of layer ${layer}, head ${head}`} quantity="weight" scale="linear" most={1} rowLabel={rowLabel('a')} columnLabel={rowLabel('a')} {...common} /></figure>}
                {(view === 'all' || view === 'b') && <figure><figcaption>B</figcaption><Matrix source={b} label={`B: weights of layer ${layer}, head ${head}`} quantity="weight" scale="linear" most={1} rowLabel={rowLabel('b')} columnLabel={rowLabel('b')} {...common} /></figure>}
                {(view === 'all' || view === 'd') && <figure><figcaption>B − A</figcaption><Matrix source={d} label={`B − A: weights of layer ${layer}, head ${head}`} quantity="B − A" scale="diverging" rowLabel={rowLabel(null)} columnLabel={rowLabel(null)} {...common} /></figure>}
            </div>
            {!straight && <p class="quiet">Rows and columns are aligned tokens; a token that the other text has not is hatched there. Weights on tokens that belong together are added.{alignment.length > MOST && ` The first ${MOST.toLocaleString('en-US')} are drawn.`}</p>}
        </section>
    );
}

/** One row in both runs, key by key. */
function Row({ pair }: { pair: Pair }) {
    const { query, layer, head } = selection.value;
    const span = pair.compared.alignment[spanAt(pair, query)];
    const there = span && aligned(span);
    const loaded = useLoad(async (abort) => {
        if (!span || !there) return null;
        const one = async (side: 'a' | 'b') => {
            const { row } = await json<{ row: (number | string)[] }>(`runs/${pair[side].id}/row`, { of: `${layer}.${head}`, query: range(span, side)[1] - 1 }, abort);
            return bySpan(row.map(Number), pair.compared.alignment, side);
        };
        const [a, b] = await Promise.all([one('a'), one('b')]);
        return { a, b };
    }, [pair, layer, head, query]);
    if (!there) return <section aria-label="Row"><h2>Row of the query</h2><p class="quiet">The query has no counterpart in the other text.</p></section>;
    const rows = loaded.value
        ? pair.compared.alignment.map((s, i) => ({ i, span: s, a: loaded.value!.a[i], b: loaded.value!.b[i] })).filter(({ a, b }) => !(Number.isNaN(a) && Number.isNaN(b)))
            .sort((x, y) => Math.abs((y.b || 0) - (y.a || 0)) - Math.abs((x.b || 0) - (x.a || 0)) || x.i - y.i)
        : [];
    const cell = (n: number) => (Number.isNaN(n) ? null : n);
    return (
        <section aria-label="Row">
            <h2>Row of {label(pair, span)}: keys that changed most</h2>
            {loaded.error && <Failed error={loaded.error} />}
            <div class="wide">
                <table class="arrows">
                    <thead><tr><th scope="col">key</th><th scope="col">A</th><th scope="col">B</th><th scope="col">B − A</th></tr></thead>
                    <tbody>{rows.slice(0, 8).map(({ i, span: s, a, b }) => (
                        <tr key={i}>
                            <td class="edge"><span class="k">{label(pair, s)}</span> <span class="quiet">{range(s, pair.mine)[0] < range(s, pair.mine)[1] ? range(s, pair.mine)[1] - 1 : ''}</span></td><td class="num"><Num value={cell(a)} /></td><td class="num"><Num value={cell(b)} /></td>
                            <td class="num">{Number.isNaN(a) || Number.isNaN(b) ? <span class="quiet">{Number.isNaN(a) ? 'only in B' : 'only in A'}</span> : <span title={String(b - a)}>{b > a ? '+' : ''}{short(b - a)}</span>}</td>
                        </tr>
                    ))}</tbody>
                </table>
            </div>
            <Numbers caption="This row in A and B" columns={['key', 'A', 'B', 'B − A']} rows={[...rows].sort((x, y) => x.i - y.i).map(({ span: s, a, b }) => [label(pair, s), cell(a), cell(b), Number.isNaN(a) || Number.isNaN(b) ? null : b - a])} />
        </section>
    );
}

export function Inspector() {
    const run = useRun();
    const { layer, head } = selection.value;
    const here = current.value;
    const pair = here && here.pair[here.pair.mine].id === run.id ? here.pair : null;
    const one = pair?.compared.heads.find((h) => h.layer === layer && h.head === head);
    return (
        <>
            {one
                ? <>
                    <h2>Layer {layer}, head {head}</h2>
                    <dl class="facts-list" aria-label="This head in both runs">
                        <div><dt>mean distance of rows</dt><dd><Num value={one.distance} /></dd></div>
                        <div><dt>largest distance</dt><dd><Num value={one.largest} /></dd></div>
                        <div><dt>entropy in A</dt><dd><Num value={one.entropy_a} unit=" nats" /></dd></div>
                        <div><dt>entropy in B</dt><dd><Num value={one.entropy_b} unit=" nats" /></dd></div>
                    </dl>
                </>
                : <p class="quiet">Choose what to compare with.</p>}
            <p class="quiet note">The distance of two rows is half the sum of |A − B| over all keys (total variation): 0 where they give the same weights, 1 where they have nothing in common. Weight on a token that the other text has not counts as different.</p>
        </>
    );
}
