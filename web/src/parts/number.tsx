/** Few digits for the eye: 0.412, 3.1e-7, 12.4, 1,024. NaN and infinities by name. */
export function short(value: number, digits = 3): string {
    if (Number.isNaN(value)) return 'NaN';
    if (!Number.isFinite(value)) return value > 0 ? '+∞' : '−∞';
    if (value === 0) return '0';
    const size = Math.abs(value);
    let text: string;
    if (Number.isInteger(value) && size < 1e15) text = size.toLocaleString('en-US');
    else if (size >= 1e6 || size < 1e-4) text = size.toExponential(Math.max(0, digits - 2));
    else if (size < 1) text = size.toFixed(digits);
    else text = size.toPrecision(Math.max(digits, Math.floor(Math.log10(size)) + 1));
    if (size < 1 && size >= 1e-4 && Number(text) === 0) text = size.toExponential(Math.max(0, digits - 2));
    return (value < 0 ? '−' : '') + text;
}

/** All digits, as a double reads back. */
export const full = (value: number): string => (value < 0 ? '−' + String(-value) : String(value));

export const percent = (share: number): string => short(100 * share, share >= 0.0995 ? 3 : 2) + ' %';

/** A number: short to read, whole in its title. Null: not computed; an empty slot, never an invented value. */
export function Num({ value, digits = 3, unit = '' }: { value: number | null | undefined; digits?: number; unit?: string }) {
    if (value === null || value === undefined) return <span class="num missing" title="not computed"> </span>;
    return <span class="num" title={full(value) + unit}>{short(value, digits)}{unit}</span>;
}

export const seconds = (s: number): string => (s < 0.9995 ? `${Math.max(1, Math.round(s * 1000))} ms` : s < 100 ? `${s.toFixed(2)} s` : `${Math.round(s)} s`);

export function bytes(n: number): string {
    for (const [size, unit] of [[1 << 30, 'GB'], [1 << 20, 'MB'], [1 << 10, 'kB']] as const) if (n >= size) return (n / size).toPrecision(3) + ' ' + unit;
    return n + ' B';
}

export const count = (n: number, what: string): string => `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;
