import { named, visible } from '../../parts/token';
import type { Token } from '../../types';

/** One change to a run; the notation is that of `--change` (docs/json.md). */
export type Change =
    | { kind: 'swap'; position: number; id: number }
    | { kind: 'block'; position: number }
    | { kind: 'cut'; layer: number | null; head: number | null; query: number; key: number; keep: boolean }
    | { kind: 'head'; layer: number; head: number; factor: number | 'mean' }
    | { kind: 'patch'; site: string; layer: number; head: number | null; position: number; from: number };

/** What can be taken from another text, and what it is. */
export const SITES: readonly (readonly [string, string])[] = [
    ['resid_post', 'the residual that leaves the layer'],
    ['resid_pre', 'the residual that enters the layer'],
    ['attn_out', 'what attention adds'],
    ['mlp_out', 'what the MLP adds'],
    ['resid_mid', 'the residual between the two'],
    ['z', 'what the heads say, before Wo'],
];

const star = (n: number | null): string => (n === null ? '*' : String(n));

export function textOf(c: Change): string {
    switch (c.kind) {
        case 'swap': return `swap:${c.position}=${c.id}`;
        case 'block': return `block:${c.position}`;
        case 'cut': return `cut:${star(c.layer)}.${star(c.head)}:${c.query}>${c.key}${c.keep ? ':keep' : ''}`;
        case 'head': return `head:${c.layer}.${c.head}=${c.factor}`;
        case 'patch': return `patch:${c.site}.${c.layer}${c.head === null ? '' : '.' + c.head}:${c.position}<${c.from}`;
    }
}

/** What is changed, without how: of two changes with one target, the newer takes the older's place. */
export const targetOf = (text: string): string => text.replace(/(=|<).*$/, '').replace(/:keep$/, '');

/** Null: not one of ours; the server says what is wrong with it. */
export function read(text: string): Change | null {
    const n = (digits: string): number => Number(digits);
    const maybe = (digits: string | undefined): number | null => (digits === undefined || digits === '*' ? null : Number(digits));
    let m: RegExpExecArray | null;
    if ((m = /^swap:(\d+)=(\d+)$/.exec(text))) return { kind: 'swap', position: n(m[1]), id: n(m[2]) };
    if ((m = /^block:(\d+)$/.exec(text))) return { kind: 'block', position: n(m[1]) };
    if ((m = /^cut:(\d+|\*)\.(\d+|\*):(\d+)>(\d+)(:keep)?$/.exec(text))) return { kind: 'cut', layer: maybe(m[1]), head: maybe(m[2]), query: n(m[3]), key: n(m[4]), keep: m[5] !== undefined };
    if ((m = /^head:(\d+)\.(\d+)=(\S+)$/.exec(text))) {
        const factor = m[3] === 'mean' ? 'mean' : Number(m[3]);
        return factor !== 'mean' && !Number.isFinite(factor) ? null : { kind: 'head', layer: n(m[1]), head: n(m[2]), factor };
    }
    if ((m = /^patch:([a-z_]+)\.(\d+)(?:\.(\d+))?:(\d+)<(\d+)$/.exec(text))) return { kind: 'patch', site: m[1], layer: n(m[2]), head: maybe(m[3]), position: n(m[4]), from: n(m[5]) };
    return null;
}

/** A list with one change more; one about the same thing gives way. */
export const withChange = (changes: readonly string[], added: string): string[] => [...changes.filter((c) => targetOf(c) !== targetOf(added)), added];

/** A change in words. `text` of the run without swaps where it is known; `name` names tokens of the vocabulary. */
export function words(c: Change, tokens: readonly Token[], name: (id: number) => string, other: readonly Token[] = []): string {
    const token = (position: number) => (tokens[position] ? named(tokens[position]) : `token ${position}`);
    const where = (layer: number | null, head: number | null) =>
        layer === null && head === null ? 'every head' : layer === null ? `head ${head} of every layer` : head === null ? `every head of layer ${layer}` : `layer ${layer}, head ${head}`;
    switch (c.kind) {
        case 'swap': return `Token ${c.position} is ${name(c.id)}`;
        case 'block': return `No later token sees ${token(c.position)}`;
        case 'cut': return `${token(c.query)} does not see ${token(c.key)} in ${where(c.layer, c.head)}${c.keep ? '; its other weights stay' : ''}`;
        case 'head': return c.factor === 'mean' ? `Layer ${c.layer}, head ${c.head} says its mean everywhere`
            : c.factor === 0 ? `Layer ${c.layer}, head ${c.head} is off` : `Layer ${c.layer}, head ${c.head} times ${c.factor}`;
        case 'patch': {
            const from = other[c.from] ? `“${visible(other[c.from].text)}” (${c.from})` : `token ${c.from}`;
            return `At ${token(c.position)}, ${c.site}.${c.layer}${c.head === null ? '' : ', head ' + c.head} is that of ${from} of the other text`;
        }
    }
}

/** Cells of a layers × positions grid that a value put in at (layer, position) can reach: later layers, the same or later positions. */
export const inCone = (layer: number, position: number, at: { layer: number; position: number }): boolean => layer >= at.layer && position >= at.position;

/** For a shell: quoted where it has to be. */
export const shell = (word: string): string => (/^[\w./:=,*-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'");

/** A Java string literal. */
export const literal = (text: string): string => JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => '\\u' + c.charCodeAt(0).toString(16));
