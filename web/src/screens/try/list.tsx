import { useState } from 'preact/hooks';
import { Slider } from '../../parts/controls';
import { runSpec } from '../../session';
import { spec } from '../../state';
import type { Token } from '../../types';
import { read, textOf, withChange, words } from './changes';

/** Runs with other changes; the text of patches goes when the last patch does. */
export function apply(changes: string[]): void {
    const patched = changes.some((c) => c.startsWith('patch:'));
    void runSpec({ changes, ...(patched ? {} : { other: '' }) });
}

export const add = (...texts: string[]): void => apply(texts.reduce((all, text) => withChange(all, text), [...spec.value.changes]));

/** The changes in words, each with its controls. */
export function ChangeList({ tokens, name, other }: { tokens: Token[]; name: (id: number) => string; other: Token[] }) {
    const { changes } = spec.value;
    return (
        <>
            <ol class="change-list" aria-label="Changes">
                {changes.map((text) => <Item key={text.replace(/=[^=]*$/, '')} text={text} tokens={tokens} name={name} other={other} />)}
            </ol>
            {changes.length > 1 && <button type="button" onClick={() => apply([])}>Remove all {changes.length}</button>}
        </>
    );
}

const rounded = (v: number): number => Math.round(v * 10) / 10;

function Item({ text, tokens, name, other }: { text: string; tokens: Token[]; name: (id: number) => string; other: Token[] }) {
    const change = read(text);
    const [factor, setFactor] = useState<number | null>(null);
    const rest = () => spec.value.changes.filter((c) => c !== text);
    const commit = (value: number) => { setFactor(null); if (change?.kind === 'head') add(textOf({ ...change, factor: value })); };
    return (
        <li>
            <span class="change-words">{change ? words(change, tokens, name, other) : 'Not understood'}</span>
            <code title="the notation of --change">{text}</code>
            {change?.kind === 'head' && (
                <span class="change-edit" onChange={(event) => { const { target } = event; if (target instanceof HTMLInputElement) commit(rounded(Number(target.value))); }}>
                    {change.factor !== 'mean' && <Slider label="times" value={factor ?? Math.max(-2, Math.min(2, change.factor))} least={-2} most={2} step={0.1} text={String(factor ?? change.factor)} onChange={(v) => setFactor(rounded(v))} />}
                    <button type="button" aria-pressed={change.factor === 'mean'} onClick={() => add(textOf({ ...change, factor: change.factor === 'mean' ? 0 : 'mean' }))}>mean</button>
                </span>
            )}
            {change?.kind === 'cut' && <button type="button" aria-pressed={change.keep} title="Whether the other weights of the row stay as they are" onClick={() => apply([...rest(), textOf({ ...change, keep: !change.keep })])}>keep others</button>}
            <button type="button" class="remove" aria-label={`Remove ${text}`} onClick={() => apply(rest())}>Remove</button>
        </li>
    );
}
