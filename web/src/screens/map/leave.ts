import { diverging, inkOn, sequential } from '../../parts/colours';
import { full } from '../../parts/number';
import { escapeXml, svgOf } from '../../parts/svg';
import type { Leaves } from '../../screen';
import { run, spec } from '../../state';
import { literal } from '../head/calls';
import { brief, farthest, sentence, table, valueOf, type Metric, type Scan } from './heads';
import { layout, metricOf, scanOf, told, top } from './shown';
import { scatter } from './view';

/** The table of heads, the grid as a picture, and the calls that give the same. */
export function leaves(): Leaves | null {
    const now = run.value;
    const heads = told.value;
    if (!now || !heads) return null;
    const scan = scanOf(heads);
    const metric = metricOf(heads);
    const random = scan === heads.random;
    const said = sentence(heads, scan, metric);
    const limit = top.value > 0 && top.value < scan.heads.length ? top.value : Infinity;
    const options = ['--metric', metric.name, ...(limit < Infinity ? ['--top', String(limit)] : []), ...(random ? ['--random'] : []), ...(metric.name === 'direct_effect' && !random ? ['--query', String(heads.position)] : [])];
    return {
        name: `heads-${metric.name}${random ? '-random' : ''}`, sentence: said, table: table(heads, scan, metric.name, limit),
        json: { command: 'heads', model: now.model, run: now.id, changes: now.changes, ...heads },
        svg: () => (layout.value === 'scatter' && scatter.current ? svgOf(scatter.current, said) : gridSvg(scan, metric, said)),
        cli: now.cli.replace(/ attend( |$)/, ` heads ${options.join(' ')}$1`),
        java: java(now.changes, heads.position, random),
    };
}

function java(changes: string[], position: number, random: boolean): string {
    if (random) return 'HeadScan scan = Repeated.of(model, ops).orElseThrow().scan();   // clearhead.view; by hand: RepeatedTokens, HeadMap.Random';
    const lines = ['int[] ids = model.tokenizer().encode(' + literal(spec.value.text) + ', Special.ADD);'];
    if (changes.length) lines.push(`var changes = Interventions.parse(List.of(${changes.map(literal).join(', ')}), model.transformer(), ids.length, 0);`);
    lines.push(changes.length
        ? 'try (Run run = Run.of(model.transformer(), ops, changes.ids(ids), changes.probe(model.transformer(), ops, ids, new int[0]), Run.Progress.NONE)) {'
        : 'try (Run run = Run.of(model.transformer(), ops, ids)) {');
    lines.push(`    HeadScan scan = HeadScan.of(run, ops, ${position}, Run.Progress.NONE);`, '}');
    return lines.join('\n');
}

/** Layers × heads on white, the number in every cell. */
export function gridSvg(scan: Scan, metric: Metric, said: string): string {
    const cell = { width: 46, height: 26 }, left = 52, head = 72;
    const layers = Math.max(...scan.heads.map((h) => h.layer)) + 1;
    const heads = Math.max(...scan.heads.map((h) => h.head)) + 1;
    const most = farthest(scan.heads, metric.name);
    const width = Math.max(left + heads * cell.width + 12, 480), height = head + layers * cell.height + 12;
    const text = (x: number, y: number, anchor: string, size: number, fill: string, words: string) => `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="${fill}">${escapeXml(words)}</text>`;
    const parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif"><title>${escapeXml(said)}</title><rect width="${width}" height="${height}" fill="#ffffff"/>`,
        text(8, 20, 'start', 13, '#171d24', `${metric.title}${metric.unit && ', ' + metric.unit}`), text(8, 38, 'start', 11, '#56616d', metric.formula), text(8, head - 6, 'start', 11, '#56616d', 'layer')];
    for (let h = 0; h < heads; h++) parts.push(text(left + (h + 0.5) * cell.width, head - 6, 'middle', 11, '#56616d', h === 0 ? 'head 0' : String(h)));
    for (let l = 0; l < layers; l++) parts.push(text(left - 8, head + l * cell.height + 17, 'end', 11, '#56616d', String(l)));
    for (const h of scan.heads) {
        const value = valueOf(h.values, metric.name);
        const x = left + h.head * cell.width, y = head + h.layer * cell.height;
        if (value === null) {
            parts.push(`<rect x="${x}" y="${y}" width="${cell.width - 1}" height="${cell.height - 1}" fill="none" stroke="#b9c1c9" stroke-dasharray="3 2"/>`);
            continue;
        }
        const colour = metric.least === null ? diverging(most ? value / most : 0, false) : sequential(most ? value / most : 0, false);
        parts.push(`<rect x="${x}" y="${y}" width="${cell.width - 1}" height="${cell.height - 1}" fill="${colour}"><title>${h.layer}.${h.head}: ${full(value)}${h.labels.length ? ' ' + h.labels.join(' ') : ''}</title></rect>`,
            text(x + cell.width / 2, y + 17, 'middle', 11, inkOn(colour), brief(value)));
    }
    return parts.join('\n') + '\n</svg>\n';
}
