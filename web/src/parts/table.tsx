import { useState } from 'preact/hooks';
import type { Cell } from '../screen';
import { full, short } from './number';

interface Props {
    caption: string;
    columns: string[];
    rows: Cell[][];
    /** Called with the row's index in `rows`. */
    onPick?: (row: number) => void;
    picked?: number;
    /** Rows shown at first; a button shows more. */
    most?: number;
    digits?: number;
}

/** A table that sorts by a click on a heading: numbers short, in full in their titles. */
export function Table({ caption, columns, rows, onPick, picked, most = 200, digits = 3 }: Props) {
    const [order, setOrder] = useState<{ column: number; down: boolean } | null>(null);
    const [limit, setLimit] = useState(most);
    const indices = rows.map((_, i) => i);
    if (order) {
        const { column, down } = order;
        indices.sort((a, b) => compare(rows[a][column], rows[b][column]) * (down ? -1 : 1) || a - b);
    }
    const sort = (column: number) => setOrder((now) => (now?.column === column ? { column, down: !now.down } : { column, down: typeof rows[0]?.[column] === 'number' }));
    return (
        <div class="table" tabIndex={0} role="region" aria-label={caption}>
            <table>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        {columns.map((name, c) => (
                            <th key={name} scope="col" aria-sort={order?.column === c ? (order.down ? 'descending' : 'ascending') : 'none'}>
                                <button type="button" onClick={() => sort(c)}>{name}<span aria-hidden="true">{order?.column === c ? (order.down ? ' ↓' : ' ↑') : ''}</span></button>
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {indices.slice(0, limit).map((i) => (
                        <tr key={i} class={i === picked ? 'picked' : undefined} aria-selected={onPick ? i === picked : undefined} onClick={onPick && (() => onPick(i))}>
                            {rows[i].map((cell, c) => typeof cell === 'number'
                                ? <td key={c} class="num" title={full(cell)}>{short(cell, digits)}</td>
                                : <td key={c}>{c === 0 && onPick ? <button type="button" class="plain">{cell ?? ''}</button> : cell ?? ''}</td>)}
                        </tr>
                    ))}
                </tbody>
            </table>
            {rows.length > limit && <button type="button" class="more" onClick={() => setLimit(limit * 4)}>{(rows.length - limit).toLocaleString('en-US')} more rows</button>}
        </div>
    );
}

function compare(a: Cell, b: Cell): number {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b;
    return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

/** The numbers behind a picture, folded away: what a screen reader reads instead of it. */
export function Numbers(props: Props) {
    const [opened, setOpened] = useState(false);
    return (
        <details class="numbers" onToggle={(event) => setOpened(event.currentTarget.open)}>
            <summary>{props.caption}: the numbers as a table</summary>
            {opened && <Table {...props} />}
        </details>
    );
}
