// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { json, runJson, setKey, stream } from './api';
import { ApiError } from './errors';
import { again, runSpec, stop } from './session';
import { keyNeeded, models, online, progress, run, selection, spec, typed } from './state';
import type { Run } from './types';
import { noSelection, noSpec } from './link';

type Answer = (path: string, init: RequestInit) => Response | Promise<Response>;
let answer: Answer;
const asked: string[] = [];

const ok = (value: unknown, status = 200, headers: Record<string, string> = {}) => new Response(JSON.stringify(value), { status, headers });
const refusal = (status: number, code: string, headers = {}) => ok({ error: { code, message: code + '.', remedy: 'Do it.' } }, status, headers);
const events = (...lines: string[]) => new Response(new ReadableStream({
    start(controller) {
        for (const line of lines) controller.enqueue(new TextEncoder().encode(line));
        controller.close();
    },
}));
const made = (id: string, tokens = 4) => ({
    id, model: { name: 'tales', layers: 6, heads: 4 }, tokens: Array.from({ length: tokens }, (_, position) => ({ position, text: ' t' })), changes: [], seconds: 0.1, bytes: 1,
    parity: { holds: true }, cli: '', strongest: { layer: 4, head: 1, query: tokens - 1, key: 0 },
});

beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
        const path = url.replace(/^.*\/api\/v1\//, '');
        asked.push(`${init.method} ${path}`);
        const gone = new Promise<never>((_, fail) => init.signal?.addEventListener('abort', () => fail(new DOMException('', 'AbortError'))));
        gone.catch(() => undefined);
        return Promise.race([gone, answer(path, init)]);
    });
    spec.value = { ...noSpec, model: 'tales', text: 'one' };
    [run.value, selection.value, models.value, online.value, keyNeeded.value] = [null, noSelection, null, true, false];
});
afterEach(() => vi.useRealTimers());

describe('a run', () => {
    it('comes by its events, with progress by layer', async () => {
        const seen: number[] = [];
        const unsubscribe = progress.subscribe((p) => { if (p.state === 'running') seen.push(p.layer); });
        answer = (path) => (path === 'runs' ? ok({ id: 'a', state: 'queued' }, 202)
            : events('event: progress\ndata: {"layer":1,"la', 'yers":6}\n\n: ping\n\nevent: progress\r\ndata: {"layer":2,"layers":6}\r\n\r\n', `event: done\ndata: ${JSON.stringify({ run: made('a') })}\n\n`));
        await again();
        unsubscribe();
        expect(seen).toEqual([1, 2]);
        expect(run.value?.id).toBe('a');
        expect(selection.value).toEqual({ layer: 4, head: 1, query: 3, key: null });
        expect(progress.value).toEqual({ state: 'done' });
    });

    it('waits as long as a full server says', async () => {
        let full = true;
        answer = (path) => (path === 'runs' ? (full ? refusal(429, 'busy', { 'Retry-After': '7' }) : ok({ id: 'a', state: 'done' })) : ok(made('a')));
        const done = again();
        await vi.advanceTimersByTimeAsync(6900);
        expect(progress.value).toMatchObject({ state: 'waiting' });
        full = false;
        await vi.advanceTimersByTimeAsync(200);
        await done;
        expect(asked).toEqual(['POST runs', 'POST runs', 'GET runs/a']);
    });

    it('goes on when the server is back', async () => {
        let away = true;
        answer = (path) => {
            if (away) throw new TypeError('fetch failed');
            return path === 'runs' ? ok({ id: 'a', state: 'done' }) : ok(made('a'));
        };
        const done = again();
        await vi.advanceTimersByTimeAsync(10);
        expect(online.value).toBe(false);
        away = false;
        await json('health');
        await done;
        expect(run.value?.id).toBe('a');
    });

    it('waits for the key and sends it', async () => {
        answer = (path, init) => ((init.headers as Record<string, string>)['Authorization'] !== 'Bearer right' ? refusal(401, 'key_needed') : path === 'runs' ? ok({ id: 'a', state: 'done' }) : ok(made('a')));
        const done = again();
        await vi.advanceTimersByTimeAsync(10);
        expect(keyNeeded.value).toBe(true);
        setKey('right');
        await done;
        expect(run.value?.id).toBe('a');
    });

    it('gives way to the next, and the last one asked for stays', async () => {
        answer = async (path, init) => {
            if (path !== 'runs') return ok(made(path.slice(5)));
            const { text } = JSON.parse(String(init.body)) as { text: string };
            await new Promise((done) => setTimeout(done, text === 'slow' ? 1000 : 10));
            return ok({ id: text, state: 'done' });
        };
        const first = runSpec({ text: 'slow' });
        const second = runSpec({ text: 'quick' });
        await vi.advanceTimersByTimeAsync(3000);
        await Promise.all([first, second]);
        expect(run.value?.id).toBe('quick');
    });

    it('that is stopped leaves the one on screen, its spec and what was typed', async () => {
        answer = (path) => (path === 'runs' ? ok({ id: 'a', state: 'done' }) : ok(made('a')));
        await runSpec({ text: 'one' });
        answer = () => new Promise(() => undefined);
        void runSpec({ text: 'two' });
        stop();
        expect([run.value?.id, spec.value.text, typed.value, progress.value.state]).toEqual(['a', 'one', 'two', 'done']);
    });

    it('that fails says why and keeps the last', async () => {
        answer = (path) => (path === 'runs' ? ok({ id: 'a', state: 'done' }) : ok(made('a')));
        await again();
        answer = () => refusal(404, 'unknown_model');
        await runSpec({ model: 'gone' });
        expect(progress.value).toMatchObject({ state: 'failed', error: { message: 'unknown_model.', remedy: 'Do it.' } });
        expect(run.value?.id).toBe('a');
    });

    it('that the server forgot is made anew, once for all who ask', async () => {
        run.value = made('old') as never;
        answer = (path) => (path.startsWith('runs/old') ? refusal(404, 'unknown_run') : path === 'runs' ? ok({ id: 'new', state: 'done' }) : path === 'runs/new' ? ok(made('new')) : ok({ from: path }));
        const [a, b] = await Promise.all([runJson<{ from: string }>('heads'), runJson<{ from: string }>('row', { query: 1 })]);
        expect([a.from, b.from]).toEqual(['runs/new/heads', 'runs/new/row?query=1']);
        expect(asked.filter((line) => line === 'POST runs')).toHaveLength(1);
        expect((run.value as Run | null)?.id).toBe('new');
    });
});

describe('the stream of events', () => {
    it('that breaks off is a server gone', async () => {
        answer = () => new Response(new ReadableStream({ pull(controller) { controller.error(new TypeError('network')); } }));
        await expect(stream('x', undefined, () => undefined)).rejects.toBeInstanceOf(ApiError);
        expect(online.value).toBe(false);
    });
});
