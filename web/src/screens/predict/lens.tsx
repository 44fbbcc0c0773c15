import { useEffect, useRef, useState } from 'preact/hooks';
import { runJson } from '../../api';
import { useLoad } from '../../load';
import { inkOn, sequential } from '../../parts/colours';
import { Choice } from '../../parts/controls';
import { Num, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { visible } from '../../parts/token';
import { sleep } from '../../session';
import { select, selection, useRun } from '../../state';
import { between, colour, find, type Cell, type Grid, type Row } from './data';
import { shown } from './shown';
import { quoted } from './words';

/** Columns shown at a time: a long text is looked at through this window. */
const WINDOW = 24;

export type Colour = 'probability' | 'rank' | 'divergence';

/** How strongly a cell is painted, in [0, 1]. */
export function strength(cell: Cell, by: Colour, vocab: number): number {
    switch (by) {
        case 'probability': return cell.probability;
        case 'rank': return cell.watched_rank === undefined ? 0 : 1 - Math.log(cell.watched_rank) / Math.log(vocab);
        case 'divergence': return Math.max(0, 1 - cell.divergence / 10);
    }
}

export const written = (cell: Cell, by: Colour): string =>
    by === 'probability' ? visible(cell.text) : by === 'rank' ? (cell.watched_rank ?? 0).toLocaleString('en-US') : short(cell.divergence);

const where = (row: Row): string => (row.site === 'resid_pre' ? 'at the embedding' : row.site === 'resid_mid' ? `after the attention of layer ${row.layer}` : `after layer ${row.layer}`);

export function LensView() {
    const run = useRun();
    const query = selection.value.query;
    const last = run.tokens.length - 1;
    const start = useRef(Math.max(0, Math.min(query - (WINDOW >> 1), last - WINDOW + 1)));
    const [, moved] = useState(0);
    if (query < start.current || query > start.current + WINDOW - 1 || start.current > last) start.current = Math.max(0, Math.min(query - (WINDOW >> 1), last - WINDOW + 1));
    const from = start.current;
    const to = Math.min(last, from + WINDOW - 1);
    const wanted = find.value;
    const mid = between.value === 'yes' ? 'yes' : 'no';
    const grid = useLoad(async (signal) => {
        if (wanted) await sleep(150, signal);
        let token = wanted;
        if (!token) token = '#' + (await runJson<{ top: { id: number }[] }>('predict', { position: query, top: 1 }, signal)).top[0].id;
        return runJson<Grid>('lens', { position: query, from, to, attention: mid, find: token }, signal);
    }, [run.id, from, to, wanted, mid, wanted ? 0 : query]);
    const seen = grid.value;
    shown.grid = seen;
    const by = (['probability', 'rank', 'divergence'].includes(colour.value) ? colour.value : 'probability') as Colour;
    const shift = (by: number) => { start.current = Math.max(0, Math.min(last - WINDOW + 1, from + by)); select({ query: Math.max(start.current, Math.min(start.current + WINDOW - 1, query + by, last)) }); moved((n) => n + 1); };
    return (
        <>
            <div class="predict-rules" role="group" aria-label="Lens settings">
                <Choice label="colour" value={by} options={[['probability', 'probability'], ['rank', 'rank'], ['divergence', 'distance']]} onChange={(v) => { colour.value = v; }} />
                <Choice label="rows" value={mid} options={[['no', 'layers'], ['yes', 'and attention']]} onChange={(v) => { between.value = v; }} />
                <label>follow <input type="text" aria-label="Token to follow, by its text or # and id" placeholder="the prediction" size={12} value={find.value} onInput={(event) => { find.value = event.currentTarget.value; }} /></label>
                {last >= WINDOW && (
                    <span class="predict-buttons">
                        <button type="button" disabled={from === 0} onClick={() => shift(-WINDOW / 2)}>‹ earlier</button>
                        <span class="num">{from} to {to} of {run.tokens.length}</span>
                        <button type="button" disabled={to === last} onClick={() => shift(WINDOW / 2)}>later ›</button>
                    </span>
                )}
            </div>
            {grid.error && <Failed error={grid.error} />}
            {!seen ? !grid.error && <Waiting what="looking through the lens" /> : <Lens grid={seen} by={by} />}
        </>
    );
}

/** The column of the query in words, by what is in the grid. */
export function lensSentence(grid: Grid, query: number, token: string): string {
    const at = grid.positions.indexOf(query);
    if (at < 0) return grid.sentence ?? '';
    const column = grid.rows.map((row) => row.cells[at]);
    const end = column[column.length - 1];
    let since = column.length - 1;
    while (since > 0 && column[since - 1].id === end.id) since--;
    const only = since === column.length - 1;
    let text = `After ${token} the model predicts ${quoted(end.text)} (${short(end.probability)}), which the lens reads ${only ? 'only ' : ''}${where(grid.rows[since])}${only ? '' : ' and from there on'}`;
    if (grid.watched && column[0].watched_rank !== undefined && end.watched_rank !== undefined) {
        text += `; ${quoted(grid.watched.text)} goes from rank ${column[0].watched_rank.toLocaleString('en-US')} at the embedding to rank ${end.watched_rank.toLocaleString('en-US')}`;
    }
    return text + '.';
}

function Lens({ grid, by }: { grid: Grid; by: Colour }) {
    const run = useRun();
    const query = selection.value.query;
    const column = grid.positions.indexOf(query);
    const [focus, setFocus] = useState<[number, number]>([grid.rows.length - 1, Math.max(0, column)]);
    const table = useRef<HTMLTableElement>(null);
    // The query's column comes into sight; the page itself does not scroll.
    useEffect(() => {
        const cell = table.current?.querySelector<HTMLElement>('tfoot .query');
        const box = table.current?.parentElement;
        if (!cell || !box) return;
        const heading = table.current?.querySelector('th')?.offsetWidth ?? 0;
        if (cell.offsetLeft - heading < box.scrollLeft) box.scrollLeft = cell.offsetLeft - heading;
        else if (cell.offsetLeft + cell.offsetWidth > box.scrollLeft + box.clientWidth) box.scrollLeft = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
    }, [query, grid.positions[0]]);
    const at: [number, number] = [Math.min(focus[0], grid.rows.length - 1), Math.min(focus[1], grid.positions.length - 1)];
    const go = (event: KeyboardEvent) => {
        const step = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); pick(at[0], at[1]); return; }
        if (!step || event.shiftKey) return;
        event.preventDefault();
        const next: [number, number] = [Math.max(0, Math.min(grid.rows.length - 1, at[0] + step[0])), Math.max(0, Math.min(grid.positions.length - 1, at[1] + step[1]))];
        setFocus(next);
        table.current?.querySelector<HTMLElement>(`[data-cell="${next[0]}.${next[1]}"]`)?.focus();
    };
    const pick = (row: number, i: number) => {
        setFocus([row, i]);
        select({ query: grid.positions[i], layer: grid.rows[row].layer });
    };
    const order = grid.rows.map((_, i) => grid.rows.length - 1 - i);
    const cells = column < 0 ? [] : grid.rows.map((row) => row.cells[column]);
    return (
        <>
            <Sentence>{lensSentence(grid, query, `${quoted(run.tokens[query].text)} (${query})`)}</Sentence>
            <div class="lens-scroll">
                <table class="lens" role="grid" aria-label="Logit lens, layers by positions" ref={table} onKeyDown={go}>
                    <tbody>
                        {order.map((r) => (
                            <tr key={grid.rows[r].label} class={grid.rows[r].site}>
                                <th scope="row">{grid.rows[r].label}</th>
                                {grid.rows[r].cells.map((cell, i) => {
                                    const fill = sequential(strength(cell, by, run.model.vocab));
                                    const followed = cell.id === grid.watched?.id;
                                    return (
                                        <td key={cell.position} role="gridcell" data-cell={`${r}.${i}`} tabIndex={r === at[0] && i === at[1] ? 0 : -1}
                                            class={(cell.position === query ? 'query' : '') + (followed ? ' followed' : '')} style={{ background: fill, color: inkOn(fill) }}
                                            title={`${where(grid.rows[r])}, position ${cell.position}: ${visible(cell.text)} ${short(cell.probability)}${cell.watched_rank !== undefined && grid.watched ? `; ${visible(grid.watched.text)} rank ${cell.watched_rank}, ${short(cell.watched_probability ?? 0)}` : ''}; ${short(cell.divergence)} nats from the end`}
                                            aria-label={`${where(grid.rows[r])}, position ${cell.position}: ${visible(cell.text)}, ${short(cell.probability)}`}
                                            onClick={() => pick(r, i)} onFocus={() => setFocus([r, i])}>{written(cell, by)}</td>
                                    );
                                })}
                            </tr>
                        ))}
                    </tbody>
                    <tfoot>
                        <tr><th scope="row">reads</th>{grid.positions.map((p) => <th key={p} scope="col" class={p === query ? 'query' : ''} title={`position ${p}`}>{visible(run.tokens[p].text)}<sub>{p}</sub></th>)}</tr>
                    </tfoot>
                </table>
            </div>
            <p class="quiet">
                Read upwards: what the model would say next if it stopped after that layer (last norm and head on the residual stream). {by === 'probability' ? 'Strong colour: sure of its token.' : by === 'rank' ? `Numbers: rank of ${quoted(grid.watched?.text ?? '')}; strong colour: near the top.` : 'Numbers: Kullback–Leibler distance from the final prediction in nats; strong colour: near to it.'} Framed: the token followed. An odd token in a low layer says that the lens cannot read it, not that the model thinks of it.
            </p>
            {cells.length > 0 && (
                <div class="lens-scroll" tabIndex={0} role="region" aria-label="The column of the query"><table class="lens-column" aria-label="The column of the query, layer by layer">
                    <thead><tr><th scope="col">after</th><th scope="col">most likely</th><th scope="col" class="num">probability</th><th scope="col" class="num">nats off the end</th><th scope="col" class="num">rank of {quoted(grid.watched?.text ?? '')}</th><th scope="col" class="num wide">its probability</th></tr></thead>
                    <tbody>
                        {order.map((r) => (
                            <tr key={r}>
                                <th scope="row">{grid.rows[r].label}</th><td class="token">{visible(cells[r].text)}</td><td class="num"><Num value={cells[r].probability} digits={4} /></td>
                                <td class="num"><Num value={cells[r].divergence} /></td><td class="num">{cells[r].watched_rank?.toLocaleString('en-US')}</td><td class="num wide"><Num value={cells[r].watched_probability} digits={4} /></td>
                            </tr>
                        ))}
                    </tbody>
                </table></div>
            )}
            <Numbers caption="Logit lens" columns={lensColumns} rows={lensRows(grid)} />
        </>
    );
}

export const lensColumns = ['site', 'layer', 'position', 'id', 'token', 'logit', 'probability', 'nats from the end', 'watched rank', 'watched probability'];

export const lensRows = (grid: Grid) => grid.rows.flatMap((row) => row.cells.map((c) =>
    [row.site, row.layer, c.position, c.id, visible(c.text), c.logit, c.probability, c.divergence, c.watched_rank ?? null, c.watched_probability ?? null]));
