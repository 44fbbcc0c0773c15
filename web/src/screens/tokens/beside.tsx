import { useState } from 'preact/hooks';
import { idColour } from '../../parts/colours';
import { count } from '../../parts/number';
import { dark } from '../../theme';
import { main, others, besides, tokensOf, type TokenizerTold } from './data';
import { differing } from './layout';
import { label } from './rows';

const FIRST = 1200;

/** Tokenizers side by side: what one cuts otherwise than the first is ringed. */
export function Beside({ told }: { told: TokenizerTold[] }) {
    void dark.value;
    const [limit, setLimit] = useState(FIRST);
    const all = told.map((t) => ({ told: t, tokens: tokensOf(t) }));
    const light = (event: Event) => {
        const box = event.currentTarget as HTMLElement;
        const cell = event.type === 'pointerleave' || event.type === 'focusout' || !(event.target instanceof Element) ? null : event.target.closest<HTMLElement>('[data-a]');
        const a = cell ? Number(cell.dataset['a']) : NaN;
        const b = cell ? Number(cell.dataset['b']) : NaN;
        for (const other of box.querySelectorAll<HTMLElement>('[data-a]')) other.classList.toggle('lit', Number(other.dataset['a']) < b && Number(other.dataset['b']) > a);
    };
    return (
        <div class="beside" onPointerOver={light} onPointerLeave={light}>
            {all.map(({ told: one, tokens }, n) => {
                const rings = differing(tokens, all[n === 0 ? Math.min(1, all.length - 1) : 0].tokens);
                const ringed = rings.filter(Boolean).length;
                return (
                    <section key={one.name} aria-label={`Tokenizer ${one.name}`}>
                        <h3>
                            <button type="button" class="plain" title="Show this one in the five rows" onClick={() => { swap(one.name); }} disabled={n === 0}>{one.name}</button>
                            {n > 0 && <button type="button" class="plain remove" aria-label={`remove ${one.name}`} onClick={() => { others.value = besides().filter((name) => name !== one.name).join(','); }}>×</button>}
                        </h3>
                        <p class="quiet">{count(one.tokens, 'token')} of {one.vocab.toLocaleString('en-US')} · {ringed === 0 ? 'all cut alike' : `${ringed} cut otherwise than ${n === 0 ? all[1].told.name : all[0].told.name}`}</p>
                        <div class="chips">
                            {tokens.slice(0, limit).map((t, i) => (
                                <span key={t.index} class={'chip' + (rings[i] ? ' ring' : '') + (t.special || t.kind !== 'text' ? ' special' : '')} data-a={t.start} data-b={t.end} style={{ background: idColour(t.id) }} title={`id ${t.id}${rings[i] ? '; the other cuts here otherwise' : ''}`}>{label(t)}</span>
                            ))}
                            {tokens.length > limit && <button type="button" onClick={() => setLimit(limit * 4)}>{(tokens.length - limit).toLocaleString('en-US')} more</button>}
                        </div>
                    </section>
                );
            })}
        </div>
    );
}

function swap(name: string): void {
    const now = besides();
    const before = main.value;
    main.value = name;
    others.value = now.map((other) => (other === name ? before : other)).filter((other) => other !== '').join(',');
}
