import { useState } from 'preact/hooks';
import { runJson } from '../../api';
import { useLoad } from '../../load';
import { diverging, inkOn } from '../../parts/colours';
import { full, Num, short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { visible } from '../../parts/token';
import { sleep } from '../../session';
import { open, select, selection, useRun } from '../../state';
import { first, second, type Predicted, type Sum } from './data';
import { shown } from './shown';
import { quoted } from './words';

export interface Step { name: string; value: number; from: number; to: number; layer?: number; part?: 'attention' | 'mlp' }

/** The waterfall: embedding, attention and MLP of every layer, changes, biases; each begins where the one before ended. */
export function steps(sum: Sum): Step[] {
    const list: Step[] = [];
    let at = 0;
    const add = (name: string, value: number, more: Partial<Step> = {}) => { list.push({ name, value, from: at, to: at + value, ...more }); at += value; };
    const kinds = (...wanted: string[]) => sum.parts.filter((p) => wanted.includes(p.kind));
    for (const p of kinds('token', 'position')) add(p.name, p.value);
    for (const l of sum.layers) {
        add(`layer ${l.layer}, attention`, l.attention, { layer: l.layer, part: 'attention' });
        add(`layer ${l.layer}, MLP`, l.mlp, { layer: l.layer, part: 'mlp' });
        for (const p of kinds('change')) if (p.layer === l.layer) add(p.name, p.value, { layer: l.layer });
    }
    for (const p of kinds('norm_bias', 'output_bias')) add(p.name, p.value);
    return list;
}

export const signed = (value: number, digits = 3): string => (value > 0 ? '+' : '') + short(value, digits);

export const subject = (sum: Sum): string => `logit(${quoted(sum.a.text)})` + (sum.b ? ` − logit(${quoted(sum.b.text)})` : '');

export function SumView() {
    const run = useRun();
    const position = selection.value.query;
    const a = first.value;
    const b = second.value;
    const sum = useLoad(async (signal) => {
        await sleep(100, signal);
        const top = (await runJson<Predicted>('predict', { position, top: 2 }, signal)).top;
        const best = '#' + top[0].id;
        const other = b === 'none' ? null : b || '#' + (top[1] ?? top[0]).id;
        const found = await runJson<Sum>('contributions', { position, a: a || best, b: other }, signal);
        return { sum: found, top };
    }, [run.id, position, a, b]);
    const value = sum.value?.sum ?? null;
    shown.sum = value;
    return (
        <>
            <div class="predict-rules" role="group" aria-label="Which logits">
                <TokenField label="for token" empty="most likely" setting={first} />
                <TokenField label="against" empty="second most likely" setting={second} />
                <button type="button" aria-pressed={b === 'none'} onClick={() => { second.value = b === 'none' ? '' : 'none'; }}>one logit alone</button>
            </div>
            {sum.error && <Failed error={sum.error} />}
            {!value ? !sum.error && <Waiting what="taking the logit apart" /> : <Parts sum={value} />}
        </>
    );
}

function TokenField({ label, empty, setting }: { label: string; empty: string; setting: { value: string } }) {
    const [typed, type] = useState<string | null>(null);
    const kept = setting.value === 'none' ? '' : setting.value;
    return (
        <label>{label} <input type="text" size={14} aria-label={`${label}: text, or # and id`} placeholder={empty} value={typed ?? kept}
            onInput={(event) => { type(event.currentTarget.value); setting.value = event.currentTarget.value; }} onBlur={() => type(null)} /></label>
    );
}

function Parts({ sum }: { sum: Sum }) {
    const run = useRun();
    const at = selection.value;
    const list = steps(sum);
    const low = Math.min(0, ...list.map((s) => s.to));
    const high = Math.max(0, ...list.map((s) => s.to));
    const width = high - low || 1;
    const x = (value: number) => (100 * (value - low)) / width;
    const heads = sum.parts.filter((p) => p.kind === 'head');
    const most = heads.reduce((m, p) => Math.max(m, Math.abs(p.value)), 0);
    const layers = sum.layers.length;
    const count = heads.filter((p) => p.layer === 0).length;
    const value = (layer: number, head: number) => heads.find((p) => p.layer === layer && p.head === head)?.value ?? NaN;
    return (
        <>
            <Sentence>{sentenceOf(sum, run.tokens[sum.query]?.text ?? '')}</Sentence>
            <div class="predict-columns even">
                <div>
                    <h2>{subject(sum)}, part by part</h2>
                    <ol class="fall" aria-label="Contributions in the order of the computation">
                        {list.map((s) => (
                            <li key={s.name}>
                                <button type="button" class={'plain' + (s.layer === at.layer ? ' here' : '')} aria-label={`${s.name}: ${signed(s.value, 4)}, together ${short(s.to, 4)}`} onClick={() => s.layer !== undefined && select({ layer: s.layer })}>
                                    <span class="bar-label">{s.name}</span>
                                    <span class="fall-track" aria-hidden="true">
                                        <span class="zero" style={{ left: x(0) + '%' }} />
                                        <span class={'fall-bar' + (s.value < 0 ? ' below' : '')} style={{ left: x(Math.min(s.from, s.to)) + '%', width: `max(1px, ${(100 * Math.abs(s.value)) / width}%)` }} />
                                    </span>
                                    <span class="num" title={full(s.value)}>{signed(s.value, 4)}</span>
                                </button>
                            </li>
                        ))}
                        <li class="total">
                            <span class="bar-label">sum</span>
                            <span class="fall-track" aria-hidden="true"><span class="zero" style={{ left: x(0) + '%' }} /><span class="fall-bar all" style={{ left: x(Math.min(0, sum.sum)) + '%', width: `max(1px, ${(100 * Math.abs(sum.sum)) / width}%)` }} /></span>
                            <span class="num" title={full(sum.sum)}>{signed(sum.sum, 4)}</span>
                        </li>
                    </ol>
                    <p class="predict-check">The parts add up to <b title={full(sum.sum)}>{short(sum.sum, 7)}</b>, the model says <b title={full(sum.logit)}>{short(sum.logit, 7)}</b>: difference <Num value={sum.difference} digits={2} /> (rounding in float32).</p>
                </div>
                <div>
                    <h2>Each head</h2>
                    <div class="lens-scroll">
                        <table class="heads" aria-label="Contribution of each head">
                            <thead><tr><th scope="col">layer</th>{Array.from({ length: count }, (_, h) => <th key={h} scope="col" class="num">h{h}</th>)}</tr></thead>
                            <tbody>
                                {Array.from({ length: layers }, (_, i) => layers - 1 - i).map((layer) => (
                                    <tr key={layer}>
                                        <th scope="row" class="num">{layer}</th>
                                        {Array.from({ length: count }, (_, head) => {
                                            const v = value(layer, head);
                                            const fill = diverging(most > 0 ? v / most : 0);
                                            return (
                                                <td key={head} class={layer === at.layer && head === at.head ? 'here' : ''}>
                                                    <button type="button" class="plain" style={{ background: fill, color: inkOn(fill) }} title={`layer ${layer}, head ${head}: ${full(v)}`} aria-label={`layer ${layer}, head ${head}: ${signed(v, 2)}`} onClick={() => select({ layer, head })}>{signed(v, 2)}</button>
                                                </td>
                                            );
                                        })}
                                    </tr>
                                ))}
                            </tbody>
                        </table>
                    </div>
                    <p class="quiet">Blue speaks for {quoted(sum.a.text)}{sum.b && <>, orange for {quoted(sum.b.text)}</>}.</p>
                    <p class="predict-buttons"><button type="button" onClick={() => open('head')}>Where layer {at.layer}, head {at.head} looks</button><button type="button" onClick={() => open('try')}>Switch it off</button></p>
                    <p class="quiet note">The last norm divides by what it divided by in this run ({short(sum.divisor, 4)}), so that the sum is exact. What a part does through later layers is not in its bar: <em>Try it</em> shows that.</p>
                </div>
            </div>
            <Numbers caption="Contributions" columns={['kind', 'layer', 'head', 'name', 'value']} rows={sumRows(sum)} />
        </>
    );
}

export function sentenceOf(sum: Sum, token: string): string {
    const up = sum.parts.reduce((m, p) => (p.value > m.value ? p : m));
    const down = sum.parts.reduce((m, p) => (p.value < m.value ? p : m));
    let text = `${subject(sum)} = ${short(sum.logit, 4)} after ${quoted(token)} (${sum.query})`;
    if (up.value > 0) text += `; most for it says ${up.name} (${signed(up.value)})`;
    if (down.value < 0) text += `; most against it ${down.name} (${signed(down.value)})`;
    return text + '.';
}

export const sumRows = (sum: Sum) => sum.parts.map((p) => [p.kind, p.layer ?? null, p.head ?? null, p.name, p.value]);

export const nameOf = (text: string) => visible(text);
