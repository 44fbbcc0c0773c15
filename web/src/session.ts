import { batch, effect, signal } from '@preact/signals';
import { json, post, stream } from './api';
import { aborted, ApiError, asApiError } from './errors';
import { firstView, fromHash, noSelection, noSpec, toHash, type Selection } from './link';
import { hover, inside, keyNeeded, models, online, progress, run, selection, settings, spec, typed, view } from './state';
import type { Models, Run, Spec } from './types';

let current: AbortController | null = null;
/** The selection of a link whose run is not there yet; until then the selection stays inside the run on screen. */
let wished: Selection | null = null;
/** What the run on screen was made of. */
let ran: Spec | null = null;

/** Changes what is run and runs it; what ran before is given up. Resolves when the run is there or has failed. */
export function runSpec(part: Partial<Spec>): Promise<void> {
    // Other text, other tokens.
    const { ids: _, ...without } = spec.value;
    spec.value = { ...(part.text !== undefined || part.model !== undefined ? without : spec.value), ...part };
    linkTrouble.value = '';
    if (part.text !== undefined && typed.value !== part.text) typed.value = part.text;
    return again();
}

/** Runs the spec once more: after a failure, or when the server lost the run. */
export async function again(): Promise<void> {
    current?.abort();
    const controller = (current = new AbortController());
    const asked = spec.value;
    progress.value = { state: 'waiting', since: Date.now(), why: 'asking the server', retryAt: null };
    try {
        const made = await make(asked, controller.signal);
        if (controller.signal.aborted) return;
        batch(() => {
            run.value = made;
            selection.value = inside(wished ?? selection.value, made);
            hover.value = null;
            wished = null;
            ran = asked;
            progress.value = { state: 'done' };
        });
    } catch (error) {
        if (controller.signal.aborted || aborted(error)) return;
        progress.value = { state: 'failed', error: asApiError(error) };
    }
}

/** For work that ends in a run, such as the making of the next token: gives up what was under way, and is given up by `stop`. */
export function take(): AbortSignal {
    current?.abort();
    current = new AbortController();
    return current.signal;
}

/** Gives up the run that is under way; the one on screen stays, and a link holds that. What is typed stays typed. */
export function stop(): void {
    current?.abort();
    if (ran) spec.value = ran;
    progress.value = { state: run.value ? 'done' : 'none' };
}

/** The finished run of a spec. Waits out a full queue, a server that is away, a key that is missing; throws all else. */
async function make(wanted: Spec, signal: AbortSignal): Promise<Run> {
    const since = Date.now();
    for (;;) {
        try {
            const { id, state } = await post<{ id: string; state: string }>('runs', body(wanted), signal);
            if (state === 'done') return await json<Run>('runs/' + id, {}, signal);
            if (state === 'queued') progress.value = { state: 'waiting', since, why: 'in the queue', retryAt: null };
            return await follow(id, since, signal);
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            if (error.status === 429) {
                const wait = Math.max(1, error.retryAfter ?? 2);
                progress.value = { state: 'waiting', since, why: 'the server is busy; next try', retryAt: Date.now() + wait * 1000 };
                await sleep(wait * 1000, signal);
            } else if (error.gone) {
                progress.value = { state: 'waiting', since, why: 'the server does not answer', retryAt: null };
                await until(() => online.value, signal);
            } else if (error.status === 401) {
                progress.value = { state: 'waiting', since, why: 'the server wants a key', retryAt: null };
                await until(() => !keyNeeded.value, signal);
            } else {
                throw error;
            }
        }
    }
}

function body(wanted: Spec): unknown {
    return { model: wanted.model, ...(wanted.ids ? { ids: wanted.ids } : { text: wanted.text }), ...(wanted.changes.length ? { changes: wanted.changes } : {}), ...(wanted.other ? { other: wanted.other } : {}) };
}

