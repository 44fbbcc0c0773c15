import { full, short } from '../../parts/number';
import type { Num } from '../../types';
import { number } from '../../types';

/** `runs/{id}/heads`, see `heads` in docs/json.md. */
export interface Metric { name: string; title: string; definition: string; formula: string; paper: string; unit: string; least: number | null; most: number | null }
export interface Rule { name: string; title: string; definition: string; formula: string; threshold: number; least_rows: number; decided_on: 'text' | 'random' }
export interface Evidence { weight: Num; uniform: Num; share: Num; rows: number }
export interface Measured { layer: number; head: number; labels: string[]; values: Record<string, Num>; evidence: Record<string, Evidence> }
export interface Scan { tokens: number; rows: Record<string, number>; uniform: Record<string, Num>; heads: Measured[] }
export interface RandomScan extends Scan { seed: number; period: number; lead: number; ids: number[] }
export interface Heads {
    position: number; predicted: { id: number; text: string }; sentence: string; metrics: Metric[]; label_rules: Rule[]; text: Scan; random?: RandomScan;
}

export const named = (head: { layer: number; head: number }): string => `${head.layer}.${head.head}`;

/** The value of a metric; null where the text has nothing to measure. */
export const valueOf = (values: Record<string, Num>, metric: string): number | null => (values[metric] === undefined ? null : number(values[metric]));

/** Heads by falling value; those without a value last, in the order of the model. */
export function ranked(heads: Measured[], metric: string): Measured[] {
    const value = (h: Measured) => { const v = valueOf(h.values, metric); return v === null || Number.isNaN(v) ? -Infinity : v; };
    return heads.map((h, i) => ({ h, i, v: value(h) })).sort((a, b) => (a.v === b.v ? a.i - b.i : b.v - a.v)).map(({ h }) => h);
}

/** The largest absolute value: the end of the colours. */
export function farthest(heads: Measured[], metric: string): number {
    return heads.reduce((most, h) => { const v = Math.abs(valueOf(h.values, metric) ?? 0); return Number.isFinite(v) ? Math.max(most, v) : most; }, 0);
}

/** Factors that changes put on heads: `head:2.1=0` switches it off. The last one wins. */
export function factors(changes: string[]): Map<string, string> {
    const found = new Map<string, string>();
    for (const change of changes) {
        const parts = /^head:(\d+\.\d+)=(.+)$/.exec(change);
        if (parts) found.set(parts[1], parts[2]);
    }
    return found;
}

/** A number for a small cell: `.49`, `3.1`, `12`. */
export function brief(value: number): string {
    if (!Number.isFinite(value)) return short(value);
    const size = Math.abs(value);
    const text = size >= 99.5 ? size.toFixed(0) : size >= 9.95 ? size.toFixed(0) : size >= 0.995 ? size.toFixed(1) : size.toFixed(2).replace(/^0/, '');
    return (value < 0 && Number(text) !== 0 ? '−' : '') + text;
}

const missing: Record<string, string> = {
    duplicate_token: 'no token stands here twice', induction: 'no token stands here twice with another one between', random_induction: 'the model’s context is too short for random tokens said twice',
};

/** Which head has most, what a uniform one would have, and who has a label. */
export function sentence(told: Heads, scan: Scan, metric: Metric): string {
    const on = scan === told.text ? 'on this text' : 'on repeated random tokens';
    const best = ranked(scan.heads, metric.name)[0];
    const value = valueOf(best.values, metric.name);
    if (value === null) return `${metric.title} ${on}: nothing to measure; ${missing[metric.name] ?? 'a text of one token has no other to look at'}. ${labelled(told, scan)}`;
    const uniform = valueOf(scan.uniform, metric.name);
    const digits = (v: number) => short(v);
    return `Highest ${metric.title.toLowerCase()} ${on}: layer ${best.layer}, head ${best.head} with ${digits(value)}${metric.unit && ' ' + metric.unit}`
        + (uniform === null ? '. ' : `; a head that gives all keys the same would have ${digits(uniform)}. `) + labelled(told, scan);
}

export function labelled(told: Heads, scan: Scan): string {
    const parts = told.label_rules.flatMap((rule) => {
        const heads = scan.heads.filter((h) => h.labels.includes(rule.name)).map(named);
        return heads.length ? [`${rule.title} ${heads.length > 12 ? heads.slice(0, 12).join(', ') + ` and ${heads.length - 12} more` : heads.join(', ')}`] : [];
    });
    const count = scan.heads.filter((h) => h.labels.length).length;
    return count === 0 ? 'No head has a label: for none is the evidence strong enough.'
        : `${count} of ${scan.heads.length} heads ${count === 1 ? 'has' : 'have'} a label: ${parts.join('; ')}.`;
}

/** Everything as a table, sorted by the metric. */
export function table(told: Heads, scan: Scan, metric: string, most = Infinity): { columns: string[]; rows: (string | number | null)[][] } {
    return {
        columns: ['layer', 'head', 'labels', ...told.metrics.map((m) => m.name)],
        rows: ranked(scan.heads, metric).slice(0, most).map((h) => [h.layer, h.head, h.labels.join(' '), ...told.metrics.map((m) => valueOf(h.values, m.name))]),
    };
}

/** What a cell says to the pointer and to screen readers. */
export function spoken(h: Measured, metric: Metric, rules: Rule[], off: string | undefined): string {
    const value = valueOf(h.values, metric.name);
    const labels = h.labels.map((l) => rules.find((r) => r.name === l)?.title ?? l);
    return `layer ${h.layer}, head ${h.head}: ${metric.title.toLowerCase()} ${value === null ? 'not there' : full(value) + (metric.unit && ' ' + metric.unit)}`
        + (labels.length ? `; ${labels.join(', ')}` : '; no label') + (off === undefined ? '' : off === '0' ? '; switched off' : off === 'mean' ? '; put to its mean' : `; scaled: ${off}`);
}
