import { ApiError } from './errors';
import { keyNeeded, online, run } from './state';
import { remake } from './session';

export type Params = Record<string, string | number | boolean | null | undefined>;

const base = typeof document === 'undefined' ? '/api/v1/' : new URL('api/v1/', document.baseURI).href;
const KEY = 'clearhead.key';

/** The key lives as long as the tab; where storage is forbidden, as long as the page. */
let held: string | null = null;

export function setKey(key: string): void {
    held = key;
    try {
        sessionStorage.setItem(KEY, key);
    } catch {
        // Asked again after a reload, then.
    }
    keyNeeded.value = false;
}

function theKey(): string | null {
    if (held === null) {
        try {
            held = sessionStorage.getItem(KEY);
        } catch {
            held = null;
        }
    }
    return held;
}

function address(path: string, params: Params = {}): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== null) query.set(name, String(value));
    const text = query.toString();
    return base + path + (text ? '?' + text : '');
}

async function call(method: string, path: string, accept: string, params?: Params, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept };
    const key = theKey();
    if (key) headers['Authorization'] = 'Bearer ' + key;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
        response = await fetch(address(path, params), { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null });
    } catch (error) {
        if (signal?.aborted) throw error;
        online.value = false;
        throw new ApiError(0, 'gone', 'The server does not answer.', 'Is `clearhead serve` still running? The page goes on by itself when it is back.');
    }
    online.value = true;
    if (response.ok) return response;
    let told: { code?: string; message?: string; remedy?: string } = {};
    try {
        told = ((await response.json()) as { error?: typeof told }).error ?? {};
    } catch {
        // No JSON: a proxy, perhaps. The status says it.
    }
    if (response.status === 401) keyNeeded.value = true;
    const wait = Number(response.headers.get('Retry-After'));
    throw new ApiError(response.status, told.code ?? String(response.status), told.message ?? `The server answered ${response.status} ${response.statusText}.`,
        told.remedy ?? '', response.headers.has('Retry-After') && Number.isFinite(wait) ? wait : null);
}

/** Once more after the run was made anew, where the server no longer has it. */
async function withRun<T>(ask: (id: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const id = run.value?.id;
    if (!id) throw new ApiError(-1, 'no_run', 'There is no run yet.', 'Press Run.');
    try {
        return await ask(id);
    } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404 || error.code !== 'unknown_run') throw error;
        return ask(await remake(id, signal));
    }
}

/** GET, JSON: `json<Models>('models')`. */
export async function json<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
    return (await call('GET', path, 'application/json', params, undefined, signal)).json() as Promise<T>;
}

/** POST of a JSON body, JSON back. */
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return (await call('POST', path, 'application/json', undefined, body, signal)).json() as Promise<T>;
}

/** GET of little-endian float32: `floats('runs/ID/row', …)`. */
export async function floats(path: string, params?: Params, signal?: AbortSignal): Promise<Float32Array> {
    return new Float32Array(await (await call('GET', path, 'application/octet-stream', params, undefined, signal)).arrayBuffer());
}

/** JSON about the run on screen: `runJson<Lens>('lens', { … })`. A run that the server has forgotten is made anew without a word. */
export const runJson = <T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> =>
    withRun((id) => json<T>(`runs/${id}/${path}`, params, signal), signal);

/** Floats about the run on screen: `runFloats('row', { of: '2.1', query: 5 })`. */
export const runFloats = (path: string, params?: Params, signal?: AbortSignal): Promise<Float32Array> =>
    withRun((id) => floats(`runs/${id}/${path}`, params, signal), signal);

/** Server-sent events of a GET (no body) or POST; returns when the stream ends. `data` is parsed JSON. */
export async function stream(path: string, body: unknown, on: (event: string, data: unknown) => void, signal?: AbortSignal): Promise<void> {
    const response = await call(body === undefined ? 'GET' : 'POST', path, 'text/event-stream', undefined, body, signal);
    if (!response.body) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    let seen = 0;
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            rest += value.replaceAll('\r\n', '\n');
            // What was looked at before is not looked at again: an event may be megabytes.
            for (let end = rest.indexOf('\n\n', Math.max(0, seen - 1)); end >= 0; end = rest.indexOf('\n\n')) {
                const block = rest.slice(0, end);
                rest = rest.slice(end + 2);
                let event = 'message';
                const data: string[] = [];
                for (const line of block.split('\n')) {
                    if (line.startsWith('event:')) event = line.slice(6).trim();
                    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
                }
                if (data.length) on(event, JSON.parse(data.join('\n')));
            }
            seen = rest.length;
        }
    } catch (error) {
        if (signal?.aborted || error instanceof ApiError || error instanceof SyntaxError) throw error;
        online.value = false;
        throw new ApiError(0, 'gone', 'The connection to the server broke off.', 'The page goes on by itself when the server is back.');
    } finally {
        reader.cancel().catch(() => undefined);
    }
}

/** Events about the run on screen: `runStream('sweep', {…}, (event, data) => …, signal)`. */
export const runStream = (path: string, body: unknown, on: (event: string, data: unknown) => void, signal?: AbortSignal): Promise<void> =>
    withRun((id) => stream(`runs/${id}/${path}`, body, on, signal), signal);
