import { describe, expect, it } from 'vitest';
import { firstView, fromHash, noSelection, noSpec, toHash, type Linked } from './link';

const state = (part: Partial<Linked> = {}): Linked => ({ spec: { ...noSpec, changes: [] }, selection: { ...noSelection }, view: { ...firstView }, settings: {}, ...part });

describe('links', () => {
    it('leave defaults out and stay readable', () => {
        expect(toHash(state({ spec: { model: 'tales', text: 'Once upon a time, 1 + 1', changes: ['head:2.1=0'], other: '' }, selection: { query: 5, key: 3, layer: 2, head: 1 } })))
            .toBe('1&m=tales&l=2&h=1&q=5&k=3&c=head:2.1%3D0&t=tOnce+upon+a+time,+1+%2B+1');
    });

    it('bring everything back', () => {
        const all = state({
            spec: { model: 'm', text: 'é\n & = # % \u{1f600} "x" +', changes: ['cut:*.*:5>3:keep', 'patch:z.2.1:4<4'], other: 'the other: text & more' },
            selection: { query: 0, key: 0, layer: 0, head: 0 },
            view: { screen: 'try', scale: 'log', sink: 'renormalise', mass: 0.9, unit: 'word', kind: 'value', of: 'rollout:5', side: 'column' },
            settings: { 'predict.t': '0.7', 'predict.find': ' the &' },
        });
        expect(fromHash('#' + toHash(all))).toEqual(all);
    });

    it('carry the tokens that a model wrote', () => {
        const back = fromHash(toHash(state({ spec: { ...noSpec, text: 'x', ids: [5, 0, 3071] } })));
        expect(back?.spec.ids).toEqual([5, 0, 3071]);
        expect(fromHash('1&i=5,x&t=tx')?.spec.ids).toBeUndefined();
    });

    it('compress long texts', () => {
        const text = 'The king had a daughter, and the king had a son. '.repeat(3000);
        const hash = toHash(state({ spec: { ...noSpec, text } }));
        expect(hash.length).toBeLessThan(2000);
        expect(fromHash(hash)?.spec.text).toBe(text);
    });

    it('carry two long texts at once', () => {
        const [a, b] = ['one two '.repeat(100), 'three four '.repeat(100)];
        const back = fromHash(toHash(state({ spec: { ...noSpec, text: a, other: b } })));
        expect([back?.spec.text, back?.spec.other]).toEqual([a, b]);
    });

    it('ignore what they do not know, refuse what is damaged', () => {
        expect(fromHash('')).toBeNull();
        expect(fromHash('#main')).toBeNull();
        expect(fromHash('1&q=-4&q=1e9&l=x&s=nowhere&ma=7&of=<b>&zz=1&t=tx')).toEqual(state({ spec: { ...noSpec, text: 'x' } }));
        expect(() => fromHash('2&t=tx')).toThrow(/version 2/);
        expect(() => fromHash('1&t=z!!!')).toThrow();
        expect(() => fromHash('1&t=t%E0%A4%A')).toThrow();
    });

    it('survive a lone surrogate', () => {
        expect(fromHash(toHash(state({ spec: { ...noSpec, text: 'a\ud800b' } })))?.spec.text).toBe('a\ufffdb');
    });
});
