import type { ComponentChildren } from 'preact';
import { full, short } from './number';

export interface Bar {
    /** Stable name, handed to `onPick`. */
    id: number;
    label: ComponentChildren;
    value: number;
    /** Right of the number: distance, running mass, … */
    note?: ComponentChildren;
    /** For screen readers where `label` is no text. */
    spoken?: string;
}

interface Props {
    label: string;
    bars: Bar[];
    /** What fills the width; default: the largest absolute value. */
    most?: number;
    picked?: number | null;
    digits?: number;
    /** Rows drawn; the table fallback has the rest. */
    limit?: number;
    onPick?: (id: number) => void;
    onHover?: (id: number | null) => void;
}

/** Ranked bars with exact numbers; negative ones grow from the middle to the left. A list of buttons: arrows and Tab reach all. */
export function Bars({ label, bars, most, picked = null, digits = 3, limit = 60, onPick, onHover }: Props) {
    const largest = most ?? bars.reduce((m, b) => Math.max(m, Math.abs(b.value)), 0);
    const signed = bars.some((b) => b.value < 0);
    const move = (event: KeyboardEvent) => {
        const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        if (!step) return;
        const all = [...(event.currentTarget as HTMLElement).querySelectorAll('button')];
        const next = all[all.indexOf(document.activeElement as HTMLButtonElement) + step];
        if (next) { event.preventDefault(); next.focus(); }
    };
    return (
        <ol class={'bars' + (signed ? ' signed' : '')} aria-label={label} onKeyDown={move} onPointerLeave={onHover && (() => onHover(null))}>
            {bars.slice(0, limit).map((bar) => {
                const share = largest > 0 ? Math.min(1, Math.abs(bar.value) / largest) * 100 : 0;
                const body = (
                    <>
                        {bar.spoken && <span class="visually-hidden">{bar.spoken}: </span>}
                        <span class="bar-label" aria-hidden={bar.spoken ? 'true' : undefined}>{bar.label}</span>
                        <span class="bar-track" aria-hidden="true">
                            <span class={'bar-fill' + (bar.value < 0 ? ' below' : '')} style={{ width: (signed ? share / 2 : share) + '%' }} />
                        </span>
                        <span class="bar-value num" title={full(bar.value)}>{short(bar.value, digits)}</span>
                        {bar.note !== undefined && <span class="bar-note">{bar.note}</span>}
                    </>
                );
                return (
                    <li key={bar.id} class={bar.id === picked ? 'picked' : undefined} onPointerEnter={onHover && (() => onHover(bar.id))}>
                        {onPick
                            ? <button type="button" aria-pressed={bar.id === picked} onClick={() => onPick(bar.id)}>{body}</button>
                            : <div>{body}</div>}
                    </li>
                );
            })}
        </ol>
    );
}
