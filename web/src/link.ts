import { deflateSync, inflateSync, strFromU8, strToU8 } from 'fflate';
import type { ScreenId } from './screen';
import type { Spec } from './types';

/** All that a link restores. */
export interface Linked { spec: Spec; selection: Selection; view: View; settings: Record<string, string> }

export interface Selection { query: number; key: number | null; layer: number; head: number }

export interface View {
    screen: ScreenId;
    scale: 'linear' | 'log' | 'rowmax';
    sink: 'show' | 'hide' | 'renormalise';
    /** Share of a row's weight that the shown keys hold together, 0 to 1; 1 shows all. */
    mass: number;
    unit: 'token' | 'word' | 'sentence';
    kind: 'weights' | 'scores' | 'value';
    /** '' for the selected head, else `2.1,2.3`, `2.*`, `*.*`, `rollout:5`. */
    of: string;
    side: 'row' | 'column';
}

export const firstView: View = {
    screen: 'head', scale: 'linear', sink: 'show', mass: 1, unit: 'token', kind: 'weights', of: '', side: 'row',
};
/** -1: not chosen yet; the run's strongest look is taken. */
export const noSelection: Selection = { query: -1, key: null, layer: -1, head: -1 };
export const noSpec: Spec = { model: '', text: '', changes: [], other: '' };

const choices = {
    screen: ['tokens', 'step', 'head', 'map', 'predict', 'try', 'compare'],
    scale: ['linear', 'log', 'rowmax'],
    sink: ['show', 'hide', 'renormalise'],
    unit: ['token', 'word', 'sentence'],
    kind: ['weights', 'scores', 'value'],
    side: ['row', 'column'],
} as const;

const VERSION = '1';
/** From this length on a text is compressed where that makes it shorter. */
const LONG = 160;
/** A longer compressed text is refused: a page must not fill memory because of a link. */
const MOST = 16 << 20;

function base64url(bytes: Uint8Array): string {
    let text = '';
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array {
    const raw = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
}

/** The last texts packed: the address is written often, a text changes seldom. */
const packed = new Map<string, string>();

/** `t` followed by the text, or `z` followed by its deflated bytes, whichever is shorter. */
function pack(text: string): string {
    const known = packed.get(text);
    if (known !== undefined) return known;
    const plain = 't' + escape(text);
    let short = plain;
    if (text.length > LONG) {
        const deflated = 'z' + base64url(deflateSync(strToU8(text), { level: text.length > 200_000 ? 1 : 6 }));
        if (deflated.length < plain.length) short = deflated;
    }
    if (packed.size > 3) packed.clear();
    packed.set(text, short);
    return short;
}

function unpack(value: string): string {
    if (value.startsWith('t')) return decodeURIComponent(value.slice(1).replaceAll('+', ' '));
    if (value.startsWith('z')) {
        // Deflate shrinks at most 1,032 times: what is short stays short.
        if (value.length > MOST / 8) throw new Error('a text too long for a link');
        return strFromU8(inflateSync(fromBase64url(value.slice(1))));
    }
    throw new Error('a text that is neither plain nor compressed');
}

/** encodeURIComponent, but a space is `+` and what a hash may hold stays readable. */
function escape(text: string): string {
    return encodeURIComponent(text.replace(/[\uD800-\uDFFF]/gu, '\uFFFD'))
        .replaceAll('%20', '+').replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%3E', '>').replaceAll('%3F', '?').replaceAll('%2F', '/');
}

/** The hash, without `#`: `1&m=tales&s=head&q=5&l=2&h=1&k=3&t=tOnce+upon`. What has its default is left out. */
export function toHash(state: Linked): string {
    const parts: string[] = [VERSION];
    const put = (name: string, value: string | number) => parts.push(name + '=' + (typeof value === 'string' ? escape(value) : value));
    const { spec, selection, view, settings } = state;
    if (spec.model) put('m', spec.model);
    if (view.screen !== firstView.screen) put('s', view.screen);
    if (selection.layer >= 0) put('l', selection.layer);
    if (selection.head >= 0) put('h', selection.head);
    if (selection.query >= 0) put('q', selection.query);
    if (selection.key !== null) put('k', selection.key);
    if (view.scale !== firstView.scale) put('sc', view.scale);
    if (view.sink !== firstView.sink) put('si', view.sink);
    if (view.mass !== firstView.mass) put('ma', view.mass);
    if (view.unit !== firstView.unit) put('u', view.unit);
    if (view.kind !== firstView.kind) put('w', view.kind);
    if (view.of) put('of', view.of);
    if (view.side !== firstView.side) put('d', view.side);
    for (const change of spec.changes) put('c', change);
    for (const name of Object.keys(settings).sort()) put('x.' + name, settings[name]);
    if (spec.ids) put('i', spec.ids.join(','));
    if (spec.other) parts.push('o=' + pack(spec.other));
    if (spec.text) parts.push('t=' + pack(spec.text));
    return parts.join('&');
}

/** Reads a hash; what it does not understand is left at its default. Null when it is no link of ours; throws when it is damaged. */
export function fromHash(hash: string): Linked | null {
    const parts = hash.replace(/^#/, '').split('&');
    if (parts[0] !== VERSION) {
        if (/^\d+$/.test(parts[0])) throw new Error(`This link is of version ${parts[0]}; this page reads version ${VERSION}.`);
        return null;
    }
    const state: Linked = { spec: { ...noSpec, changes: [] }, selection: { ...noSelection }, view: { ...firstView }, settings: {} };
    const { spec, selection, view } = state;
    for (const part of parts.slice(1)) {
        const at = part.indexOf('=');
        if (at < 0) continue;
        const name = part.slice(0, at);
        const raw = part.slice(at + 1);
        if (name === 't' || name === 'o') {
            try {
                spec[name === 't' ? 'text' : 'other'] = unpack(raw);
            } catch {
                throw new Error('Its text is damaged; perhaps a part of the link is missing.');
            }
            continue;
        }
        let value: string;
        try {
            value = decodeURIComponent(raw.replaceAll('+', ' '));
        } catch {
            throw new Error(`Its part ${name} is damaged.`);
        }
        const whole = /^\d{1,9}$/.test(value) ? Number(value) : null;
        switch (name) {
            case 'm': spec.model = value; break;
            case 'l': if (whole !== null) selection.layer = whole; break;
            case 'h': if (whole !== null) selection.head = whole; break;
            case 'q': if (whole !== null) selection.query = whole; break;
            case 'k': if (whole !== null) selection.key = whole; break;
            case 'c': spec.changes.push(value); break;
            case 'i': if (/^\d{1,9}(,\d{1,9})*$/.test(value)) spec.ids = value.split(',').map(Number); break;
            case 'of': if (/^[\d.,*]+$|^rollout:\d+$/.test(value)) view.of = value; break;
            case 'ma': { const m = Number(value); if (m > 0 && m <= 1) view.mass = m; break; }
            case 's': view.screen = one(choices.screen, value, view.screen); break;
            case 'sc': view.scale = one(choices.scale, value, view.scale); break;
            case 'si': view.sink = one(choices.sink, value, view.sink); break;
            case 'u': view.unit = one(choices.unit, value, view.unit); break;
            case 'w': view.kind = one(choices.kind, value, view.kind); break;
            case 'd': view.side = one(choices.side, value, view.side); break;
            default: if (name.startsWith('x.')) state.settings[name.slice(2)] = value;
        }
    }
    return state;
}

function one<T extends string>(all: readonly T[], value: string, otherwise: T): T {
    return all.includes(value as T) ? (value as T) : otherwise;
}
