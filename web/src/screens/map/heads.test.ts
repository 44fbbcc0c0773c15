import { describe, expect, it } from 'vitest';
import { brief, factors, farthest, labelled, ranked, sentence, spoken, table, type Heads, type Measured, type Metric } from './heads';

const metric: Metric = { name: 'previous_token', title: 'Previous token', definition: '', formula: '', paper: '', unit: '', least: 0, most: 1 };
const head = (layer: number, n: number, value: number | null, labels: string[] = []): Measured =>
    ({ layer, head: n, labels, values: value === null ? {} : { previous_token: value }, evidence: {} });
const told: Heads = {
    position: 3, predicted: { id: 1, text: 'a' }, sentence: '', metrics: [metric],
    label_rules: [{ name: 'previous_token', title: 'previous token', definition: '', formula: '', threshold: 0.4, least_rows: 8, decided_on: 'text' }],
    text: { tokens: 4, rows: { previous_token: 3 }, uniform: { previous_token: 0.25 }, heads: [head(0, 0, 0.1), head(0, 1, null), head(1, 0, 0.9, ['previous_token']), head(1, 1, 0.1)] },
};

describe('the map', () => {
    it('ranks by value, ties in the order of the model, nothing last', () => {
        expect(ranked(told.text.heads, 'previous_token').map((h) => `${h.layer}.${h.head}`)).toEqual(['1.0', '0.0', '1.1', '0.1']);
        expect(farthest([head(0, 0, -3), head(0, 1, 2)], 'previous_token')).toBe(3);
    });
    it('says who has most, and who has a label', () => {
        expect(sentence(told, told.text, metric)).toBe('Highest previous token on this text: layer 1, head 0 with 0.900; a head that gives all keys the same would have 0.250. 1 of 4 heads has a label: previous token 1.0.');
        expect(labelled(told, { ...told.text, heads: [head(0, 0, 1)] })).toBe('No head has a label: for none is the evidence strong enough.');
        const none = { ...told.text, heads: [head(0, 0, null)] };
        expect(sentence({ ...told, text: none }, none, { ...metric, name: 'induction', title: 'Induction' })).toContain('nothing to measure; no token stands here twice');
    });
    it('keeps what is missing empty', () => {
        expect(table(told, told.text, 'previous_token').rows[3]).toEqual([0, 1, '', null]);
        expect(table(told, told.text, 'previous_token', 2).rows).toHaveLength(2);
        expect(spoken(head(0, 1, null), metric, told.label_rules, undefined)).toBe('layer 0, head 1: previous token not there; no label');
        expect(spoken(head(1, 0, 0.5, ['previous_token']), metric, told.label_rules, '0')).toBe('layer 1, head 0: previous token 0.5; previous token; switched off');
    });
    it('reads changes of heads', () => {
        expect([...factors(['head:2.1=0', 'block:3', 'head:0.0=mean', 'head:2.1=0.5'])]).toEqual([['2.1', '0.5'], ['0.0', 'mean']]);
    });
    it('is brief', () => {
        expect([0, 0.486, 0.004, 0.999, 1, 12.34, 345.6, -0.3, -0.001].map(brief)).toEqual(['.00', '.49', '.00', '1.0', '1.0', '12', '346', '−.30', '.00']);
    });
});
