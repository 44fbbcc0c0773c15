import { Choice } from '../../parts/controls';
import { open, run, select, selection, show, view } from '../../state';
import { heads, which, type Which } from './choice';
import { locked, pool } from './look';

const kinds = [['weights', 'weights'], ['scores', 'scores'], ['value', 'value-weighted']] as const;
const unitNames = [['token', 'token'], ['word', 'word'], ['sentence', 'sentence']] as const;
const pools = [['max', 'max'], ['mean', 'mean']] as const;

export function Controls({ pooled }: { pooled: boolean }) {
    const { kind, unit, of } = view.value;
    const { layer, head } = selection.value;
    const model = run.value!.model;
    const now = which(of);
    const set = (next: Which) => {
        show({ of: next === 'one' ? '' : next === 'all' ? '*.*' : next === 'layer' ? `${layer}.*` : next === 'rollout' ? `rollout:${layer}` : `${layer}.${head}`, ...(next === 'rollout' ? { kind: 'weights' as const } : {}) });
    };
    const add = () => {
        const all = of.split(',');
        if (!all.includes(`${layer}.${head}`)) show({ of: [...all, `${layer}.${head}`].join(',') });
    };
    return (
        <div class="head-controls">
            <Choice label="show" value={kind} options={now === 'rollout' ? [kinds[0]] : kinds} onChange={(k) => show({ kind: k })} />
            <label class="head-of">of <select aria-label="of which heads" value={now} onChange={(event) => set(event.currentTarget.value as Which)}>
                <option value="one">this head ({layer}.{head})</option>
                <option value="chosen">chosen heads, mean</option>
                <option value="layer">mean over layer {now === 'layer' ? of.slice(0, -2) : layer}</option>
                <option value="all">mean over all heads</option>
                <option value="rollout">rollout through layer {now === 'rollout' ? of.slice(8) : layer}</option>
            </select></label>
            {now === 'chosen' && (
                <span class="head-chosen">
                    <input type="text" aria-label="chosen heads, as layer.head" size={Math.max(8, Math.min(30, of.length + 2))} value={of}
                        onChange={(event) => {
                            const list = heads(event.currentTarget.value, model.layers, model.heads);
                            if (list) show({ of: list });
                            else event.currentTarget.value = of;
                        }} />
                    <button type="button" onClick={add} disabled={of.split(',').includes(`${layer}.${head}`)}>+ {layer}.{head}</button>
                </span>
            )}
            <Choice label="by" value={unit} options={unitNames} onChange={(u) => show({ unit: u })} />
            {pooled && <Choice label="zoomed out" value={pool.value === 'mean' ? 'mean' : 'max'} options={pools} onChange={(p) => { pool.value = p; }} />}
            {locked.value && <button type="button" class="head-lock" aria-pressed="true" title="The pointer no longer changes the row. Esc unlocks." onClick={() => { locked.value = false; }}>locked · Esc</button>}
        </div>
    );
}

/** Opens the computation of the chosen pair. */
export function HowComputed({ number, query, key_ }: { number: string; query: number; key_: number }) {
    return <button type="button" class="main" onClick={() => { select({ query, key: key_ }); open('step', { query, key: key_ }); }}>How was {number} computed?</button>;
}