async function follow(id: string, since: number, signal: AbortSignal): Promise<Run> {
    let made: Run | null = null;
    await stream(`runs/${id}/events`, undefined, (event, data) => {
        if (event === 'progress') {
            const { layer, layers } = data as { layer: number; layers: number };
            progress.value = { state: 'running', since, layer, layers };
        } else if (event === 'done') {
            made = (data as { run?: Run }).run ?? null;
        } else if (event === 'failed') {
            const { error } = data as { error: { code: string; message: string; remedy?: string } };
            throw new ApiError(422, error.code, error.message, error.remedy ?? '');
        }
    }, signal);
    return made ?? json<Run>('runs/' + id, {}, signal);
}

/** A run other than the one on screen, for comparisons: `await sideRun({ text: … })`. It shows no progress. */
export async function sideRun(part: Partial<Spec>, signal: AbortSignal): Promise<Run> {
    const wanted = { ...spec.value, ...part };
    for (;;) {
        try {
            const { id, state } = await post<{ id: string; state: string }>('runs', body(wanted), signal);
            if (state !== 'done') await stream(`runs/${id}/events`, undefined, () => undefined, signal);
            return await json<Run>('runs/' + id, {}, signal);
        } catch (error) {
            if (!(error instanceof ApiError) || error.status !== 429) throw error;
            await sleep(Math.max(1, error.retryAfter ?? 2) * 1000, signal);
        }
    }
}

const remaking = new Map<string, Promise<string>>();

/** Makes a forgotten run anew from its spec, once for all who ask at the same time. */
export function remake(id: string, _signal?: AbortSignal): Promise<string> {
    let made = remaking.get(id);
    if (!made) {
        // Another run that is under way is not given up for it; then it comes without progress.
        const busy = progress.value.state === 'running' || progress.value.state === 'waiting';
        const signal = busy ? new AbortController().signal : take();
        const was = ran ?? spec.value;
        made = (busy ? sideRun(was, signal) : make(was, signal)).then((fresh) => {
            if (run.value?.id === id) run.value = fresh;
            if (!busy && !signal.aborted) progress.value = { state: 'done' };
            return fresh.id;
        }, (error: unknown) => {
            if (!busy && !signal.aborted) progress.value = { state: 'failed', error: asApiError(error) };
            throw error;
        });
        made.finally(() => remaking.delete(id)).catch(() => undefined);
        remaking.set(id, made);
    }
    return made;
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => { signal.removeEventListener('abort', stop); resolve(); }, ms);
        const stop = () => { clearTimeout(timer); reject(new DOMException('given up', 'AbortError')); };
        if (signal.aborted) stop();
        signal.addEventListener('abort', stop, { once: true });
    });
}

function until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const stop = () => { queueMicrotask(() => dispose()); reject(new DOMException('given up', 'AbortError')); };
        if (signal.aborted) { reject(new DOMException('given up', 'AbortError')); return; }
        signal.addEventListener('abort', stop, { once: true });
        const dispose = effect(() => {
            if (!holds()) return;
            signal.removeEventListener('abort', stop);
            queueMicrotask(() => dispose());
            resolve();
        });
    });
}

const DRAFT = 'clearhead.draft';
let drafting: ReturnType<typeof setTimeout> | undefined;
let keepDraft = (): void => undefined;
/** What went wrong with the link of the address bar; '' for nothing. */
export const linkTrouble = signal('');
let written = '';

/** Reads the link, asks for the models, runs. Called once. */
export async function start(): Promise<void> {
    adopt();
    addEventListener('popstate', () => followAddress());
    addEventListener('hashchange', () => followAddress());
    effect(() => {
        const text = typed.value;
        const over = spec.value.text;
        clearTimeout(drafting);
        if (over === '') return;
        keepDraft = () => store(DRAFT, text === over ? null : JSON.stringify({ over, text }));
        drafting = setTimeout(keepDraft, 250);
    });
    addEventListener('pagehide', () => keepDraft());
    effect(writeAddress);
    effect(() => {
        const text = run.value ? spec.value.text.replace(/\s+/g, ' ').slice(0, 40) : '';
        document.title = (text ? text + ' · ' : '') + 'Clearhead';
    });
    effect(watchServer);
    await askModels();
}

