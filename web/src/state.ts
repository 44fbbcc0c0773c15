import { batch, computed, signal } from '@preact/signals';
import { ApiError } from './errors';
import { firstView, noSelection, noSpec, type Selection, type View } from './link';
import type { ScreenId } from './screen';
import type { Models, Run, Spec } from './types';

export type { Selection, View } from './link';

/** How the run of `spec` stands. */
export type Progress =
    | { state: 'none' }
    | { state: 'waiting'; since: number; why: string; retryAt: number | null }
    | { state: 'running'; since: number; layer: number; layers: number }
    | { state: 'done' }
    | { state: 'failed'; error: ApiError };

export const models = signal<Models | null>(null);
/** What is run. Change it by `runSpec`, never by assignment. */
export const spec = signal<Spec>(noSpec);
/** What stands in the editor; it may be ahead of `spec`. */
export const typed = signal('');
export const progress = signal<Progress>({ state: 'none' });
/** The run that the screens show: the last that was finished. While another is computed, it stays. */
export const run = signal<Run | null>(null);
/** Query, key, layer, head: shared by all screens. Change it by `select`. */
export const selection = signal<Selection>(noSelection);
/** What the pointer is over; null for nothing. Positions of tokens. */
export const hover = signal<{ query?: number; key?: number; layer?: number; head?: number } | null>(null);
export const view = signal<View>(firstView);
/** Settings of single screens that go into the link; use `urlText`, `urlNumber`. */
export const settings = signal<Record<string, string>>({});
/** Server is there (true), went away (false). */
export const online = signal(true);
/** The server wants a key that we lack, or refuses the one we have. */
export const keyNeeded = signal(false);

/** `2.1`, or the aggregate chosen: the parameter `of` of the API. */
export const of = computed(() => view.value.of || `${selection.value.layer}.${selection.value.head}`);

/** The run on screen, inside a View. */
export function useRun(): Run {
    const value = run.value;
    if (!value) throw new Error('a screen was shown without a run');
    return value;
}

/** Changes a part of the selection; keeps it inside the run. Another layer or head takes the aggregate with it, or ends it. */
export function select(part: Partial<Selection>): void {
    const next = { ...selection.value, ...part };
    const kept = run.value ? inside(next, run.value) : next;
    const { layer, head, query, key } = selection.value;
    batch(() => {
        if (kept.layer !== layer || kept.head !== head || kept.query !== query || kept.key !== key) selection.value = kept;
        if (view.value.of && (part.head !== undefined || part.layer !== undefined)) show({ of: part.head !== undefined ? '' : aggregateAt(view.value.of, kept.layer) });
    });
}

/** The same aggregate in another layer; '' where it belongs to one layer only. */
function aggregateAt(of: string, layer: number): string {
    return of === '*.*' ? of : /^\d+\.\*$/.test(of) ? `${layer}.*` : of.startsWith('rollout:') ? `rollout:${layer}` : '';
}

/** The nearest selection that the run has. */
export function inside(wanted: Selection, of: Run): Selection {
    const clamp = (n: number, most: number) => Math.max(0, Math.min(Math.trunc(n), most));
    const { layer, head, query } = wanted;
    const last = of.tokens.length - 1;
    const q = query < 0 ? of.strongest.query : clamp(query, last);
    return {
        layer: layer < 0 ? of.strongest.layer : clamp(layer, of.model.layers - 1),
        head: head < 0 ? of.strongest.head : clamp(head, of.model.heads - 1),
        query: q,
        key: wanted.key === null || wanted.key > last ? null : clamp(wanted.key, last),
    };
}

export function show(part: Partial<View>): void {
    view.value = { ...view.value, ...part };
}

/** Opens a screen, perhaps with another selection: `open('step', { key: 3 })`. */
export function open(screen: ScreenId, part: Partial<Selection> = {}): void {
    batch(() => {
        select(part);
        show({ screen });
    });
}

/** A text setting of a screen that is kept in the link: `const find = urlText('predict.find', '')`. Make it once, outside components. */
export function urlText(name: string, initial: string): { value: string } {
    return {
        get value() { return settings.value[name] ?? initial; },
        set value(text: string) {
            const { [name]: _, ...rest } = settings.value;
            settings.value = text === initial ? rest : { ...rest, [name]: text };
        },
    };
}

/** A number kept in the link; what is no finite number reads as `initial`. */
export function urlNumber(name: string, initial: number): { value: number } {
    const text = urlText(name, String(initial));
    return {
        get value() { const n = Number(text.value); return Number.isFinite(n) && text.value.trim() !== '' ? n : initial; },
        set value(n: number) { text.value = String(n); },
    };
}
