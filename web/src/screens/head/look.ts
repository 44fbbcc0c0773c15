import { computed, effect, signal } from '@preact/signals';
import { runFloats } from '../../api';
import { aborted, asApiError, type ApiError } from '../../errors';
import { Cache } from '../../parts/matrix/cache';
import { hover, of, online, run, selection, urlText, view } from '../../state';
import { ranked, type Ranked } from './ranked';
import { unitsOf, type Units } from './units';

/** A click locks: then the pointer no longer changes row and bars. Esc unlocks. */
export const locked = signal(false);
/** How points of the zoomed-out map are pooled; kept in the link. */
export const pool = urlText('head.pool', 'max');

export const units = computed<Units | null>(() => (run.value ? unitsOf(run.value.tokens, view.value.unit) : null));

/** The row's query or the column's key that is shown now: what the pointer is over, else what is chosen. In tokens. */
export const shownToken = computed(() => {
    const { query, key } = selection.value;
    const over = locked.value ? null : hover.value;
    return view.value.side === 'row' ? over?.query ?? query : over?.key ?? key ?? query;
});

/** The other end that is shown: key of a row, query of a column. Null: none chosen. */
export const otherToken = computed(() => {
    const { query, key } = selection.value;
    const over = locked.value ? null : hover.value;
    if (view.value.side === 'row') return over?.key ?? (over?.query !== undefined && over.query !== query ? null : key);
    return over?.query ?? query;
});

interface Ask { name: string; path: 'row' | 'column'; params: Record<string, string | number> }

/** What the server is asked for. `query` and `key` of words and sentences count in those. */
function ask(path: 'row' | 'column', at: number, kind: string): Ask {
    const { unit } = view.value;
    const params = { of: of.value, [path === 'row' ? 'query' : 'key']: at, kind, ...(unit === 'token' ? {} : { unit }) };
    return { name: [run.value?.id, path, of.value, at, kind, unit].join(' '), path, params };
}

const wanted = computed<Ask | null>(() => {
    const now = units.value;
    return now && run.value ? ask(view.value.side, now.of(shownToken.value), view.value.kind) : null;
});

/** Of the first token's column, where the sink is renormalised. */
const wantedFirst = computed<Ask | null>(() => (run.value && view.value.sink === 'renormalise' && view.value.kind === 'weights' ? ask('column', 0, 'weights') : null));

export interface Values { name: string; at: number; side: 'row' | 'column'; values: Float32Array }

/** The row or column last received; `at` in units. It stays while the next is on its way. */
export const received = signal<Values | null>(null);
export const failure = signal<ApiError | null>(null);
export const divisors = signal<Float32Array | null>(null);

/** True while what is shown is what is asked for. */
export const current = computed(() => received.value !== null && received.value.name === wanted.value?.name);

const rows = new Cache<Float32Array>(32 << 20);

async function fetched({ name, path, params }: Ask, signal: AbortSignal): Promise<Float32Array> {
    const known = rows.get(name);
    if (known) return known;
    const got = await runFloats(path, params, signal);
    const n = units.value?.count ?? got.length;
    // A row may end at its own query: what is not sent is masked.
    let values = got;
    if (got.length < n) {
        values = new Float32Array(n).fill(NaN);
        values.set(got, path === 'column' ? n - got.length : 0);
    }
    rows.put(name, values, values.byteLength);
    return values;
}

/** Follows the pointer: one request at a time, then the newest; an answer that nobody waits for any more is shown all the same, so that moving never starves. */
export function follow(): () => void {
    let running: AbortController | null = null;
    const go = async (): Promise<void> => {
        const next = wanted.peek();
        if (!next || running || received.peek()?.name === next.name) return;
        const controller = (running = new AbortController());
        try {
            const values = await fetched(next, controller.signal);
            if (controller.signal.aborted) return;
            failure.value = null;
            received.value = { name: next.name, at: Number(next.params[next.path === 'row' ? 'query' : 'key']), side: next.path, values };
        } catch (error) {
            if (controller.signal.aborted || aborted(error)) return;
            failure.value = asApiError(error);
            if (wanted.peek()?.name === next.name) { running = null; return; }
        }
        running = null;
        void go();
    };
    const stop = effect(() => {
        void wanted.value;
        void online.value;
        void go();
    });
    let asking: AbortController | null = null;
    const stopFirst = effect(() => {
        const next = wantedFirst.value;
        asking?.abort();
        divisors.value = null;
        if (!next) return;
        const controller = (asking = new AbortController());
        fetched(next, controller.signal).then(
            (column) => { if (!controller.signal.aborted) divisors.value = column.map((w) => (1 - w > 0 ? 1 - w : NaN)); },
            (error: unknown) => { if (!controller.signal.aborted && !aborted(error)) failure.value = asApiError(error); },
        );
    });
    return () => {
        stop();
        stopFirst();
        running?.abort();
        running = null;
        asking?.abort();
    };
}

/** What the bars and arcs show. */
export const list = computed<Ranked | null>(() => {
    const now = received.value;
    if (!now || now.side !== view.value.side) return null;
    const { kind, sink, mass, side } = view.value;
    return ranked(now.values, { kind, sink, mass, side, at: now.at, divisors: divisors.value });
});

/** One cell as the last received row or column has it; undefined: it does not. In units. */
export function known(row: number, column: number): number | undefined {
    const now = received.value;
    if (!now) return undefined;
    if (now.side === 'row') return now.at === row ? now.values[column] : undefined;
    return now.at === column ? now.values[row] : undefined;
}
