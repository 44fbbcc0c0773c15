import { rgb } from 'd3-color';
import { interpolateLab, piecewise } from 'd3-interpolate';
import { dark } from '../theme';

/** One hue whose lightness only falls (rises, on dark): read the same by every kind of colour vision, and in grey. */
const sequentialLight = ['#ffffff', '#d6e6f4', '#8fc1de', '#3a87c0', '#10559c', '#072a57'];
const sequentialDark = ['#14181d', '#173350', '#1f5c92', '#4c97cf', '#a3cff0', '#f4faff'];
/** Orange below zero, blue above: apart for red-green and blue-yellow blindness; zero is the paper. */
const divergingLight = ['#7a3a03', '#c9701d', '#f3bd86', '#ffffff', '#9cc9ea', '#3581bf', '#0b3d73'];
const divergingDark = ['#ffd9ae', '#e08f3f', '#7d4a17', '#14181d', '#1d4f7d', '#4a9ade', '#c6e4ff'];

const STEPS = 256;

function table(stops: string[]): string[] {
    const between = piecewise(interpolateLab, stops);
    return Array.from({ length: STEPS }, (_, i) => rgb(between(i / (STEPS - 1))).formatHex());
}

const tables = { sl: table(sequentialLight), sd: table(sequentialDark), dl: table(divergingLight), dd: table(divergingDark) };

// An even number of steps has no middle: both beside it are the paper.
for (const [colours, paper] of [[tables.dl, divergingLight[3]], [tables.dd, divergingDark[3]]] as const) colours[STEPS / 2 - 1] = colours[STEPS / 2] = paper;

const at = (t: number) => Math.max(0, Math.min(STEPS - 1, Math.round(t * (STEPS - 1))));

/** The colour of a share t in [0, 1]; the paper's own colour for 0. `onDark` only for pictures that leave the page. */
export function sequential(t: number, onDark = dark.value): string {
    return (onDark ? tables.sd : tables.sl)[at(Number.isNaN(t) ? 0 : t)];
}

/** The colour of t in [-1, 1]; 0 is the paper's own colour. */
export function diverging(t: number, onDark = dark.value): string {
    return (onDark ? tables.dd : tables.dl)[at(Number.isNaN(t) ? 0.5 : (t + 1) / 2)];
}

/** A text colour that can be read on a background of `sequential(t)` or `diverging(t)`. */
export function inkOn(background: string): string {
    const { r, g, b } = rgb(background);
    const linear = (c: number) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) > 0.179 ? '#000000' : '#ffffff';
}

/** 256 × [r, g, b], for pictures made pixel by pixel. Index = round(t · 255). */
export function ramp(kind: 'sequential' | 'diverging', onDark = dark.value): Uint8ClampedArray {
    const colours = kind === 'sequential' ? (onDark ? tables.sd : tables.sl) : onDark ? tables.dd : tables.dl;
    const bytes = new Uint8ClampedArray(STEPS * 3);
    colours.forEach((colour, i) => {
        const { r, g, b } = rgb(colour);
        bytes.set([r, g, b], i * 3);
    });
    return bytes;
}

/** Hues for things without order (tokenizers, series): Okabe and Ito's, darkened or lightened until they can be read as text. */
export const series = (i: number, onDark = dark.value): string =>
    (onDark
        ? ['#6db9f2', '#f2b04c', '#5fd3a8', '#e58bbf', '#e8e06a', '#f28a5c', '#b9c2cc']
        : ['#0067a8', '#9a5b00', '#007a58', '#a3427f', '#6b6400', '#b84a00', '#4c5660'])[i % 7];

/** A quiet background from a token id: the same token has the same colour everywhere. */
export function idColour(id: number, onDark = dark.value): string {
    const hue = ((Math.imul(id ^ (id >>> 7), 2654435761) >>> 0) % 360);
    return onDark ? `hsl(${hue}, 32%, 24%)` : `hsl(${hue}, 58%, 89%)`;
}
