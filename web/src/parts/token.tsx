import type { Token } from '../types';

const glyphs: Record<string, string> = { ' ': '·', '\t': '⇥', '\n': '↵', '\r': '␍', '\u00a0': '⍽', '\u001b': '␛' };

/** The text of a token with its invisible characters drawn; never empty. */
export function visible(text: string): string {
    const drawn = text.replace(/[\u0000-\u0020\u007f\u00a0]/g, (c) => glyphs[c] ?? (c === '\u007f' ? '␡' : String.fromCharCode(0x2400 + c.charCodeAt(0))));
    return drawn || '∅';
}

/** For sentences: the token in quotes with its position, ` cat` (2). */
export const named = (token: Token): string => `“${visible(token.text)}” (${token.position})`;

/** A token inside running text. */
export function Tok({ token }: { token: Token }) {
    return <span class={'tok' + (token.special ? ' special' : '')} title={`position ${token.position}, id ${token.id}, bytes ${token.bytes}`}>{visible(token.text)}<sub>{token.position}</sub></span>;
}
