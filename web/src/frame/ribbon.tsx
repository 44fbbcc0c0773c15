import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { visible } from '../parts/token';
import { hover, run, select, selection } from '../state';
import type { Token } from '../types';

/** Tokens drawn at once; the rest of a long text is there when it is scrolled to. */
const WINDOW = 240;
const LEARNT = 'clearhead.learnt';

/** The text as tokens: a click chooses the query, with Shift (or the key button down) the key. One Tab stop; arrows move inside. */
export function Ribbon() {
    const shown = run.value;
    const keyMode = useSignal(false);
    const learnt = useSignal(localStorage.getItem(LEARNT) === '1');
    const from = useSignal(0);
    const focus = useSignal(-1);
    const list = useRef<HTMLDivElement>(null);
    const { query, key } = selection.value;
    const n = shown?.tokens.length ?? 0;
    const wanted = focus.value >= 0 && focus.value < n ? focus.value : query;

    // The chosen token is in the window, and in sight.
    useEffect(() => {
        if (wanted < from.value || wanted >= from.value + WINDOW) from.value = Math.max(0, wanted - (WINDOW >> 1));
    }, [wanted, shown?.id]);
    useLayoutEffect(() => {
        const button = list.current?.querySelector<HTMLElement>(`[data-position="${wanted}"]`);
        const box = list.current;
        if (!button || !box) return;
        if (button.offsetTop < box.scrollTop || button.offsetTop + button.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = button.offsetTop - 8;
    }, [wanted, from.value]);

    if (!shown) return <div class="ribbon empty" />;
    const start = Math.min(from.value, Math.max(0, n - 1));
    const end = Math.min(n, start + WINDOW);
    const choose = (position: number, asKey: boolean) => {
        if (asKey || keyMode.value) select({ key: position });
        else select({ query: position });
        if (!learnt.value) {
            learnt.value = true;
            try { localStorage.setItem(LEARNT, '1'); } catch { /* then it is said again next time */ }
        }
    };
    const move = (event: KeyboardEvent) => {
        const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10, PageUp: -100, PageDown: 100, Home: -n, End: n };
        if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            choose(wanted, event.shiftKey);
            return;
        }
        const step = steps[event.key];
        if (step === undefined || event.shiftKey) return;
        event.preventDefault();
        const next = Math.max(0, Math.min(n - 1, wanted + step));
        focus.value = next;
        if (next < start || next >= end) from.value = Math.max(0, next - (WINDOW >> 1));
        requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-position="${next}"]`)?.focus());
    };
    return (
        <div class="ribbon">
            <div class="ribbon-tools">
                <button type="button" class="key-mode" aria-pressed={keyMode.value} title="When pressed, a click chooses the key instead of the query (the same as Shift)" onClick={() => { keyMode.value = !keyMode.value; }}>key</button>
            </div>
            <div class="ribbon-list" ref={list} role="listbox" aria-orientation="horizontal" aria-label={`Tokens; ${n}. Enter chooses the query, Shift+Enter the key`} onKeyDown={move}
                onPointerLeave={() => { hover.value = null; }}>
                {start > 0 && <button type="button" class="skip-tokens" tabIndex={-1} onClick={() => { from.value = Math.max(0, start - WINDOW / 2); }}>… {start.toLocaleString('en-US')} before</button>}
                {shown.tokens.slice(start, end).map((token) => (
                    <Piece key={token.position} token={token} query={token.position === query} chosenKey={token.position === key} stop={token.position === wanted}
                        over={hover.value?.key === token.position || hover.value?.query === token.position} onChoose={choose} onFocus={() => { focus.value = token.position; }} />
                ))}
                {end < n && <button type="button" class="skip-tokens" tabIndex={-1} onClick={() => { from.value = Math.min(n - 1, start + WINDOW / 2); }}>{(n - end).toLocaleString('en-US')} after …</button>}
            </div>
            {!learnt.value && <p class="first-line">Click a word to see what the model looked at.</p>}
        </div>
    );
}

interface PieceProps { token: Token; query: boolean; chosenKey: boolean; stop: boolean; over: boolean; onChoose: (position: number, asKey: boolean) => void; onFocus: () => void }

function Piece({ token, query, chosenKey, stop, over, onChoose, onFocus }: PieceProps) {
    const { position, text, id, bytes, special, in_text: inText } = token;
    const says = query && chosenKey ? ', query and key' : query ? ', query' : chosenKey ? ', key' : '';
    return (
        <button type="button" role="option" data-position={position} tabIndex={stop ? 0 : -1} aria-selected={query || chosenKey}
            class={'piece' + (query ? ' query' : '') + (chosenKey ? ' key' : '') + (over ? ' over' : '') + (special || !inText ? ' special' : '')}
            aria-label={`${visible(text)}, position ${position}${says}`} title={`${position}: id ${id}, bytes ${bytes}${inText ? '' : '; put in front by the model’s rule'}`}
            onClick={(event) => onChoose(position, event.shiftKey)} onFocus={onFocus} onPointerEnter={() => { hover.value = { query: position }; }}>
            {visible(text)}
        </button>
    );
}
