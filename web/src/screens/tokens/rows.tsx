import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { idColour } from '../../parts/colours';
import { visible } from '../../parts/token';
import { dark } from '../../theme';
import type { Look, Token } from './data';
import { columns, lines, splitCharacters, type Character, type Column, type Line } from './layout';

const CELL = 33;
const EMPTY = 78;
const GAP = 7;

interface Props { look: Look; bits: boolean; picked: number; onPick: (token: number) => void }

/** Characters, bytes, bits, pieces and ids, one below the other, in lines as wide as the page; only the lines in sight are in the document. */
export function Rows({ look, bits, picked, onPick }: Props) {
    const box = useRef<HTMLDivElement>(null);
    const [room, setRoom] = useState(0);
    const [seen, setSeen] = useState({ top: 0, height: 600 });
    useLayoutEffect(() => {
        const element = box.current;
        if (!element) return;
        const measure = () => { setRoom(element.clientWidth); };
        measure();
        const watch = new ResizeObserver(measure);
        watch.observe(element);
        return () => watch.disconnect();
    }, []);
    const names = room > 560 ? 84 : 0;
    const cut = useMemo(() => {
        const of = columns(look.tokens, look.starts);
        const boundary = new Set<number>();
        for (const c of look.characters) boundary.add(c.start);
        const free = (c: number) => of[c].byte < 0 || of[c - 1].byte < 0 || ((of[c].token !== of[c - 1].token || of[c].token < 0) && boundary.has(of[c].byte));
        return { of, parts: lines(of, free, Math.max(CELL, room - names - 2), CELL, GAP, EMPTY), split: splitCharacters(look.characters, look.tokens) };
    }, [look, room, names]);
    const height = (bits ? 148 : 112) + 14;
    const first = Math.max(0, Math.floor(seen.top / height) - 3);
    const last = Math.min(cut.parts.length, Math.ceil((seen.top + seen.height) / height) + 3);

    // Light what belongs together: bytes, characters, tokens that share a byte with what the pointer or the focus is on.
    const light = (target: EventTarget | null) => {
        const element = box.current;
        if (!element) return;
        const cell = target instanceof Element ? target.closest<HTMLElement>('[data-a]') : null;
        const a = cell ? Number(cell.dataset['a']) : NaN;
        const b = cell ? Number(cell.dataset['b']) : NaN;
        for (const other of element.querySelectorAll<HTMLElement>('[data-a]')) {
            const c = Number(other.dataset['a']);
            const d = Number(other.dataset['b']);
            other.classList.toggle('lit', a === b ? other === cell || (c === d && c === a && other.dataset['t'] === cell?.dataset['t']) : c < b && d > a);
        }
    };
    const move = (event: KeyboardEvent) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8 }[event.key];
        if (step === undefined || event.shiftKey || !(event.target instanceof HTMLElement) || !event.target.matches('.tk')) return;
        event.preventDefault();
        const here = Number(event.target.dataset['t']);
        const next = Math.max(look.told.first_token, Math.min(look.told.first_token + look.tokens.length - 1, here + step));
        onPick(next);
        requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`.tk[data-t="${next}"]`)?.focus());
    };
    return (
        <div class="rows" ref={box} role="group" aria-label="Characters, bytes, bits, pieces and ids, aligned" onPointerOver={(e) => light(e.target)} onPointerLeave={() => light(null)} onFocusIn={(e) => light(e.target)}
            onFocusOut={() => light(null)} onKeyDown={move} onScroll={(e) => { const { scrollTop, clientHeight } = e.currentTarget; setSeen({ top: scrollTop, height: clientHeight }); }}>
            <div style={{ height: `${cut.parts.length * height}px`, position: 'relative' }}>
                {room > 0 && cut.parts.slice(first, last).map((line, i) => (
                    <OneLine key={line.from} line={line} top={(first + i) * height} of={cut.of} split={cut.split} look={look} bits={bits} names={names} picked={picked} onPick={onPick} first={first + i === 0} />
                ))}
            </div>
        </div>
    );
}

interface LineProps { line: Line; top: number; of: Column[]; split: number[]; look: Look; bits: boolean; names: number; picked: number; onPick: (token: number) => void; first: boolean }

