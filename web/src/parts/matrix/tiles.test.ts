import { describe, expect, it } from 'vitest';
import { allMasked, cellAt, coarsest, fitting, inside, inView, labelStep, levelFor, showing, within, zoomed, type Extent } from './tiles';

const long: Extent = { rows: 32768, columns: 32768, causal: true };
const short: Extent = { rows: 10, columns: 10, causal: true };
const size = { width: 512, height: 512 };

describe('levels', () => {
    it('one tile holds 256 cells, 32,768 need seven halvings', () => {
        expect(coarsest(short)).toBe(0);
        expect(coarsest({ rows: 256, columns: 256, causal: true })).toBe(0);
        expect(coarsest({ rows: 257, columns: 1, causal: true })).toBe(1);
        expect(coarsest(long)).toBe(7);
    });
    it('takes the finest level whose values are a pixel or wider', () => {
        expect(levelFor(1, long)).toBe(0);
        expect(levelFor(24, long)).toBe(0);
        expect(levelFor(0.99, long)).toBe(1);
        expect(levelFor(0.25, long)).toBe(2);
        expect(levelFor(512 / 32768, long)).toBe(6);
        expect(levelFor(1e-6, long)).toBe(7);
    });
});

describe('view', () => {
    it('fits the whole, but no cell is blown up', () => {
        expect(fitting(long, size)).toBe(512 / 32768);
        expect(fitting(short, size)).toBe(28);
    });
    it('keeps the matrix on screen', () => {
        expect(inside({ x: -5, y: 40000, cell: 1 }, long, size)).toEqual({ x: 0, y: 32768 - 512, cell: 1 });
        expect(inside({ x: 3, y: 3, cell: 1e-9 }, long, size)).toEqual({ x: 0, y: 0, cell: 512 / 32768 });
        expect(inside({ x: 3, y: 3, cell: 1000 }, short, size)).toEqual({ x: 2, y: 2, cell: 64 });
    });
    it('zooms round the pointer', () => {
        const before = { x: 1000, y: 2000, cell: 1 };
        const after = zoomed(before, 4, 100, 200, long, size);
        expect(after.cell).toBe(4);
        expect(after.x + 100 / 4).toBe(1100);
        expect(after.y + 200 / 4).toBe(2200);
        expect(cellAt(after, 100, 200, long)).toEqual(cellAt(before, 100, 200, long));
    });
    it('moves as little as needed to show a cell', () => {
        const view = { x: 100, y: 100, cell: 8 };
        expect(showing(view, 120, 120, long, size)).toEqual(view);
        expect(showing(view, 90, 120, long, size)).toEqual({ ...view, y: 88 });
        expect(showing(view, 120, 200, long, size)).toEqual({ ...view, x: 200 + 3 - 64 });
        expect(showing(view, 0, 0, long, size)).toEqual({ x: 0, y: 0, cell: 8 });
    });
    it('names the cell under a pixel, none outside', () => {
        expect(cellAt({ x: 0, y: 0, cell: 28 }, 29, 57, short)).toEqual({ row: 2, column: 1 });
        expect(cellAt({ x: 0, y: 0, cell: 28 }, 300, 5, short)).toBeNull();
    });
});

describe('tiles', () => {
    it('asks only for what is in view and not all masked, the middle first', () => {
        const tiles = inView({ x: 0, y: 0, cell: 1 }, size, long, 0);
        expect(tiles.map((t) => `${t.x},${t.y}`).sort()).toEqual(['0,0', '0,1', '1,1']);
        expect(inView({ x: 0, y: 0, cell: 28 }, size, short, 0)).toEqual([{ level: 0, x: 0, y: 0 }]);
        const corner = inView({ x: 32768 - 512, y: 32768 - 512, cell: 1 }, size, long, 0);
        expect(Math.max(...corner.map((t) => t.x))).toBe(127);
        const middle = inView({ x: 1024, y: 8192, cell: 0.5 }, { width: 512, height: 512 }, long, 1);
        expect(middle.length).toBe(4);
        const odd = inView({ x: 1000, y: 9000, cell: 1 }, { width: 800, height: 600 }, long, 0);
        expect(odd.length).toBe(5 * 3);
        expect(odd[0]).toEqual({ level: 0, x: 5, y: 36 });
    });
    it('masked tiles lie above the diagonal', () => {
        expect(allMasked({ level: 0, x: 1, y: 0 }, long)).toBe(true);
        expect(allMasked({ level: 0, x: 1, y: 1 }, long)).toBe(false);
        expect(allMasked({ level: 0, x: 1, y: 0 }, { ...long, causal: false })).toBe(false);
    });
    it('finds a tile in a coarser one', () => {
        expect(within({ level: 0, x: 5, y: 2 }, 2)).toEqual({ tile: { level: 2, x: 1, y: 0 }, left: 64, top: 128, side: 64 });
        expect(within({ level: 3, x: 5, y: 2 }, 3)).toEqual({ tile: { level: 3, x: 5, y: 2 }, left: 0, top: 0, side: 256 });
    });
    it('labels every 1, 2, 5, 10 cells', () => {
        expect(labelStep(20, 14)).toBe(1);
        expect(labelStep(10, 14)).toBe(2);
        expect(labelStep(5, 14)).toBe(5);
        expect(labelStep(2, 14)).toBe(10);
        expect(labelStep(0.1, 14)).toBe(200);
    });
});
