import { Choice, Slider, Stepper } from '../parts/controls';
import { visible } from '../parts/token';
import { run, select, selection, show, view } from '../state';
import { opened } from './opened';

const scales = [['linear', 'linear'], ['log', 'log'], ['rowmax', 'row-max']] as const;
const sinks = [['show', 'show'], ['hide', 'hide'], ['renormalise', 'renorm']] as const;

export function Footer() {
    const shown = run.value;
    if (!shown) return <footer class="foot" aria-label="Selection and scale" />;
    const { layer, head, query, key } = selection.value;
    const { scale, sink, mass } = view.value;
    const uses = opened.value?.id === view.value.screen ? opened.value.uses ?? [] : [];
    const token = (position: number) => <><b>{visible(shown.tokens[position]?.text ?? '')}</b> ({position})</>;
    return (
        <footer class="foot" aria-label="Selection and scale">
            <Stepper label="layer" short="L" value={layer} most={shown.model.layers - 1} onChange={(n) => select({ layer: n })} />
            <Stepper label="head" short="H" value={head} most={shown.model.heads - 1} onChange={(n) => select({ head: n })} />
            <span class="chosen">query {token(query)}</span>
            <span class="chosen">{key === null ? 'no key chosen' : <>key {token(key)} <button type="button" class="plain" aria-label="let go of the key" title="Esc" onClick={() => select({ key: null })}>×</button></>}</span>
            <span class="grow" />
            {uses.includes('scale') && <Choice label="scale" value={scale} options={scales} onChange={(s) => show({ scale: s })} />}
            {uses.includes('sink') && <Choice label="sink" value={sink} options={sinks} onChange={(s) => show({ sink: s })} />}
            {uses.includes('mass') && <Slider label="mass" value={Math.round(mass * 100)} least={5} most={100} step={1} text={mass >= 1 ? 'all' : `${Math.round(mass * 100)} %`} onChange={(n) => show({ mass: n / 100 })} />}
            {sink !== 'show' && uses.includes('sink') && (
                <p class="sink-note" role="status">{sink === 'hide'
                    ? 'The first token is not drawn; the other weights are the model’s own.'
                    : 'The first token is taken out and the others divided by what is left: these are not the model’s own weights.'}</p>
            )}
        </footer>
    );
}