function OneLine({ line, top, of, split, look, bits, names, picked, onPick, first }: LineProps) {
    void dark.value;
    const here = of.slice(line.from, line.to);
    // Left edge of every column.
    const left: number[] = [];
    let x = 0;
    here.forEach((c, i) => { x += c.gap && i > 0 ? GAP : 0; left.push(x); x += c.byte < 0 ? EMPTY : CELL; });
    const right = (i: number) => left[i] + (here[i].byte < 0 ? EMPTY : CELL);
    const span = (from: number, to: number) => ({ left: `${left[from]}px`, width: `${right(to - 1) - left[from] - 1}px` });
    const bytesHere = here.filter((c) => c.byte >= 0);
    const start = bytesHere.length ? bytesHere[0].byte : 0;
    const end = bytesHere.length ? bytesHere[bytesHere.length - 1].byte + 1 : 0;
    const at = new Map(here.map((c, i) => [c.byte, i] as const));
    const clipped = (a: number, b: number) => span(at.get(Math.max(a, start))!, at.get(Math.min(b, end) - 1)! + 1);
    const colour = (token: number) => (token < 0 ? undefined : idColour(look.tokens[token].id));
    const runs: { token: number; from: number; to: number }[] = [];
    here.forEach((c, i) => {
        const before = runs[runs.length - 1];
        if (before && before.token === c.token && c.byte >= 0) before.to = i + 1;
        else runs.push({ token: c.token, from: i, to: i + 1 });
    });
    const inLine: number[] = [];
    for (let i = firstAfter(look.characters, start); i < look.characters.length && look.characters[i].start < end; i++) inLine.push(i);
    return (
        <div class={'line' + (bits ? '' : ' no-bits')} style={{ top: `${top}px`, paddingLeft: `${names}px` }}>
            {names > 0 && <div class="names" aria-hidden="true"><span>character</span><span>code point</span><span>byte</span>{bits && <span class="two">bits</span>}<span>piece</span><span>id</span></div>}
            <div class="cells">
                {inLine.map((i) => {
                    const c = look.characters[i];
                    const several = split[i] > 1;
                    return (
                        <>
                            <span class={'ch' + (several ? ' cut' : '')} data-a={c.start} data-b={c.end} style={clipped(c.start, c.end)}
                                title={`character ${visible(c.text)}: ${c.end - c.start} byte${c.end - c.start === 1 ? '' : 's'}${several ? `, split over ${split[i]} tokens` : ''}`}>{visible(c.text)}</span>
                            {c.points.filter((p) => p.end > start && p.start < end).map((p) => (
                                <span class="cp" data-a={p.start} data-b={p.end} style={clipped(p.start, p.end)} title={`code point U+${hex4(p.code)}`}>{hex4(p.code)}</span>
                            ))}
                        </>
                    );
                })}
                {here.map((c, i) => c.byte >= 0 && (
                    <>
                        <span class="by" data-a={c.byte} data-b={c.byte + 1} style={{ ...span(i, i + 1), background: colour(c.token) }} title={`byte ${c.byte}: 0x${hex2(look.bytes[c.byte])} = ${look.bytes[c.byte]}`}>{hex2(look.bytes[c.byte])}</span>
                        {bits && <span class="bi" data-a={c.byte} data-b={c.byte + 1} style={{ ...span(i, i + 1), background: colour(c.token) }}><Bits byte={look.bytes[c.byte]} /></span>}
                    </>
                ))}
                {runs.map(({ token, from, to }) => {
                    if (token < 0) return null;
                    const t = look.tokens[token];
                    const whole = t.start >= start && t.end <= end;
                    return (
                        <>
                            <button type="button" class={'tk' + (t.special || t.kind !== 'text' ? ' special' : '') + (t.index === picked ? ' picked' : '') + (whole ? '' : ' part')} data-t={t.index} data-a={t.start} data-b={t.end}
                                tabIndex={t.index === picked || (picked < 0 && token === 0) ? 0 : -1} style={{ ...span(from, to), background: colour(token) }} aria-pressed={t.index === picked}
                                aria-label={`token ${t.index}: ${label(t)}, id ${t.id}, ${t.end - t.start} bytes${t.special ? ', special' : ''}`} title={`token ${t.index}: ${label(t)} = id ${t.id}${whole ? '' : ' (goes on in the next line)'}`}
                                onClick={() => onPick(t.index)}>{label(t)}</button>
                            <span class="id" data-a={t.start} data-b={t.end} data-t={t.index} style={{ ...span(from, to), background: colour(token) }}>{t.id}</span>
                        </>
                    );
                })}
            </div>
            {first && names === 0 && <span class="visually-hidden">From the top: character, code point, byte, bits, piece, id.</span>}
        </div>
    );
}

function Bits({ byte }: { byte: number }) {
    const all = byte.toString(2).padStart(8, '0');
    return <>{all.slice(0, 4)}<br />{all.slice(4)}</>;
}

/** What a token is called: its text, or its bytes where they are no whole characters. */
export function label(t: Token | { text: string; bytes: string; special: boolean; name: string }): string {
    if (t.special) return t.name;
    return t.text.includes('\ufffd') && !t.bytes.includes('efbfbd') ? t.bytes.toUpperCase().replace(/..(?=.)/g, '$& ') : visible(t.text);
}

const hex2 = (n: number) => n.toString(16).toUpperCase().padStart(2, '0');
const hex4 = (n: number) => n.toString(16).toUpperCase().padStart(4, '0');

function firstAfter(of: Character[], byte: number): number {
    let low = 0;
    let high = of.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (of[middle].end > byte) high = middle;
        else low = middle + 1;
    }
    return low;
}
