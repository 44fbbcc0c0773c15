import './matrix.css';
import type { Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { dark } from '../../theme';
import { ramp } from '../colours';
import { short } from '../number';
import { Failed, Waiting } from '../said';
import type { Scale } from './colour';
import { Engine, FIRST_CELL, gutters, type Cell, type Palette } from './engine';
import { Legend } from './legend';
import type { Source } from './source';
import type { Viewport } from './tiles';

export type { Cell } from './engine';
export type { Source } from './source';
export type { Viewport } from './tiles';

export interface MatrixProps {
    source: Source;
    /** What is shown, for screen readers: `weights of layer 2, head 1`. */
    label: string;
    rowTitle?: string;
    columnTitle?: string;
    rowLabel: (row: number) => string;
    columnLabel: (column: number) => string;
    scale: 'linear' | 'log' | 'rowmax' | 'diverging';
    /** The end of the scale; without it the largest value of the matrix. */
    most?: number;
    /** What the colours mean, for the legend: `weight`. */
    quantity: string;
    /** The first column is not drawn. */
    hideFirst?: boolean;
    /** With `hideFirst`: each row is divided by its number, [rows]. */
    divisors?: Float32Array | null;
    row: number | null;
    column: number | null;
    over?: Partial<Cell> | null;
    generatedFrom?: number;
    onHover?: (cell: Cell | null) => void;
    /** A click, a tap, or a cell reached by arrow keys (`key` true). */
    onPick?: (cell: Cell, key: boolean) => void;
    /** Enter on the chosen cell. */
    onLock?: () => void;
    /** A value known better than by tiles: the exact row under the pointer. Undefined: not known. */
    exact?: (row: number, column: number) => number | undefined;
    /** Give two matrices one signal and they move together. Null in it: all of the matrix. */
    viewport?: Signal<Viewport | null>;
    handle?: { current: Engine | null };
    /** Height in pixels at most. */
    tall?: number;
}

/** A matrix of any size as a map: tiles fetched for what is in view, zoom and pan, labels in sight, keyboard for everything. */
export function Matrix(props: MatrixProps) {
    const { source, label, rowTitle = 'query', columnTitle = 'key', viewport } = props;
    const box = useRef<HTMLDivElement>(null);
    const canvas = useRef<HTMLCanvasElement>(null);
    const engine = useRef<Engine | null>(null);
    const latest = useRef(props);
    latest.current = props;
    const [, redraw] = useState(0);
    const said = useRef('');
    const [spoken, speak] = useState('');
    const [over, setOver] = useState<Cell | null>(null);
    const onDark = dark.value;

    const look = () => {
        const p = latest.current;
        const most = p.most ?? extreme(engine.current, p.scale);
        const scale: Scale = p.scale === 'linear' ? { kind: 'linear', most } : p.scale === 'log' ? { kind: 'log', most, decades: 4 }
            : p.scale === 'diverging' ? { kind: 'diverging', most } : { kind: 'rowmax' };
        const divisors = p.divisors ?? null;
        return {
            name: [p.scale, most, dark.peek(), p.hideFirst, divisors ? stamp(divisors) : 0].join(' '),
            scale, ramp: rampOf(p.scale === 'diverging' ? 'diverging' : 'sequential', dark.peek()), withoutFirst: p.hideFirst ?? false, divisors,
        };
    };
    const marks = () => {
        const p = latest.current;
        return {
            rowLabel: p.rowLabel, columnLabel: p.columnLabel, rowTitle: p.rowTitle ?? 'query', columnTitle: p.columnTitle ?? 'key', row: p.row, column: p.column,
            over: p.over ?? null, generatedFrom: p.generatedFrom ?? Infinity, hiddenFirst: p.hideFirst ?? false,
        };
    };

    useLayoutEffect(() => {
        const element = canvas.current!;
        const drawn = () => {
            const now = engine.current!;
            const state = [now.level, now.now.cell, now.loading > 0, now.settled, now.error?.message, now.spread?.most, now.spread?.least, now.masked].join();
            if (state === said.current) return;
            said.current = state;
            now.set(marks(), look(), palette(element));
            redraw((n) => n + 1);
        };
        const made = new Engine(element, source, marks(), { ...look(), name: 'first' }, palette(element), drawn);
        engine.current = made;
        if (latest.current.handle) latest.current.handle.current = made;
        if (viewport) made.view = viewport.peek();
        const fit = () => {
            const width = box.current!.clientWidth;
            if (!width) return;
            const { left, top, right } = gutters(width);
            const { rows, columns } = source.extent;
            const tall = latest.current.tall ?? Math.max(340, Math.round(innerHeight * 0.64));
            const cell = Math.min(FIRST_CELL, (width - left - right) / columns);
            made.resize(width, Math.min(tall, Math.max(160, Math.ceil(top + rows * cell + 2))));
        };
        const observer = new ResizeObserver(fit);
        observer.observe(box.current!);
        fit();
        const stop = viewport?.subscribe((view) => {
            if (made.view === view) return;
            made.view = view;
            made.request();
        });
        const end = listen(element, made, {
            hover: (cell) => { setOver(cell); latest.current.onHover?.(cell); },
            pick: (cell) => latest.current.onPick?.(cell, false),
            moved: () => { if (viewport) viewport.value = made.view; },
        });
        return () => {
            end();
            stop?.();
            observer.disconnect();
            made.close();
            engine.current = null;
            if (latest.current.handle) latest.current.handle.current = null;
        };
    }, [source.name]);

    useEffect(() => { engine.current?.set(marks(), look(), palette(canvas.current!)); });

    const now = engine.current?.source.name === source.name ? engine.current : null;
    const value = (row: number, column: number): number | undefined => {
        const raw = props.exact?.(row, column) ?? engine.current?.value(row, column);
        return raw !== undefined && props.divisors ? raw / props.divisors[row] : raw;
    };
    const words = (cell: Cell): string => {
        const pair = `${rowTitle} ${props.rowLabel(cell.row)} (${cell.row}), ${columnTitle} ${props.columnLabel(cell.column)} (${cell.column})`;
        if (source.extent.causal && cell.column > cell.row) return `${pair}: masked, it comes later`;
        if (props.hideFirst && cell.column === 0) return `${pair}: hidden`;
        const found = value(cell.row, cell.column);
        return found === undefined ? pair : Number.isNaN(found) ? `${pair}: masked` : `${pair}: ${short(found, 4)}`;
    };
    const keys = (event: KeyboardEvent) => {
        if (!now || event.ctrlKey || event.metaKey || event.altKey) return;
        const { rows, columns } = source.extent;
        const at = { row: props.row ?? 0, column: props.column ?? Math.min(props.row ?? 0, columns - 1) };
        const step = event.shiftKey ? 10 : 1;
        const page = Math.max(1, Math.floor(now.size.height / now.now.cell) - 1);
        const to: Record<string, Cell> = {
            ArrowUp: { row: at.row - step, column: at.column }, ArrowDown: { row: at.row + step, column: at.column },
            ArrowLeft: { row: at.row, column: at.column - step }, ArrowRight: { row: at.row, column: at.column + step },
            PageUp: { row: at.row - page, column: at.column }, PageDown: { row: at.row + page, column: at.column },
            Home: { row: at.row, column: 0 }, End: { row: at.row, column: source.extent.causal ? Math.min(at.row, columns - 1) : columns - 1 },
        };
        const wanted = to[event.key];
        if (wanted) {
            const cell = { row: clamp(wanted.row, rows), column: clamp(wanted.column, columns) };
            props.onPick?.(cell, true);
            now.reveal(cell.row, cell.column);
            if (viewport) viewport.value = now.view;
            speak(words(cell));
        } else if (event.key === '+' || event.key === '=') zoomBy(1.5);
        else if (event.key === '-') zoomBy(1 / 1.5);
        else if (event.key === '0') whole();
        else if (event.key === 'Enter' || event.key === ' ') props.onLock?.();
        else return;
        event.preventDefault();
        event.stopPropagation();
    };
    const zoomBy = (factor: number) => {
        const now = engine.current;
        if (!now) return;
        const { cell, x, y } = now.now;
        const row = props.row;
        const column = props.column ?? props.row;
        if (row !== null && column !== null) now.zoom(factor, now.left + (column + 0.5 - x) * cell, now.top + (row + 0.5 - y) * cell);
        else now.zoom(factor);
        if (row !== null && column !== null) now.reveal(row, column);
        if (viewport) viewport.value = now.view;
    };
    const whole = () => {
        engine.current?.fit();
        if (viewport) viewport.value = null;
    };

    const told = over ?? (props.row !== null && props.column !== null ? { row: props.row, column: props.column } : null);
    const cells = now ? 2 ** now.level : 1;
    return (
        <div class="matrix" ref={box}>
            <div class="matrix-foot">
                <span class="matrix-zoom" role="group" aria-label="zoom">
                    <button type="button" aria-label="zoom out" onClick={() => zoomBy(1 / 1.5)}>−</button>
                    <button type="button" aria-label="zoom in" onClick={() => zoomBy(1.5)}>+</button>
                    <button type="button" onClick={whole} disabled={now?.view === null}>all</button>
                </span>
                <Legend scale={props.scale} most={props.most ?? extreme(now, props.scale)} quantity={props.quantity} masked={now?.masked ?? false} hidden={props.hideFirst ?? false}
                    rowsOfMaximum={now?.rowsOfMaximum ?? 1} />
                <span class="matrix-told num">{told ? words(told) : ''}</span>
                {cells > 1 && <span class="quiet">one point = {cells} × {cells} cells</span>}
                {now && now.loading > 0 && !now.error && <Waiting what="computing tiles" />}
            </div>
            <canvas ref={canvas} tabIndex={0} role="application" aria-roledescription="matrix" data-dark={onDark} data-source={source.name} data-level={now?.level ?? 0} data-loading={!now || now.loading > 0 || !now.settled}
                aria-label={`${label}; ${source.extent.rows} ${rowTitle} rows, ${source.extent.columns} ${columnTitle} columns. Arrows move the cell, with Shift by 10; Page keys, Home, End; + and − zoom, 0 shows all; Enter locks, Escape unlocks.`}
                onKeyDown={keys} />
            <p class="visually-hidden" aria-live="polite">{spoken}</p>
            {now?.error && <Failed error={now.error} retry={() => now.retry()} />}
        </div>
    );
}

const ramps = new Map<string, Uint8ClampedArray>();
function rampOf(kind: 'sequential' | 'diverging', onDark: boolean): Uint8ClampedArray {
    const name = kind + onDark;
    const known = ramps.get(name) ?? ramp(kind, onDark);
    ramps.set(name, known);
    return known;
}

const clamp = (n: number, size: number) => Math.max(0, Math.min(n, size - 1));

let stamps = 0;
const stamped = new WeakMap<Float32Array, number>();
function stamp(values: Float32Array): number {
    let n = stamped.get(values);
    if (n === undefined) stamped.set(values, (n = ++stamps));
    return n;
}

function extreme(engine: Engine | null, scale: MatrixProps['scale']): number {
    const spread = engine?.spread;
    if (!spread || !Number.isFinite(spread.most)) return 1;
    return scale === 'diverging' ? Math.max(Math.abs(spread.least), Math.abs(spread.most)) : spread.most;
}

function palette(element: HTMLElement): Palette {
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue('--' + name).trim() || '#888888';
    return {
        ink: colour('ink'), quiet: colour('quiet'), line: colour('line'), strong: colour('line-strong'), paper: colour('paper'), query: colour('query'), key: colour('key'),
        mono: colour('mono'), sans: colour('sans'), onDark: dark.peek(),
    };
}

interface Heard { hover: (cell: Cell | null) => void; pick: (cell: Cell) => void; moved: () => void }

/** Pointer and wheel: hover once a frame, click, drag, pinch, zoom round the pointer. Returns how to stop listening. */
function listen(canvas: HTMLCanvasElement, engine: Engine, heard: Heard): () => void {
    const fingers = new Map<number, { x: number; y: number }>();
    let dragged = false;
    let start = { x: 0, y: 0 };
    let pending: { x: number; y: number } | null = null;
    let frame = 0;
    let last = '';
    const place = (event: PointerEvent | WheelEvent) => {
        const { left, top } = canvas.getBoundingClientRect();
        return { x: event.clientX - left, y: event.clientY - top };
    };
    const tell = () => {
        frame = 0;
        const cell = pending ? engine.at(pending.x, pending.y) : null;
        const name = cell ? `${cell.row},${cell.column}` : '';
        if (name === last) return;
        last = name;
        heard.hover(cell);
    };
    const hover = (at: { x: number; y: number } | null) => {
        pending = at;
        if (!frame) frame = requestAnimationFrame(tell);
    };
    const down = (event: PointerEvent) => {
        if (event.button !== 0) return;
        const at = place(event);
        fingers.set(event.pointerId, at);
        if (fingers.size === 1) { dragged = false; start = at; }
        canvas.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent) => {
        const at = place(event);
        const before = fingers.get(event.pointerId);
        if (!before) { hover(at); return; }
        if (fingers.size === 2) {
            const other = [...fingers.entries()].find(([id]) => id !== event.pointerId)![1];
            const apart = (p: { x: number; y: number }) => Math.max(8, Math.hypot(p.x - other.x, p.y - other.y));
            engine.zoom(apart(at) / apart(before), (at.x + other.x) / 2, (at.y + other.y) / 2);
            engine.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
            dragged = true;
        } else if (dragged || Math.hypot(at.x - start.x, at.y - start.y) > 4) {
            if (!engine.whole) engine.pan(at.x - before.x, at.y - before.y);
            dragged = true;
        }
        fingers.set(event.pointerId, at);
        if (dragged) heard.moved();
    };
    const up = (event: PointerEvent) => {
        if (!fingers.delete(event.pointerId) || dragged || event.type === 'pointercancel') return;
        const at = place(event);
        const cell = engine.at(at.x, at.y);
        if (cell) heard.pick(cell);
    };
    const wheel = (event: WheelEvent) => {
        // A matrix that is wholly in sight and readable lets the page scroll; Ctrl, a pinch or the focus on it zooms all the same.
        if (!event.ctrlKey && engine.whole && engine.now.cell >= 8 && document.activeElement !== canvas) return;
        const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
        const before = engine.now.cell;
        const at = place(event);
        engine.zoom(2 ** (-Math.max(-240, Math.min(240, event.deltaY * lines)) / (event.ctrlKey ? 60 : 240)), at.x, at.y);
        if (before !== engine.now.cell || event.ctrlKey || !engine.whole) event.preventDefault();
        heard.moved();
        hover(at);
    };
    const leave = () => hover(null);
    const touch = () => { canvas.style.touchAction = engine.whole ? 'pan-y' : 'none'; };
    canvas.addEventListener('pointerdown', down);
    canvas.addEventListener('pointermove', move);
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
    canvas.addEventListener('pointerleave', leave);
    canvas.addEventListener('pointerenter', touch);
    canvas.addEventListener('wheel', wheel, { passive: false });
    return () => {
        cancelAnimationFrame(frame);
        for (const [name, listener] of [['pointerdown', down], ['pointermove', move], ['pointerup', up], ['pointercancel', up], ['pointerleave', leave], ['pointerenter', touch], ['wheel', wheel]] as const) {
            canvas.removeEventListener(name, listener as EventListener);
        }
    };
}
