import './predict.css';
import { Choice } from '../parts/controls';
import type { Screen } from '../screen';
import { part, type Part } from './predict/data';
import { Inspector } from './predict/inspector';
import { LensView } from './predict/lens';
import { leaves } from './predict/leave';
import { NextView } from './predict/next';
import { SumView } from './predict/sum';

const parts = [['next', 'Next token'], ['lens', 'Layer by layer'], ['sum', 'Who says so']] as const;

function View() {
    const shown = part.value as Part;
    return (
        <section class="predict" aria-label="Predict">
            <Choice label="show" value={shown} options={parts} onChange={(to) => { part.value = to; }} />
            {shown === 'lens' ? <LensView /> : shown === 'sum' ? <SumView /> : <NextView />}
        </section>
    );
}

export const screen: Screen = { id: 'predict', View, Inspector, leaves };
