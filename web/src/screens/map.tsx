import type { Leaves, Screen } from '../screen';
import { useRun } from '../state';

function View() {
    const run = useRun();
    return <section aria-label="Map"><p class="quiet">{run.tokens.length} tokens. This screen is not written yet.</p></section>;
}

function leaves(): Leaves | null {
    return null;
}

export const screen: Screen = { id: 'map', View, leaves };
