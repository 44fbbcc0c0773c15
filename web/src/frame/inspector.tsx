import { NotExplanation, Sentence } from '../parts/said';
import { named } from '../parts/token';
import { run, selection, view } from '../state';
import { ExportMenu } from './export-menu';
import { Guard } from './guard';
import { opened } from './opened';

/** Docked beside the view (below it on narrow pages): the selection in words, the screen's numbers, the export menu. */
export function Inspector() {
    const screen = opened.value;
    const shown = run.value;
    const here = screen !== null && screen.id === view.value.screen ? screen : null;
    const at = selection.value;
    return (
        <aside class="inspector" aria-label="Inspector">
            {shown && here && shown.parity.holds && (here.Inspector
                ? <Guard key={here.id} view={here.Inspector} />
                : <Sentence>Layer {at.layer}, head {at.head}; query {named(shown.tokens[at.query])}{at.key !== null && <>, key {named(shown.tokens[at.key])}</>}.</Sentence>)}
            {shown && (view.value.screen === 'head' || view.value.screen === 'map') && <NotExplanation />}
            {shown && here && shown.parity.holds && <ExportMenu screen={here} />}
        </aside>
    );
}
