import { escapeXml } from '../../parts/svg';
import type { Leaves } from '../../screen';
import { run } from '../../state';
import { literal, shell } from '../try/changes';
import { gridSvg } from '../try/grid';
import { current, gridOf } from './view';

/** Distances of all heads, and all that was compared. */
export function leaves(): Leaves | null {
    const here = current.value;
    if (!here || here.pair[here.pair.mine].id !== run.value?.id) return null;
    const { pair, kind, said } = here;
    const { specA, specB, compared } = pair;
    const changes = specB.changes.map((c) => ' --change ' + shell(c)).join('');
    const second = kind === 'text' ? ' ' + shell(specB.text) : '';
    return {
        name: 'compare', sentence: said, json: compared,
        table: { columns: ['layer', 'head', 'distance', 'largest', 'entropy_a', 'entropy_b'], rows: compared.heads.map((h) => [h.layer, h.head, h.distance, h.largest, h.entropy_a, h.entropy_b]) },
        svg: () => gridSvg(gridOf(pair), escapeXml),
        cli: `./clearhead compare --model ${shell(specA.model)} ${shell(specA.text)}${second}${kind === 'model' ? ` --model-b ${shell(specB.model)}` : ''}${changes}${changes && specB.other ? ` --from ${shell(specB.other)}` : ''}`,
        java: `var changes = Interventions.parse(List.of(${specB.changes.map(literal).join(', ')}), model.transformer(), ids.length, ${specB.other ? 'other.length' : 0});\n`
            + 'Comparison.of(Comparison.Side.of(runA, ops, runA.tokens() - 1), Comparison.Side.of(runB, ops, runB.tokens() - 1), Alignment.ofIds(runA.ids(), runB.ids()), 256, 20);',
    };
}
