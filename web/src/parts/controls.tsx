import { useId } from 'preact/hooks';
import type { ComponentChildren } from 'preact';

/** A few choices side by side; arrow keys move between them. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void }) {
    const name = useId();
    return (
        <fieldset class="choice">
            <legend>{label}</legend>
            {options.map(([option, text]) => (
                <label key={option} class={option === value ? 'on' : undefined}>
                    <input type="radio" name={name} value={option} checked={option === value} onChange={() => onChange(option)} />
                    <span>{text}</span>
                </label>
            ))}
        </fieldset>
    );
}

/** `L [<] 5 [>]`: a number with its two buttons; what is past the ends cannot be pressed. */
export function Stepper({ label, short, value, most, onChange }: { label: string; short: string; value: number; most: number; onChange: (value: number) => void }) {
    return (
        <div class="stepper" role="group" aria-label={label}>
            <span class="stepper-name" aria-hidden="true">{short}</span>
            <button type="button" aria-label={`previous ${label}`} disabled={value <= 0} onClick={() => onChange(value - 1)}>‹</button>
            <input type="text" inputMode="numeric" aria-label={label} value={value} size={String(most).length}
                onChange={(event) => {
                    const wanted = Number(event.currentTarget.value);
                    if (Number.isInteger(wanted) && wanted >= 0 && wanted <= most) onChange(wanted);
                    else event.currentTarget.value = String(value);
                }} />
            <button type="button" aria-label={`next ${label}`} disabled={value >= most} onClick={() => onChange(value + 1)}>›</button>
        </div>
    );
}

/** A slider with its value in words. */
export function Slider({ label, value, least, most, step, text, onChange }: { label: string; value: number; least: number; most: number; step: number; text: ComponentChildren; onChange: (value: number) => void }) {
    const id = useId();
    return (
        <div class="slider">
            <label for={id}>{label}</label>
            <input id={id} type="range" min={least} max={most} step={step} value={value} onInput={(event) => onChange(Number(event.currentTarget.value))} />
            <output for={id} class="num">{text}</output>
        </div>
    );
}
