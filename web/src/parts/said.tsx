import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../errors';
import { again } from '../session';
import { seconds } from './number';

/** The picture in words. Screen readers hear it when it changes; give one to every picture. */
export function Sentence({ children }: { children: ComponentChildren }) {
    return <p class="sentence" role="status" aria-live="polite">{children}</p>;
}

/** With a capital letter and a full stop. */
function asSentence(text: string): string {
    const trimmed = text.trim();
    return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? '' : '.');
}

/** What happened and what to do. It never hides what is already on screen. */
export function Failed({ error, retry, more }: { error: ApiError; retry?: () => void; more?: string }) {
    // What was refused for what it is, is refused again.
    const refused = error.status >= 400 && error.status < 500 && error.status !== 429;
    return (
        <div class="failed" role="alert">
            <p><strong>{asSentence(error.message)}</strong>{error.remedy && <> {asSentence(error.remedy)}</>}{more && <> {more}</>}</p>
            {!error.gone && !refused && <button type="button" onClick={retry ?? (() => void again())}>Try again</button>}
        </div>
    );
}

/** Says what is awaited and for how long already, from 200 ms on; before that it says nothing. */
export function Waiting({ what }: { what: string }) {
    const [since] = useState(() => Date.now());
    const [now, tick] = useState(since);
    useEffect(() => {
        const timer = setInterval(() => tick(Date.now()), 200);
        return () => clearInterval(timer);
    }, []);
    const spent = now - since;
    return <p class="waiting" aria-busy="true">{spent < 200 ? ' ' : `${what} · ${seconds(spent / 1000)}`}</p>;
}

/** An empty slot that says what belongs there and how large it is: `[6, 4] weights`. */
export function Missing({ what, shape }: { what: string; shape?: number[] }) {
    return <div class="missing-slot">{shape ? `[${shape.join(', ')}] ` : ''}{what}</div>;
}

/** Stands beside every view of attention. */
export function NotExplanation() {
    return (
        <p class="quiet note">
            A weight says where a head took information from, not what it did with it or whether it mattered. See the value-weighted view and <em>Try it</em>, which switches the head off.
        </p>
    );
}
