import { useState } from 'preact/hooks';
import { runJson } from '../../api';
import { asApiError } from '../../errors';
import { Choice, Slider, Stepper } from '../../parts/controls';
import { visible } from '../../parts/token';
import { select, selection, useRun } from '../../state';
import { SITES, textOf, type Change } from './changes';
import { add } from './list';

const kinds = [['head', 'Head'], ['cut', 'Edge'], ['block', 'Block token'], ['swap', 'Swap token'], ['patch', 'Patch']] as const;
export type Kind = (typeof kinds)[number][0];

/** What to change next; layer, head, query and key are those of the selection. */
export function Add({ kind, onKind }: { kind: Kind; onKind: (kind: Kind) => void }) {
    return (
        <section class="add" aria-label="Add a change">
            <Choice label="Change" value={kind} options={kinds} onChange={onKind} />
            {kind === 'head' && <HeadForm />}
            {kind === 'cut' && <CutForm />}
            {kind === 'block' && <BlockForm />}
            {kind === 'swap' && <SwapForm />}
        </section>
    );
}

function HeadForm() {
    const run = useRun();
    const { layer, head } = selection.value;
    const [factor, setFactor] = useState(0.5);
    const put = (f: number | 'mean') => add(textOf({ kind: 'head', layer, head, factor: f }));
    return (
        <div class="form">
            <Stepper label="layer" short="Layer" value={layer} most={run.model.layers - 1} onChange={(value) => select({ layer: value })} />
            <Stepper label="head" short="head" value={head} most={run.model.heads - 1} onChange={(value) => select({ head: value })} />
            <button type="button" class="main" onClick={() => put(0)}>Switch off</button>
            <button type="button" title="At every token it says its mean over the unchanged run" onClick={() => put('mean')}>Mean</button>
            <Slider label="times" value={factor} least={-2} most={2} step={0.1} text={String(factor)} onChange={(v) => setFactor(Math.round(v * 10) / 10)} />
            <button type="button" onClick={() => put(factor)}>Scale</button>
        </div>
    );
}

/** A token of the run, chosen by its text. */
export function TokenSelect({ label, value, onChange, upTo = Infinity }: { label: string; value: number; onChange: (position: number) => void; upTo?: number }) {
    const run = useRun();
    return (
        <label class="field">{label} <select value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
            {run.tokens.filter((t) => t.position <= upTo).map((t) => <option key={t.position} value={t.position}>{t.position} {visible(t.text)}</option>)}
        </select></label>
    );
}

const scopes = [['head', 'this head'], ['layer', 'this layer'], ['all', 'everywhere']] as const;

function CutForm() {
    const run = useRun();
    const { layer, head, query, key } = selection.value;
    const [scope, setScope] = useState<(typeof scopes)[number][0]>('head');
    const [keep, setKeep] = useState(false);
    const masked = key !== null && key > query;
    const cut = (): void => {
        if (key === null || masked) return;
        const c: Change = { kind: 'cut', layer: scope === 'all' ? null : layer, head: scope === 'head' ? head : null, query, key, keep };
        add(textOf(c));
    };
    return (
        <div class="form">
            <TokenSelect label="Query" value={query} onChange={(q) => select({ query: q })} />
            <span>no longer sees</span>
            <label class="field">key <select value={key ?? -1} onChange={(event) => select({ key: Number(event.currentTarget.value) < 0 ? null : Number(event.currentTarget.value) })}>
                <option value={-1}>choose a key</option>
                {run.tokens.slice(0, query + 1).map((t) => <option key={t.position} value={t.position}>{t.position} {visible(t.text)}</option>)}
            </select></label>
            <Choice label="in" value={scope} options={scopes.map(([id, text]) => [id, id === 'head' ? `${text} (${layer}.${head})` : id === 'layer' ? `${text} (${layer})` : text] as const)} onChange={setScope} />
            <label class="check"><input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} /> other weights stay (the row then sums to less than 1)</label>
            <button type="button" class="main" disabled={key === null || masked} onClick={cut}>Cut</button>
            {key === null && <p class="quiet">Choose a key here, or Shift-click it in the text above.</p>}
            {masked && <p class="quiet">The key comes after the query, so it is not seen anyway.</p>}
        </div>
    );
}

function BlockForm() {
    const { query, key } = selection.value;
    const [chosen, choose] = useState<number | null>(null);
    const position = chosen ?? key ?? query;
    return (
        <div class="form">
            <TokenSelect label="No later token sees" value={position} onChange={choose} />
            <button type="button" class="main" onClick={() => add(textOf({ kind: 'block', position }))}>Block</button>
            <p class="quiet">In every layer and head; the weights of the later rows grow to a sum of 1 again.</p>
        </div>
    );
}

interface Found { id: number; text: string }

function SwapForm() {
    const run = useRun();
    const { query, key } = selection.value;
    const [chosen, choose] = useState<number | null>(null);
    const [text, setText] = useState('');
    const [found, setFound] = useState<Found[]>([]);
    const [trouble, setTrouble] = useState('');
    const position = chosen ?? key ?? query;
    const search = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTrouble('');
        setFound([]);
        try {
            const answer = await runJson<{ find?: Found[] }>('predict', { position, find: text, top: 1 });
            const all = answer.find ?? [];
            // The token that stands there with a space in front is replaced by one with a space in front.
            const spaced = run.tokens[position].text.startsWith(' ');
            const best = all.find((t) => t.text.startsWith(' ') === spaced);
            if (all.length === 1 || best) add(textOf({ kind: 'swap', position, id: (best ?? all[0]).id }));
            setFound(all.length > 1 ? all : []);
        } catch (error) {
            const told = asApiError(error);
            setTrouble(`${told.message} ${told.remedy}`.trim());
        }
    };
    return (
        <form class="form" onSubmit={(event) => void search(event)}>
            <TokenSelect label="In place of" value={position} onChange={choose} />
            <label class="field">read <input type="text" value={text} size={12} placeholder="a word, or #id" aria-describedby="swap-trouble" onInput={(event) => setText(event.currentTarget.value)} /></label>
            <button type="submit" class="main" disabled={text === ''}>Swap</button>
            {found.length > 1 && <span class="quiet">or {found.map((t) => <button key={t.id} type="button" onClick={() => add(textOf({ kind: 'swap', position, id: t.id }))}>{visible(t.text)}</button>)}</span>}
            <p id="swap-trouble" class={trouble ? 'failed' : 'quiet'} role={trouble ? 'alert' : undefined}>{trouble || 'One token by its text, or # and its id.'}</p>
        </form>
    );
}

export { SITES };
