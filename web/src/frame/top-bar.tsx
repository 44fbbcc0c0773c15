import { models, run, spec } from '../state';
import { runSpec } from '../session';
import { bytes, count, seconds, short } from '../parts/number';
import { theme, type Theme } from '../theme';
import { helpOpen } from './keys';
import { ParityBadge } from './parity-badge';
import { Progress } from './standing';

export function TopBar() {
    const known = models.value;
    const shown = run.value;
    const wanted = spec.value.model;
    const model = shown?.model;
    const strange = wanted !== '' && known !== null && !known.models.some((m) => m.name === wanted);
    return (
        <header class="top">
            <h1><img src="./icon.svg" alt="" width="20" height="20" /><span>Clearhead</span></h1>
            <label class="model">
                <span class="visually-hidden">Model</span>
                <select value={wanted} disabled={!known} onChange={(event) => void runSpec({ model: event.currentTarget.value })}>
                    {strange && <option value={wanted}>{wanted} (not here)</option>}
                    {known?.models.map((m) => <option key={m.name} value={m.name}>{m.name}</option>)}
                </select>
            </label>
            {model && (
                <span class="facts model-facts" title={`${model.family}, ${model.dim} wide, ${model.kv_heads} key heads, vocabulary ${model.vocab.toLocaleString('en-US')}, context ${model.context.toLocaleString('en-US')}, backend ${model.backend}`}>
                    {count(model.layers, 'layer')} × {count(model.heads, 'head')} · {size(model.parameters)} · {model.arithmetic}
                </span>
            )}
            <span class="grow" />
            <Progress />
            {shown && (
                <span class="facts" title={`run ${shown.id}; ${bytes(shown.bytes)} kept by the server`}>
                    <span class="run-id">run {shown.id.slice(0, 6)} · </span>{count(shown.tokens.length, 'token')} · {seconds(shown.seconds)}
                </span>
            )}
            {shown && <ParityBadge parity={shown.parity} />}
            <label class="theme">
                <span class="visually-hidden">Colours</span>
                <select value={theme.value} onChange={(event) => { theme.value = event.currentTarget.value as Theme; }}>
                    <option value="system">system</option>
                    <option value="light">light</option>
                    <option value="dark">dark</option>
                </select>
            </label>
            <button type="button" class="help-button" aria-label="Help and shortcuts" onClick={() => { helpOpen.value = true; }}>?</button>
        </header>
    );
}

const size = (parameters: number): string =>
    parameters >= 1e9 ? short(parameters / 1e9, 3) + ' B' : parameters >= 1e6 ? short(parameters / 1e6, 3) + ' M' : short(parameters / 1e3, 3) + ' k';
