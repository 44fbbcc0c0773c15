import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Choice } from '../parts/controls';
import { generatedFrom } from '../parts/generated';
import { visible } from '../parts/token';
import { hover, run, select, selection } from '../state';
import type { Token } from '../types';

/** Tokens in the document at once; scrolling moves the window over a long text. */
const WINDOW = 300;
const LEARNT = 'clearhead.learnt';

function knows(): boolean {
    try {
        return localStorage.getItem(LEARNT) === '1';
    } catch {
        return false;
    }
}

/** The text as tokens: a click chooses the query; with Shift, or in key mode, the key. One Tab stop; arrows move inside. */
export function Ribbon() {
    const shown = run.value;
    const mode = useSignal<'query' | 'key'>('query');
    const learnt = useSignal(knows());
    const from = useSignal(0);
    const focus = useSignal(-1);
    const list = useRef<HTMLDivElement>(null);
    const moved = useRef(false);
    const anchor = useRef<{ position: number; top: number } | null>(null);
    const { query, key } = selection.value;
    const n = shown?.tokens.length ?? 0;
    const wanted = focus.value >= 0 && focus.value < n ? focus.value : query;
    const start = Math.max(0, Math.min(from.value, n - WINDOW));
    const end = Math.min(n, start + WINDOW);
    const piece = (position: number) => list.current?.querySelector<HTMLElement>(`[data-position="${position}"]`) ?? null;

    const bring = (position: number) => {
        if (position < start || position >= end) from.value = Math.max(0, Math.min(position - (WINDOW >> 1), n - WINDOW));
    };
    // A token chosen anywhere on the page comes into sight.
    useLayoutEffect(() => {
        focus.value = -1;
        bring(query);
    }, [query, shown?.id]);
    useLayoutEffect(() => {
        const box = list.current;
        const there = piece(wanted);
        if (!box || !there || anchor.current) return;
        if (there.offsetTop < box.scrollTop || there.offsetTop + there.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = there.offsetTop - 6;
    }, [wanted, shown?.id, start]);
    // When scrolling moved the window, what was seen stays where it was.
    useLayoutEffect(() => {
        const held = anchor.current;
        anchor.current = null;
        const there = held && piece(held.position);
        if (there && list.current) list.current.scrollTop = there.offsetTop - held.top;
    }, [start]);
    // The keyboard's token, where it had to be brought into the document first.
    useLayoutEffect(() => {
        if (!moved.current) return;
        moved.current = false;
        piece(focus.value)?.focus({ preventScroll: true });
    }, [start]);

    const firstLine = !learnt.value && <p class="first-line">Click a word to see what the model looked at.</p>;
    const clicks = <Choice label="a click chooses the" value={mode.value} options={[['query', 'query'], ['key', 'key']]} onChange={(m) => { mode.value = m; }} />;
    // The same height as with tokens: nothing moves when they come.
    if (!shown) return <section class="ribbon" aria-label="Token ribbon"><div class="ribbon-tools">{clicks}</div><div class="ribbon-list empty" />{firstLine}</section>;

    const scrolled = () => {
        const box = list.current;
        if (!box || anchor.current) return;
        const margin = 60;
        const shift = box.scrollTop + box.clientHeight > box.scrollHeight - margin && end < n ? WINDOW >> 1
            : box.scrollTop < margin && start > 0 ? -(WINDOW >> 1) : 0;
        if (!shift) return;
        const first = [...box.querySelectorAll<HTMLElement>('.piece')].find((p) => p.offsetTop >= box.scrollTop);
        const next = Math.max(0, Math.min(start + shift, n - WINDOW));
        if (next === start) return;
        if (first) anchor.current = { position: Number(first.dataset['position']), top: first.offsetTop - box.scrollTop };
        from.value = next;
    };
    const choose = (position: number, asKey: boolean) => {
        if (asKey || mode.value === 'key') select({ key: position });
        else select({ query: position });
        if (!learnt.value) {
            learnt.value = true;
            try {
                localStorage.setItem(LEARNT, '1');
            } catch {
                // Then it is said again next time.
            }
        }
    };
    const move = (event: KeyboardEvent) => {
        if (!(event.target instanceof HTMLElement) || !event.target.matches('.piece')) return;
        const here = Number(event.target.dataset['position']);
        if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            choose(here, event.shiftKey);
            return;
        }
        const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10, PageUp: -100, PageDown: 100, Home: -n, End: n };
        const step = steps[event.key];
        if (step === undefined || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        const next = Math.max(0, Math.min(n - 1, here + step));
        focus.value = next;
        const there = piece(next);
        if (there) {
            there.focus({ preventScroll: true });
        } else {
            moved.current = true;
            bring(next);
        }
    };
    const stop = wanted >= start && wanted < end ? wanted : start;
    return (
        <section class="ribbon" aria-label="Token ribbon">
            <div class="ribbon-tools">
                {clicks}
                {n > WINDOW && (
                    <label class="go-to">go to <input type="text" inputMode="numeric" size={6} aria-label="go to position" placeholder={String(query)}
                        onChange={(event) => {
                            const position = Number(event.currentTarget.value);
                            if (Number.isInteger(position) && position >= 0 && position < n) choose(position, false);
                            event.currentTarget.value = '';
                        }} /></label>
                )}
            </div>
            <div class="ribbon-list" ref={list} role="listbox" aria-orientation="horizontal" aria-label={`Tokens, ${n}. Enter chooses the query, Shift+Enter the key`} onKeyDown={move} onScroll={scrolled}
                onPointerLeave={() => { hover.value = null; }}>
                {shown.tokens.slice(start, end).map((token) => (
                    <Piece key={token.position} token={token} n={n} generated={token.position >= generatedFrom.value} query={token.position === query} chosenKey={token.position === key} stop={token.position === stop}
                        over={hover.value?.key === token.position || hover.value?.query === token.position} onChoose={choose} onFocus={() => { focus.value = token.position; }} />
                ))}
            </div>
            {firstLine}
        </section>
    );
}

interface PieceProps { token: Token; n: number; generated: boolean; query: boolean; chosenKey: boolean; stop: boolean; over: boolean; onChoose: (position: number, asKey: boolean) => void; onFocus: () => void }

function Piece({ token, n, generated, query, chosenKey, stop, over, onChoose, onFocus }: PieceProps) {
    const { position, text, id, bytes, special, in_text: inText } = token;
    const says = query && chosenKey ? ', query and key' : query ? ', query' : chosenKey ? ', key' : '';
    return (
        <button type="button" role="option" data-position={position} tabIndex={stop ? 0 : -1} aria-selected={query || chosenKey} aria-posinset={position + 1} aria-setsize={n}
            class={'piece' + (query ? ' query' : '') + (chosenKey ? ' key' : '') + (over ? ' over' : '') + (special || !inText ? ' special' : '') + (generated ? ' generated' : '')}
            aria-label={`${visible(text)}, position ${position}${says}`} title={`${position}: id ${id}, bytes ${bytes}${inText ? '' : '; put in front by the model’s rule'}${generated ? '; written by the model' : ''}`}
            onClick={(event) => onChoose(position, event.shiftKey)} onFocus={onFocus} onPointerEnter={() => { hover.value = { query: position }; }}>
            {visible(text)}
        </button>
    );
}
