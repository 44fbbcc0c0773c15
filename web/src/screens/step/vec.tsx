import { useEffect, useRef, useState } from 'preact/hooks';
import { diverging, inkOn } from '../../parts/colours';
import { full, short } from '../../parts/number';
import { dark } from '../../theme';
import { kept, over, type Lit } from './data';

/** Longer vectors are shown by pages. */
const WHOLE = 144;
const PAGE = 96;

export const largest = (values: readonly number[]): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** Indices that went into the cell in question: lit. Set by the view. */
export type Inputs = Record<string, number[]>;

interface Props { name: string; values: number[]; inputs: Inputs; most?: number; note?: string; tint?: 'query' | 'key' }

/** A vector as cells with their numbers. One Tab stop; arrows move, Enter keeps. */
export function Vec({ name, values, inputs, most = largest(values), note, tint }: Props) {
    void dark.value;
    const [from, setFrom] = useState(0);
    const box = useRef<HTMLDivElement>(null);
    const now = kept.value ?? over.value;
    const mine = now?.vector === name ? now.index : -1;
    const lit = inputs[name];
    const paged = values.length > WHOLE;
    const start = paged ? Math.min(from, values.length - 1) : 0;
    const end = paged ? Math.min(values.length, start + PAGE) : values.length;
    // What was lit comes into sight, if all of it can.
    useEffect(() => {
        if (paged && lit?.length && !lit.some((i) => i >= start && i < end)) setFrom(Math.floor(lit[0] / PAGE) * PAGE);
    }, [lit]);
    const stop = mine >= start && mine < end ? mine : start;
    const go = (index: number) => {
        over.value = { vector: name, index };
        if (index < start || index >= end) setFrom(Math.floor(index / PAGE) * PAGE);
        requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-i="${index}"]`)?.focus());
    };
    const keys = (event: KeyboardEvent) => {
        const here = event.target instanceof HTMLElement ? Number(event.target.dataset['i']) : NaN;
        if (Number.isNaN(here)) return;
        const to = { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + 8, ArrowUp: here - 8, Home: 0, End: values.length - 1 }[event.key];
        if (to === undefined || event.shiftKey) return;
        event.preventDefault();
        go(Math.max(0, Math.min(values.length - 1, to)));
    };
    return (
        <figure class={'vec' + (tint ? ' ' + tint : '')} aria-label={`${name}, ${values.length} numbers`}>
            <figcaption>
                <b>{name}</b> <span class="quiet">[{values.length}]{note ? ` ${note}` : ''}</span>
                {paged && (
                    <span class="vec-pager">
                        <button type="button" disabled={start === 0} aria-label={`earlier elements of ${name}`} onClick={() => setFrom(Math.max(0, start - PAGE))}>‹</button>
                        <span class="num">{start}–{end - 1}</span>
                        <button type="button" disabled={end >= values.length} aria-label={`later elements of ${name}`} onClick={() => setFrom(start + PAGE)}>›</button>
                        <button type="button" title="The number of largest size" onClick={() => go(values.reduce((best, v, i) => (Math.abs(v) > Math.abs(values[best]) ? i : best), 0))}>largest</button>
                    </span>
                )}
            </figcaption>
            <div class="vec-cells" ref={box} onKeyDown={keys} onPointerLeave={() => { over.value = null; }}>
                {values.slice(start, end).map((value, i) => (
                    <Cell key={start + i} at={{ vector: name, index: start + i }} value={value} most={most} stop={start + i === stop} on={start + i === mine} input={lit?.includes(start + i) ?? false} />
                ))}
            </div>
        </figure>
    );
}

interface CellProps { at: Lit; value: number; most: number; stop: boolean; on: boolean; input: boolean }

export function Cell({ at, value, most, stop, on, input }: CellProps) {
    const background = diverging(most > 0 ? value / most : 0);
    return (
        <button type="button" class={'c' + (on ? ' on' : '') + (input ? ' input' : '')} data-i={at.index} tabIndex={stop ? 0 : -1} aria-pressed={on} style={{ background, color: inkOn(background) }}
            title={`[${at.index}] ${full(value)}`}
            onPointerEnter={() => { over.value = at; }} onFocus={() => { over.value = at; }} onClick={() => { kept.value = kept.value?.vector === at.vector && kept.value.index === at.index ? null : at; }}>
            <span class="visually-hidden">{at.vector}, element {at.index}: {short(value, 4)}</span><span aria-hidden="true">{short(value, 2)}</span>
        </button>
    );
}

/** The shape of a vector at a glance: at most so many bars, each the largest of its part. */
export function Mini({ values, width = 96, height = 22 }: { values: readonly number[]; width?: number; height?: number }) {
    void dark.value;
    const bars = Math.min(values.length, 48);
    const most = largest(values);
    const w = width / bars;
    return (
        <svg class="mini" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
            {Array.from({ length: bars }, (_, i) => {
                const part = values.slice(Math.floor((i * values.length) / bars), Math.max(Math.floor(((i + 1) * values.length) / bars), Math.floor((i * values.length) / bars) + 1));
                const value = part.reduce((m, v) => (Math.abs(v) > Math.abs(m) ? v : m), 0);
                return <rect key={i} x={i * w} y={0} width={w + 0.3} height={height} fill={diverging(most > 0 ? value / most : 0)} />;
            })}
        </svg>
    );
}
