import { full } from '../../parts/number';
import type { Scale } from '../../parts/matrix/colour';
import { svgOf } from '../../parts/svg';
import type { Leaves } from '../../screen';
import { of, run, selection, spec, view } from '../../state';
import { cli } from './calls';
import { arcs, engine } from './head-view';
import { java } from './java-call';
import { current, divisors, list, received, units } from './look';
import { document as svgDocument, matrixSvg, VECTOR_MOST, type Part } from './matrix-svg';
import { pair, pairSentence } from './say';

/** What leaves the screen: the row or column in the table, the picture, and for short texts the whole matrix in the JSON. */
export function leaves(): Leaves | null {
    const shownRun = run.value;
    const now = units.value;
    const shown = list.value;
    // What is still on its way is not what is asked for.
    const got = current.value ? received.value : null;
    if (!shownRun || !now || !shown || !got) return null;
    const { kind, side, unit, sink, mass } = view.value;
    const { query, key } = selection.value;
    const name = `head-${of.value.replaceAll('*', 'all').replaceAll(':', '-')}-${kind === 'weights' ? '' : kind + '-'}${side === 'row' ? 'query' : 'key'}-${got.at}`;
    const value = kind === 'weights' ? 'weight' : kind === 'scores' ? 'score' : 'value';
    const other = side === 'row' ? 'key' : 'query';
    const matrix = now.count <= VECTOR_MOST ? whole(now.count) : null;
    const about = pair.value;
    const call = { run: shownRun.cli, text: spec.value.text, changes: shownRun.changes, of: of.value, query: unit === 'token' ? query : now.of(query), key: now.of(key ?? query), view: view.value };
    return {
        name,
        sentence: pairSentence.value + (shown.note ? ' ' + shown.note : ''),
        table: { columns: [other, 'text', value, 'distance', 'running_sum'], rows: shown.entries.map((e) => [e.position, text(e.position), e.value, e.distance, e.running]) },
        json: {
            command: 'attend', model: shownRun.model, run: shownRun.id, changes: shownRun.changes,
            tokens: shownRun.tokens.map(({ position, id, text: t, bytes, special, in_text }) => ({ position, id, text: t, bytes, special, in_text })),
            of: of.value, kind, unit, sink, mass, note: shown.note, sentence: pairSentence.value, parity: shownRun.parity,
            [side]: { [side === 'row' ? 'query' : 'key']: got.at, [side === 'row' ? 'keys' : 'queries']: shown.entries.map((e) => ({ position: e.position, text: text(e.position), [value]: e.value })) },
            ...(matrix ? { pattern: matrix } : {}),
        },
        svg: () => picture(about),
        cli: cli(call),
        java: java(call),
    };
    function text(position: number): string {
        return shownRun!.tokens.slice(now!.first(position), now!.last(position) + 1).map((t) => t.text).join('');
    }
}

/** Row i has the i + 1 numbers that are not masked; null while tiles are missing. */
function whole(count: number): (number | string)[][] | null {
    const rows: (number | string)[][] = [];
    for (let row = 0; row < count; row++) {
        const values: (number | string)[] = [];
        for (let column = 0; column <= row; column++) {
            const value = engine.current?.value(row, column);
            if (value === undefined) return null;
            values.push(Number.isFinite(value) ? value : full(value));
        }
        rows.push(values);
    }
    return rows;
}

function picture(about: { query: number; key: number } | null): string {
    const style = getComputedStyle(document.body);
    const colour = (name: string) => style.getPropertyValue('--' + name).trim();
    const colours = { ink: colour('ink'), quiet: colour('quiet'), query: colour('query'), key: colour('key'), line: colour('line'), hatch: colour('hatch'), hatchPaper: colour('hatch-paper'), paper: colour('paper') };
    const parts: Part[] = [];
    const now = units.value!;
    if (arcs.current) {
        const box = arcs.current.getBoundingClientRect();
        // On the paper of this picture, not on the ground of the page.
        const svg = svgOf(arcs.current, pairSentence.value).replace(/(<rect x="[^"]*" y="[^"]*" width="[^"]*" height="[^"]*" fill=")[^"]*"/, `$1${colours.paper}"`);
        parts.push({ svg, width: Math.ceil(box.width), height: Math.ceil(box.height) });
    }
    const shown = engine.current;
    if (shown && now.count <= VECTOR_MOST) {
        const { kind, scale, sink } = view.value;
        const divided = kind === 'weights' && sink === 'renormalise' ? divisors.value : null;
        const from = sink === 'show' ? 0 : 1;
        const value = (row: number, column: number) => {
            const raw = column > row ? NaN : shown.value(row, column);
            return raw !== undefined && divided ? raw / divided[row] : raw;
        };
        const spread = shown.spread;
        const most = kind === 'weights' ? 1 : kind === 'scores' ? Math.max(Math.abs(spread?.least ?? 1), Math.abs(spread?.most ?? 1)) : spread?.most ?? 1;
        const scaled: Scale = kind === 'scores' ? { kind: 'diverging', most } : scale === 'log' ? { kind: 'log', most, decades: 4 } : scale === 'rowmax' ? { kind: 'rowmax' } : { kind: 'linear', most };
        const rowMost = (row: number) => {
            let largest = NaN;
            for (let column = from; column <= row; column++) { const v = value(row, column); if (v !== undefined && !(v <= largest)) largest = v; }
            return largest;
        };
        parts.push(matrixSvg({ count: now.count, value, label: now.label, scale: scaled, rowMost, hiddenFirst: from === 1, query: about?.query ?? null, key: about?.key ?? null, colours }));
    } else if (shown) {
        const { width, height } = shown.canvas.getBoundingClientRect();
        parts.push({ svg: `<image href="${shown.canvas.toDataURL('image/png')}" width="${Math.round(width)}" height="${Math.round(height)}"/>`, width: Math.round(width), height: Math.round(height) });
    }
    return svgDocument(pairSentence.value, parts, colours.paper, colours.ink);
}
