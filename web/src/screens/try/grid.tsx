import { useRef } from 'preact/hooks';
import { diverging, inkOn, sequential } from '../../parts/colours';
import { full, short } from '../../parts/number';

export interface GridProps {
    /** What it shows: `change of the prediction by head`. */
    label: string;
    rowsAre: string;
    columnsAre: string;
    rows: string[];
    columns: string[];
    /** Null: not computed, an empty slot. NaN: has no value. */
    value: (row: number, column: number) => number | null;
    scale: 'sequential' | 'diverging' | 'none';
    /** The end of the scale; without it the largest absolute value. */
    most?: number;
    picked?: { row: number; column: number } | null;
    onPick?: (row: number, column: number) => void;
    /** Cells that stand out without a value: a causal cone. */
    shaded?: (row: number, column: number) => boolean;
    /** More in words about a cell. */
    more?: (row: number, column: number) => string;
    drag?: (row: number, column: number) => string;
    drop?: (row: number, column: number, dragged: string) => void;
    /** Numbers in the cells. */
    numbers?: boolean;
}

/** A grid of coloured cells: one Tab stop, arrows move, Enter picks; every cell says its place and number. */
export function CellGrid(props: GridProps) {
    const { label, rows, columns, value, scale, picked, onPick, shaded, more, drag, drop, numbers } = props;
    const table = useRef<HTMLTableElement>(null);
    let most = props.most ?? 0;
    if (props.most === undefined) rows.forEach((_, r) => columns.forEach((_, c) => { const v = value(r, c); if (v !== null && Number.isFinite(v)) most = Math.max(most, Math.abs(v)); }));
    const at = picked ?? { row: rows.length - 1, column: 0 };
    const keys = (event: KeyboardEvent) => {
        const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-row]');
        if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
        let row = Number(cell.dataset['row']);
        let column = Number(cell.dataset['column']);
        switch (event.key) {
            case 'ArrowUp': row--; break;
            case 'ArrowDown': row++; break;
            case 'ArrowLeft': column--; break;
            case 'ArrowRight': column++; break;
            case 'Home': column = 0; break;
            case 'End': column = columns.length - 1; break;
            default: return;
        }
        event.preventDefault();
        event.stopPropagation();
        const to = table.current?.querySelector<HTMLElement>(`[data-row="${row}"][data-column="${column}"]`);
        if (!to) return;
        table.current?.querySelectorAll('[data-row][tabindex="0"]').forEach((other) => other.setAttribute('tabindex', '-1'));
        to.setAttribute('tabindex', '0');
        to.focus();
    };
    return (
        <div class="cells-scroll">
            <table class={'cells' + (numbers ? ' with-numbers' : '')} role="grid" aria-label={label} ref={table} onKeyDown={keys}>
                <thead>
                    <tr>
                        <th scope="col" class="corner"><span class="visually-hidden">{props.rowsAre}, {props.columnsAre}</span></th>
                        {columns.map((name, c) => <th key={c} scope="col" class="upright"><span>{name}</span></th>)}
                    </tr>
                </thead>
                <tbody>
                    {rows.map((name, r) => (
                        <tr key={r}>
                            <th scope="row">{name}</th>
                            {columns.map((columnName, c) => {
                                const v = value(r, c);
                                const shown = v !== null && Number.isFinite(v);
                                const t = shown && most > 0 ? v / most : 0;
                                const background = scale === 'none' || !shown ? undefined : scale === 'diverging' ? diverging(t) : sequential(t);
                                const here = picked?.row === r && picked.column === c;
                                const said = `${name}, ${columnName}${scale === 'none' ? '' : v === null ? ': not computed' : shown ? ': ' : ': no value'}`;
                                return (
                                    <td key={c} role="gridcell" aria-selected={here} class={(shaded?.(r, c) ? 'shaded' : '') + (shown ? '' : ' empty')}>
                                        <button type="button" data-row={r} data-column={c} tabIndex={at.row === r && at.column === c ? 0 : -1}
                                            title={shown ? `${name}, ${columnName}: ${full(v)}` : `${name}, ${columnName}`} class={here ? 'here' : undefined} style={background ? { background, color: inkOn(background) } : undefined}
                                            onClick={onPick && (() => onPick(r, c))} draggable={drag !== undefined}
                                            onDragStart={drag && ((event) => event.dataTransfer?.setData('text/plain', drag(r, c)))}
                                            onDragOver={drop && ((event) => event.preventDefault())}
                                            onDrop={drop && ((event) => { event.preventDefault(); drop(r, c, event.dataTransfer?.getData('text/plain') ?? ''); })}>
                                            <span class="visually-hidden">{said}{shown && !numbers && scale !== 'none' ? short(v, 4) : ''}</span>{numbers && shown ? short(v, 2) : ''}{more && <span class="visually-hidden">; {more(r, c)}</span>}
                                        </button>
                                    </td>
                                );
                            })}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

/** The same grid as an SVG document: light, colours written out. */
export function gridSvg({ label, rowsAre, columnsAre, rows, columns, value, scale, most }: Pick<GridProps, 'label' | 'rowsAre' | 'columnsAre' | 'rows' | 'columns' | 'value' | 'scale' | 'most'>, escape: (text: string) => string): string {
    const W = 44, H = 24, LEFT = 92, TOP = 120;
    let largest = most ?? 0;
    if (most === undefined) rows.forEach((_, r) => columns.forEach((_, c) => { const v = value(r, c); if (v !== null && Number.isFinite(v)) largest = Math.max(largest, Math.abs(v)); }));
    const width = Math.max(LEFT + columns.length * W + 12, 12 + label.length * 7);
    const height = TOP + rows.length * H + 12;
    const parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11"><title>${escape(label)}</title>`,
        `<rect width="${width}" height="${height}" fill="#ffffff"/><text x="8" y="20" font-size="13" fill="#10161c">${escape(label)}</text>`,
        `<text x="${LEFT}" y="40" fill="#5b6670">${escape(columnsAre)}</text><text x="8" y="${TOP - 8}" fill="#5b6670">${escape(rowsAre)}</text>`];
    columns.forEach((name, c) => parts.push(`<text transform="translate(${LEFT + c * W + W / 2 + 4} ${TOP - 6}) rotate(-90)" fill="#10161c">${escape(name.slice(0, 12))}</text>`));
    rows.forEach((name, r) => {
        parts.push(`<text x="${LEFT - 8}" y="${TOP + r * H + 16}" text-anchor="end" fill="#10161c">${escape(name)}</text>`);
        columns.forEach((columnName, c) => {
            const v = value(r, c);
            if (v === null || !Number.isFinite(v)) return;
            const t = largest > 0 ? v / largest : 0;
            const colour = scale === 'diverging' ? diverging(t, false) : sequential(t, false);
            parts.push(`<g><title>${escape(`${name}, ${columnName}: ${full(v)}`)}</title><rect x="${LEFT + c * W}" y="${TOP + r * H}" width="${W - 1}" height="${H - 1}" fill="${colour}"/>`,
                `<text x="${LEFT + c * W + W / 2}" y="${TOP + r * H + 16}" text-anchor="middle" font-size="10" fill="${inkOn(colour)}">${escape(short(v, 2))}</text></g>`);
        });
    });
    return parts.join('\n') + '\n</svg>\n';
}
