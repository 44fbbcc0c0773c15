/** A character as people count them (a grapheme), with its code points; places are bytes of UTF-8. */
export interface Character { text: string; start: number; end: number; points: { code: number; start: number; end: number }[] }

/** A token on the byte line; what stands for no byte of the text (beginning of sequence) has start = end. */
export interface Span { start: number; end: number }

const encoder = new TextEncoder();
const segmenter = typeof Intl !== 'undefined' && 'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** Bytes of a code point in UTF-8. */
export const width = (code: number): number => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);

/** The characters of a text. */
export function characters(text: string, start = 0): Character[] {
    const found: Character[] = [];
    let at = start;
    const add = (segment: string) => {
        const points: Character['points'] = [];
        const first = at;
        for (const c of segment) {
            const code = c.codePointAt(0)!;
            // An unpaired surrogate is written as U+FFFD.
            const shown = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
            points.push({ code: shown, start: at, end: at + width(shown) });
            at += width(shown);
        }
        found.push({ text: segment, start: first, end: at, points });
    };
    // Between two ASCII characters there is always an end, but for CR LF: the segmenter, which is slow, is asked only for the rest.
    const plain = (i: number) => { const c = text.charCodeAt(i); return c < 0x80 && c !== 13; };
    for (let i = 0; i < text.length;) {
        if (plain(i) && (i + 1 >= text.length || text.charCodeAt(i + 1) < 0x80)) {
            const code = text.charCodeAt(i);
            found.push({ text: text[i], start: at, end: at + 1, points: [{ code, start: at, end: at + 1 }] });
            at++;
            i++;
            continue;
        }
        let to = i + 1;
        while (to < text.length && !(plain(to - 1) && plain(to))) to++;
        const part = text.slice(i, to);
        if (segmenter) for (const { segment } of segmenter.segment(part)) add(segment);
        else for (const c of part) add(c);
        i = to;
    }
    return found;
}

/** The part of a text that these bytes are; ends inside a character are moved outwards. */
export function slice(text: string, bytes: Uint8Array, start: number, end: number): { text: string; start: number; end: number } {
    let a = start;
    let b = end;
    while (a > 0 && (bytes[a] & 0xc0) === 0x80) a--;
    while (b < bytes.length && (bytes[b] & 0xc0) === 0x80) b++;
    return { text: a === 0 && b === bytes.length ? text : new TextDecoder().decode(bytes.subarray(a, b)), start: a, end: b };
}

/** One column of the picture: a byte, or the empty place of a token that is no byte of the text. */
export interface Column { byte: number; token: number; gap: boolean }

/** Columns of tokens in order; `gap` where a new piece (pre-token) begins. */
export function columns(tokens: readonly Span[], starts: ReadonlySet<number>): Column[] {
    const out: Column[] = [];
    let reached = tokens.length ? tokens[0].start : 0;
    tokens.forEach(({ start, end }, token) => {
        const gap = starts.has(token) && out.length > 0;
        if (end <= start) out.push({ byte: -1, token, gap });
        else {
            // Bytes that no token stands for (removed by the vocabulary's normalisation).
            for (let byte = reached; byte < start; byte++) out.push({ byte, token: -1, gap: false });
            for (let byte = Math.max(start, reached); byte < end; byte++) out.push({ byte, token, gap: gap && byte === Math.max(start, reached) });
            reached = Math.max(reached, end);
        }
    });
    return out;
}

export interface Line { from: number; to: number }

/**
 * Breaks columns into lines of at most `room` pixels: where neither a character nor a token is cut, if one line can hold what lies between two such places.
 * `free(c)`: whether a line may begin at column c.
 */
export function lines(of: readonly Column[], free: (column: number) => boolean, room: number, cell: number, gap: number, empty: number): Line[] {
    const size = (c: Column, first: boolean) => (c.byte < 0 ? empty : cell) + (c.gap && !first ? gap : 0);
    const out: Line[] = [];
    let from = 0;
    while (from < of.length) {
        let used = 0;
        let to = from;
        let lastFree = -1;
        while (to < of.length) {
            const next = size(of[to], to === from);
            if (to > from && used + next > room) break;
            used += next;
            to++;
            if (to < of.length && free(to)) lastFree = to;
        }
        if (to < of.length && lastFree > from) to = lastFree;
        out.push({ from, to });
        from = to;
    }
    return out;
}

/** Spans of this tokenizer that are not exactly a span of the other. */
export function differing(mine: readonly Span[], other: readonly Span[]): boolean[] {
    const known = new Set(other.map((s) => s.start + '-' + s.end));
    return mine.map((s) => s.end > s.start && !known.has(s.start + '-' + s.end));
}

/** For each character, how many tokens hold a part of it. */
export function splitCharacters(of: readonly Character[], tokens: readonly Span[]): number[] {
    let t = 0;
    return of.map(({ start, end }) => {
        while (t < tokens.length && tokens[t].end <= start) t++;
        let n = 0;
        for (let u = t; u < tokens.length && tokens[u].start < end; u++) if (tokens[u].end > start && tokens[u].end > tokens[u].start) n++;
        return n;
    });
}
