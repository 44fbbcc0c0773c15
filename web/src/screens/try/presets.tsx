import { runJson } from '../../api';
import { useLoad } from '../../load';
import { spec, useRun } from '../../state';
import { add } from './list';
import { grouped, type Heads } from './labels';

/** Switches off the heads that the Map's labels found, by label; nothing where they found none. */
export function Presets() {
    const run = useRun();
    const heads = useLoad((signal) => runJson<Heads>('heads', {}, signal).catch((): Heads => ({})), [run.model.name, spec.value.text]);
    const groups = grouped(heads.value ?? {});
    if (!groups.length) return null;
    return (
        <div class="presets" role="group" aria-label="Presets">
            <span class="quiet">Heads that the Map has labelled:</span>
            {groups.map(({ label, heads: of }) => (
                <button key={label} type="button" title={of.map((h) => `${h.layer}.${h.head}`).join(', ')} onClick={() => add(...of.map((h) => `head:${h.layer}.${h.head}=0`))}>
                    switch off {of.length === 1 ? `the ${label} head` : `the ${of.length} ${label} heads`}
                </button>
            ))}
        </div>
    );
}