function adopt(): void {
    let linked: ReturnType<typeof fromHash> = null;
    linkTrouble.value = '';
    try {
        linked = fromHash(location.hash);
    } catch (error) {
        linkTrouble.value = 'This link cannot be read. ' + (error instanceof Error ? error.message : String(error)) + ' The ready sentence is shown instead.';
    }
    batch(() => {
        spec.value = linked?.spec ?? noSpec;
        wished = linked?.selection ?? noSelection;
        selection.value = run.value ? inside(wished, run.value) : wished;
        view.value = linked?.view ?? firstView;
        settings.value = linked?.settings ?? {};
        typed.value = draftOver(spec.value.text);
    });
    written = location.hash;
}

/** What was typed over this text and not run before the page was left; else the text. */
function draftOver(text: string): string {
    try {
        const draft = JSON.parse(localStorage.getItem(DRAFT) ?? 'null') as { over?: unknown; text?: unknown } | null;
        return text !== '' && draft?.over === text && typeof draft.text === 'string' ? draft.text : text;
    } catch {
        // A draft that cannot be read is no draft.
        return text;
    }
}

async function askModels(): Promise<void> {
    const forever = new AbortController().signal;
    for (;;) {
        try {
            models.value = await json<Models>('models');
            break;
        } catch (error) {
            const told = asApiError(error);
            progress.value = told.gone || told.status === 401
                ? { state: 'waiting', since: Date.now(), why: told.gone ? 'the server does not answer' : 'the server wants a key', retryAt: null }
                : { state: 'failed', error: told };
            if (told.gone) await until(() => online.value, forever);
            else if (told.status === 401) await until(() => !keyNeeded.value, forever);
            else await sleep(3000, forever);
        }
    }
    begin();
}

function begin(): void {
    const known = models.value;
    if (!known) return;
    const had = spec.value.text;
    const text = had || known.ready_text;
    batch(() => {
        if (had === '' && typed.value === '') typed.value = draftOver(text);
        spec.value = { ...spec.value, model: spec.value.model || known.default, text };
    });
    void again();
}

function followAddress(): void {
    if (location.hash === written) return;
    const before = JSON.stringify(spec.value);
    adopt();
    if (JSON.stringify(spec.value) !== before) begin();
    else wished = null;
}

let writing: ReturnType<typeof setTimeout> | undefined;
let lastScreen = '';

function writeAddress(): void {
    const state = { spec: spec.value, selection: selection.value, view: view.value, settings: settings.value };
    clearTimeout(writing);
    if (!state.spec.text) return;
    writing = setTimeout(() => {
        const hash = '#' + toHash(state);
        if (hash === written) return;
        const step = lastScreen !== '' && lastScreen !== state.view.screen + state.spec.text;
        lastScreen = state.view.screen + state.spec.text;
        try {
            if (step) history.pushState(null, '', hash);
            else history.replaceState(null, '', hash);
            // The browser may write the hash a little differently.
            written = location.hash;
        } catch {
            // A browser refuses very many changes within a short time; the next one writes it.
        }
    }, 120);
}

/** While the server is away, asks every second or two whether it is back. */
let watching = false;
function watchServer(): void {
    if (online.value || watching) return;
    watching = true;
    const ask = async (wait: number): Promise<void> => {
        try {
            // Any answer will do: `call` then says that the server is there.
            await json('health');
        } catch (error) {
            if (error instanceof ApiError && error.gone) {
                setTimeout(() => void ask(Math.min(wait * 1.5, 4000)), wait);
                return;
            }
        }
        watching = false;
    };
    setTimeout(() => void ask(1000), 700);
}

function store(name: string, value: string | null): void {
    try {
        if (value === null) localStorage.removeItem(name);
        else localStorage.setItem(name, value);
    } catch {
        // Storage is full or forbidden: the page works without.
    }
}

/** The link to what is on screen. */
export function link(): string {
    return location.href.replace(/#.*$/, '') + '#' + toHash({ spec: spec.value, selection: selection.value, view: view.value, settings: settings.value });
}
