// @vitest-environment jsdom
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../errors';
import type { Look } from './store';
import { Store } from './store';
import { chosenToo } from './engine';
import { nameOf, type TileAt } from './tiles';

const look: Look = { name: 'a', scale: { kind: 'linear', most: 1 }, ramp: new Uint8ClampedArray(768), withoutFirst: false, divisors: null };

interface Asked { at: TileAt; signal: AbortSignal; give: (values: Float32Array) => void; refuse: (error: unknown) => void }

function made() {
    const asked: Asked[] = [];
    const store = new Store({
        name: 'x', extent: { rows: 4096, columns: 4096, causal: true },
        tile: (at, signal) => new Promise((give, refuse) => {
            asked.push({ at, signal, give, refuse });
            signal.addEventListener('abort', () => refuse(new DOMException('given up', 'AbortError')));
        }),
    }, look, () => undefined);
    return { store, asked };
}

const tile = (x: number, level = 0): TileAt => ({ level, x, y: 15 });
const settle = () => new Promise((done) => setTimeout(done, 0));

describe('tiles on their way', () => {
    it('four at once, in the order in which they are wanted', async () => {
        const { store, asked } = made();
        store.want([0, 1, 2, 3, 4, 5].map((x) => tile(x)));
        expect(asked.map((a) => a.at.x)).toEqual([0, 1, 2, 3]);
        expect(store.loading).toBe(6);
        asked[1].give(new Float32Array(65536));
        await settle();
        expect(asked.map((a) => a.at.x)).toEqual([0, 1, 2, 3, 4]);
        expect(store.values(tile(1))).not.toBeNull();
    });
    it('what left the view is given up, what stays is not asked for twice', async () => {
        const { store, asked } = made();
        store.want([tile(0), tile(1)]);
        store.want([tile(1), tile(2)]);
        expect(asked.map((a) => [nameOf(a.at), a.signal.aborted])).toEqual([['0/0/15', true], ['0/1/15', false], ['0/2/15', false]]);
        await settle();
        expect(store.error).toBeNull();
    });
    it('a refusal is said and not asked for again; a server that is gone is asked again later', async () => {
        const { store, asked } = made();
        store.want([tile(0)]);
        asked[0].refuse(new ApiError(400, 'bad', 'A rollout of 5,000 tokens is too long.', ''));
        await settle();
        expect(store.error?.message).toContain('rollout');
        store.want([tile(0)]);
        expect(asked.length).toBe(1);
        store.retry();
        store.want([tile(0)]);
        expect(asked.length).toBe(2);
        vi.useFakeTimers();
        asked[1].refuse(new ApiError(0, 'gone', 'The server does not answer.', ''));
        await vi.advanceTimersByTimeAsync(10);
        store.want([tile(0)]);
        expect(asked.length).toBe(2);
        await vi.advanceTimersByTimeAsync(2100);
        store.want([tile(0)]);
        expect(asked.length).toBe(3);
        vi.useRealTimers();
    });
    it('cells come from level 0 as they were sent; the range from the tile that is the whole', async () => {
        const { store, asked } = made();
        const values = new Float32Array(65536).fill(NaN);
        values[3 * 256 + 2] = 0.1;
        store.want([tile(0)]);
        asked[0].give(values);
        await settle();
        expect(store.cell(15 * 256 + 3, 2)).toBe(Math.fround(0.1));
        expect(store.cell(15 * 256 + 3, 3)).toBeNaN();
        expect(store.cell(0, 0)).toBeUndefined();
        expect(store.whole).toBeNull();
        store.want([{ level: 4, x: 0, y: 0 }]);
        asked[1].give(values);
        await settle();
        expect(store.whole?.most).toBe(Math.fround(0.1));
        expect(store.rowsOfMaximum).toBe(16);
    });
});

describe('the whole in quarters', () => {
    it('is joined from three tiles by the largest values, exactly', async () => {
        const asked: { at: TileAt; give: (values: Float32Array) => void }[] = [];
        const store = new Store({
            name: 'x', extent: { rows: 4096, columns: 4096, causal: true }, pool: 'max', tile: (at) => new Promise((give) => { asked.push({ at, give }); }),
        }, look, () => undefined);
        expect(store.wholeFrom.map(nameOf)).toEqual(['3/0/0', '3/0/1', '3/1/1']);
        store.want(store.wholeFrom);
        for (const { at, give } of asked) {
            const values = new Float32Array(65536).fill(NaN);
            values[2 * 256 + 4] = 0.1;
            values[3 * 256 + 5] = 0.25 + at.x + 2 * at.y;
            give(values);
        }
        await settle();
        expect(store.inQuarters).toBe(false);
        const whole = store.values({ level: 4, x: 0, y: 0 })!;
        expect([whole[256 + 2], whole[129 * 256 + 2], whole[129 * 256 + 130]]).toEqual([0.25, 2.25, 3.25]);
        expect(whole[256 + 130]).toBeNaN();
        expect(whole[0]).toBeNaN();
        expect(store.whole?.most).toBe(3.25);
    });
});

describe('labels', () => {
    it('the chosen one pushes its neighbours away', () => {
        expect(chosenToo(0, 50, 10, 21, undefined, 4)).toEqual([0, 10, 21, 30, 40]);
        expect(chosenToo(0, 30, 10, 21, 22, 4)).toEqual([0, 10, 22]);
        expect(chosenToo(0, 3, 1, 1, 1, 1)).toEqual([0, 1, 2]);
        expect(chosenToo(0, 30, 10, 99, undefined, 4)).toEqual([0, 10, 20]);
    });
});
