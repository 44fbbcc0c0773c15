import { computed, signal } from '@preact/signals';
import { json, post } from '../../api';
import { run, spec, typed, urlNumber, urlText } from '../../state';
import { characters, slice, utf8, type Character } from './layout';
import type { Merge } from './merges';

export interface TokenTold { id: number; name: string; text: string; bytes: string; special: boolean; byte_start: number; byte_end: number }
export interface PieceTold { kind: 'text' | 'named' | 'added'; byte_start: number; byte_end: number; text: string; bytes: string; whole: boolean; parts?: string[]; merges?: Merge[]; tokens: TokenTold[] }
export interface TokenizerTold { name: string; tokenizer: string; vocab: number; text?: string; pieces: PieceTold[]; tokens: number; of_pieces: number; first_piece: number; first_token: number }
export interface Told { characters: number; bytes: number; tokenizers: TokenizerTold[] }

/** A token with its place in the text and the piece it belongs to. */
export interface Token extends TokenTold { index: number; piece: number; start: number; end: number; kind: PieceTold['kind'] }

/** Tokens shown at a time. */
export const PAGE = 4096;
/** Longer texts: characters are counted by code point only, and cut out for what is shown. */
const LONG = 60_000;

export const others = urlText('tokens.with', '');
export const special = urlText('tokens.special', 'text');
export const from = urlNumber('tokens.from', 0);
/** The token whose merges are shown; -1: one that has some. */
export const picked = urlNumber('tokens.at', -1);
export const main = urlText('tokens.main', '');
export const bits = urlText('tokens.bits', 'show');

export interface Known { name: string; of_model: boolean }
let known: Promise<Known[]> | null = null;
export const tokenizers = (): Promise<Known[]> => (known ??= json<{ tokenizers: Known[] }>('tokenizers').then((told) => told.tokenizers, (error: unknown) => { known = null; throw error; }));

/** What is taken apart: the text in the editor, also before it is run. */
export const text = computed(() => typed.value);

/** The tokenizer of the five rows: the model's own, if nothing else is chosen. */
export const shownName = (all: Known[]): string => main.value || (all.find((t) => t.name === (run.value?.model.name ?? spec.value.model)) ?? all[0])?.name || '';

/** The tokenizers beside it. */
export const besides = (): string[] => others.value.split(',').filter((name) => name !== '').slice(0, 3);

export const ask = (of: string, names: string[], signal: AbortSignal): Promise<Told> =>
    post<Told>('tokens', { text: of, tokenizers: names, special: special.value === 'parse' ? 'parse' : 'text', merges: false, from: Math.max(0, from.value), most: PAGE }, signal);

export const askPiece = async (of: string, name: string, piece: number, signal: AbortSignal): Promise<PieceTold | null> =>
    (await post<Told>('tokens', { text: of, tokenizers: [name], special: special.value === 'parse' ? 'parse' : 'text', piece }, signal)).tokenizers[0].pieces[0] ?? null;

export function tokensOf(told: TokenizerTold): Token[] {
    let index = told.first_token;
    return told.pieces.flatMap((piece, p) => piece.tokens.map((token) => ({ ...token, index: index++, piece: told.first_piece + p, start: token.byte_start, end: token.byte_end, kind: piece.kind })));
}

/** All that the picture needs of one tokenizer. */
export interface Look { text: string; told: TokenizerTold; tokens: Token[]; starts: Set<number>; characters: Character[]; graphemes: number | null; bytes: Uint8Array }

export function look(typedText: string, told: TokenizerTold): Look {
    const of = told.text ?? typedText;
    const bytes = utf8(of);
    const tokens = tokensOf(told);
    const starts = new Set<number>();
    tokens.forEach((token, i) => { if (i === 0 || tokens[i - 1].piece !== token.piece) starts.add(i); });
    const first = tokens.length ? tokens[0].start : 0;
    const last = tokens.length ? Math.max(...tokens.slice(-8).map((t) => t.end)) : 0;
    if (of.length <= LONG) {
        const every = characters(of);
        return { text: of, told, tokens, starts, bytes, characters: every.filter((c) => c.end > first && c.start < last), graphemes: every.length };
    }
    const part = slice(of, bytes, first, last);
    return { text: of, told, tokens, starts, bytes, characters: characters(part.text, part.start), graphemes: null };
}

/** What the export menu takes. */
export const shown = signal<Look | null>(null);
/** The text that `shown` was made of. */
export const source = signal('');
export const piece = signal<{ piece: PieceTold; number: number } | null>(null);
