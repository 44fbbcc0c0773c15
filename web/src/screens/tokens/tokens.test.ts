import { describe, expect, it } from 'vitest';
import { characters, columns, differing, lines, slice, splitCharacters, utf8 } from './layout';
import { all, forest, symbol } from './merges';

describe('characters', () => {
    it('are graphemes with code points and bytes', () => {
        const found = characters('é👍🏽e\u0301');
        expect(found.map((c) => [c.start, c.end, c.points.length])).toEqual([[0, 2, 1], [2, 10, 2], [10, 13, 2]]);
        expect(found[1].points.map((p) => [p.code, p.start, p.end])).toEqual([[0x1f44d, 2, 6], [0x1f3fd, 6, 10]]);
    });
    it('end where UTF-8 ends, also with an unpaired surrogate', () => {
        for (const text of ['', 'a\ud800b', 'naïve 日本 👩‍👩‍👧', '\r\n\t\u0000']) expect(characters(text).at(-1)?.end ?? 0).toBe(utf8(text).length);
    });
    it('are the segmenter’s, however ASCII and the rest are mixed', () => {
        const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
        for (const text of ['a\r\nb\r\r\nc\n\r', 'e\u0301x\u0301\u0302yz', '1\ufe0f\u20e3 #\ufe0f\u20e3', 'a\u0600b c', '👩‍👩‍👧a👍🏽b\u200dc', '\r\u0301a', 'naïve 日本\u3099x']) {
            expect(characters(text).map((c) => c.text)).toEqual([...segmenter.segment(text)].map((s) => s.segment));
        }
    });
    it('can be taken from the middle without cutting one', () => {
        const text = 'aé日b';
        const bytes = utf8(text);
        expect(slice(text, bytes, 2, 4)).toEqual({ text: 'é日', start: 1, end: 6 });
        expect(slice(text, bytes, 0, bytes.length).text).toBe(text);
    });
    it('may lie in two tokens', () => {
        expect(splitCharacters(characters('aé'), [{ start: 0, end: 2 }, { start: 2, end: 3 }])).toEqual([1, 2]);
        expect(splitCharacters(characters('ab'), [{ start: 0, end: 0 }, { start: 0, end: 2 }])).toEqual([1, 1]);
    });
});

describe('lines', () => {
    const tokens = [{ start: 0, end: 0 }, { start: 0, end: 3 }, { start: 3, end: 4 }, { start: 4, end: 9 }];
    const of = columns(tokens, new Set([0, 1, 3]));
    it('have a column for each byte and for tokens without bytes', () => {
        expect(of.map((c) => c.byte)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        expect(of.map((c) => c.token)).toEqual([0, 1, 1, 1, 2, 3, 3, 3, 3, 3]);
        expect(of.filter((c) => c.gap).map((c) => c.byte)).toEqual([0, 4]);
    });
    it('keep bytes that no token stands for', () => {
        expect(columns([{ start: 0, end: 1 }, { start: 2, end: 3 }], new Set()).map((c) => [c.byte, c.token])).toEqual([[0, 0], [1, -1], [2, 1]]);
    });
    it('break between tokens, and inside one only where it fills more than a line', () => {
        const free = (c: number) => of[c].token !== of[c - 1].token;
        const broken = lines(of, free, 62, 10, 2, 20);
        expect(broken).toEqual([{ from: 0, to: 5 }, { from: 5, to: 10 }]);
        expect(lines(of, free, 30, 10, 2, 20).every((l) => l.to > l.from)).toBe(true);
        expect(lines(of, free, 30, 10, 2, 20).at(-1)).toEqual({ from: 8, to: 10 });
        expect(lines(of, free, 1, 10, 2, 20)).toHaveLength(10);
    });
});

describe('tokenizers side by side', () => {
    it('ring what the other cuts otherwise', () => {
        expect(differing([{ start: 0, end: 3 }, { start: 3, end: 5 }], [{ start: 0, end: 3 }, { start: 3, end: 4 }, { start: 4, end: 5 }])).toEqual([false, true]);
    });
});

describe('merges', () => {
    // " be" of the bundled model: ␣+b, then ␣b+e.
    const merges = [{ at: 0, left: '20', right: '62', rank: 11, id: 268 }, { at: 0, left: '2062', right: '65', rank: 48, id: 305 }];
    it('make a tree', () => {
        const [root, ...others] = forest(['20', '62', '65'], merges);
        expect(others).toEqual([]);
        expect([root.bytes, root.level, root.leaves, root.rank, root.x]).toEqual(['206265', 2, 3, 48, 1]);
        expect(all([root]).map((n) => n.bytes)).toEqual(['20', '62', '2062', '65', '206265']);
    });
    it('can be stopped in between', () => {
        expect(forest(['20', '62', '65'], merges, 1).map((n) => n.bytes)).toEqual(['2062', '65']);
        expect(forest(['20', '62', '65'], merges, 0)).toHaveLength(3);
    });
    it('show bytes that are no character in hex', () => {
        expect([symbol('6265'), symbol('c3'), symbol('c3a9')]).toEqual(['be', '‹C3›', 'é']);
    });
});
