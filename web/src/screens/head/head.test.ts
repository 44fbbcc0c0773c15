import { describe, expect, it } from 'vitest';
import type { Token } from '../../types';
import { layout, type Wanted } from './arcs';
import { away, ranked, type How } from './ranked';
import { headWords, sentence, type Said } from './sentence';
import { unitsOf } from './units';

const token = (position: number, text: string, word: number, sentence = 0): Token => ({ position, id: position, text, bytes: '', special: false, in_text: true, word, sentence });

describe('ranked', () => {
    const how: How = { kind: 'weights', sink: 'show', mass: 1, side: 'row', at: 3, divisors: null };
    const row = [0.5, 0.1, 0.3, 0.1];
    it('falls by value and sums up', () => {
        const { entries, left, total } = ranked(row, how);
        expect(entries.map((e) => [e.position, e.distance])).toEqual([[0, 3], [2, 1], [1, 2], [3, 0]]);
        expect(entries.map((e) => e.running)).toEqual([0.5, 0.8, 0.9, 1]);
        expect(left).toBe(0);
        expect(total).toBeCloseTo(1, 12);
    });
    it('masked keys are no entries', () => {
        expect(ranked([0.5, 0.5, NaN, NaN], { ...how, at: 1 }).entries.length).toBe(2);
    });
    it('hides the sink, or takes it out', () => {
        const hidden = ranked(row, { ...how, sink: 'hide' });
        expect(hidden.entries.map((e) => e.value)).toEqual([0.3, 0.1, 0.1]);
        expect(hidden.note).toContain('50.0 %');
        const out = ranked(row, { ...how, sink: 'renormalise' });
        expect(out.entries.map((e) => e.value)).toEqual([0.6, 0.2, 0.2]);
        expect(out.note).toContain('not the model');
    });
    it('keeps what holds the mass', () => {
        const { entries, left } = ranked(row, { ...how, mass: 0.75 });
        expect(entries.map((e) => e.position)).toEqual([0, 2]);
        expect(left).toBe(2);
    });
    it('scores have no running sum and are never cut by mass', () => {
        const { entries } = ranked([-2, 3, 1], { ...how, kind: 'scores', mass: 0.5, at: 2 });
        expect(entries.map((e) => [e.position, e.running])).toEqual([[1, null], [2, null], [0, null]]);
    });
    it('columns: later queries, divided by what their rows keep', () => {
        const column: How = { ...how, side: 'column', at: 1, sink: 'renormalise', divisors: Float32Array.from([0, 0.5, 0.5, 0.25]) };
        const { entries } = ranked([NaN, 0.5, 0.25, 0.125], column);
        expect(entries.map((e) => [e.position, e.value, e.distance])).toEqual([[1, 1, 0], [2, 0.5, 1], [3, 0.5, 2]]);
        expect(ranked([1, 0.5], { ...column, at: 0 }).note).toContain('first token itself');
    });
    it('says how far', () => {
        expect([away(0, 'row'), away(2, 'row'), away(2, 'column')]).toEqual(['itself', '2 back', '2 later']);
    });
});

describe('units', () => {
    const tokens = [token(0, '<s>', 0), token(1, ' un', 1), token(2, 'seen', 1), token(3, '.', 2, 0), token(4, ' Yes', 3, 1)];
    it('words join their tokens', () => {
        const words = unitsOf(tokens, 'word');
        expect(words.count).toBe(4);
        expect(words.label(1)).toBe('·unseen');
        expect([words.of(2), words.first(1), words.last(1), words.last(3)]).toEqual([1, 1, 2, 4]);
    });
    it('tokens are themselves; sentences too are units', () => {
        expect(unitsOf(tokens, 'token').last(2)).toBe(2);
        expect(unitsOf(tokens, 'sentence').count).toBe(2);
    });
});

describe('arcs', () => {
    const base: Wanted = {
        count: 6, text: (i) => ['The', ' cat', ' sat', ' on', ' the', ' mat'][i], at: 5, also: [], room: 400, measure: (t) => t.length * 8,
        ends: [{ position: 1, value: 0.6, strength: 0.6 }, { position: 0, value: 0.3, strength: 0.3 }, { position: 5, value: 0.1, strength: 0.1 }],
    };
    it('draws all tokens where they fit, one arc for each end', () => {
        const { pieces, arcs, width } = layout(base);
        expect(pieces.map((p) => p.kind)).toEqual(Array(6).fill('token'));
        expect(width).toBeLessThanOrEqual(400);
        expect(arcs.map((a) => a.position)).toEqual([1, 0, 5]);
        expect(arcs[0].thick).toBeCloseTo(6.6, 9);
        expect(pieces.every((p, i) => i === 0 || p.x >= pieces[i - 1].x + pieces[i - 1].width)).toBe(true);
    });
    it('numbers do not cover each other', () => {
        const { arcs } = layout({ ...base, text: () => 'a' });
        const labels = arcs.map((a) => a.label!);
        for (const a of labels) for (const b of labels) if (a !== b && a.row === b.row) expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual(40);
    });
    it('folds a long text and says how much', () => {
        const { pieces, arcs, width } = layout({ ...base, count: 30000, text: (i) => 't' + i, at: 20000, ends: [{ position: 7, value: 0.9, strength: 0.9 }, { position: 15000, value: 0.05, strength: 0.05 }], room: 700 });
        expect(width).toBeLessThanOrEqual(700);
        expect(arcs.map((a) => a.position)).toEqual([7, 15000]);
        const held = pieces.reduce((sum, p) => sum + (p.kind === 'gap' ? p.to - p.from + 1 : 1), 0);
        expect(held).toBe(30000);
    });
    it('always keeps the query, even where nothing fits', () => {
        const { pieces } = layout({ ...base, count: 30000, text: (i) => 'token' + i, at: 20000, room: 60, ends: base.ends });
        expect(pieces.some((p) => p.kind === 'token' && p.position === 20000)).toBe(true);
    });
});

describe('sentence', () => {
    const said: Said = { of: '5.1', kind: 'weights', side: 'row', unit: 'token', renormalised: false, query: { text: '·sat', position: 6 }, key: { text: '·cat', position: 2 }, value: 0.41234, masked: false };
    it('says who looks at whom by how much', () => {
        expect(sentence(said)).toBe('Layer 5, head 1: when reading “·sat” (position 6), the model gives 0.412 of its attention to “·cat” (position 2).');
        expect(sentence({ ...said, renormalised: true })).toContain('the first token taken out');
        expect(sentence({ ...said, kind: 'scores', value: -3.25 })).toContain('−3.25 before softmax');
        expect(sentence({ ...said, kind: 'value' })).toContain('length 0.412');
        expect(sentence({ ...said, masked: true })).toContain('cannot see');
        expect(sentence({ ...said, of: 'rollout:3' })).toContain('traced back');
        expect(sentence({ ...said, key: null })).toBe('Layer 5, head 1: what “·sat” (position 6) looks at.');
    });
    it('names aggregates', () => {
        expect(headWords('2.*')).toBe('Mean of all heads of layer 2');
        expect(headWords('*.*')).toBe('Mean of all heads of all layers');
        expect(headWords('2.1,2.3,4.0')).toBe('Mean of heads 2.1, 2.3 and 4.0');
    });
});
