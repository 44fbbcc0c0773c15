import { runJson } from '../../api';
import { useLoad } from '../../load';
import { useRun } from '../../state';
import { add } from './list';
import { grouped, type Labelled } from './labels';

/** Switches off the heads that the Map's labels found, by label; nothing where they found none. */
export function Presets() {
    const run = useRun();
    const heads = useLoad((signal) => runJson<{ heads: Labelled[] }>('heads', {}, signal).catch(() => ({ heads: [] })), [run.model.name]);
    const groups = grouped(heads.value?.heads ?? []);
    if (!groups.length) return null;
    return (
        <div class="presets" role="group" aria-label="Presets">
            <span class="quiet">Heads that the Map has labelled on this text:</span>
            {groups.map(({ label, heads: of }) => (
                <button key={label} type="button" title={of.map((h) => `${h.layer}.${h.head}`).join(', ')} onClick={() => add(...of.map((h) => `head:${h.layer}.${h.head}=0`))}>
                    switch off {of.length === 1 ? `the ${label} head` : `the ${of.length} ${label} heads`}
                </button>
            ))}
        </div>
    );
}
