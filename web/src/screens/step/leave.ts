import { escapeXml, svgOf } from '../../parts/svg';
import { diverging, inkOn } from '../../parts/colours';
import { short } from '../../parts/number';
import type { Leaves } from '../../screen';
import { run, spec } from '../../state';
import { literal } from '../head/calls';
import { panel, panels, shown, type Steps } from './data';
import { csvColumns, csvRows } from './rows';
import { running } from './sums';
import { largest } from './vec';
import { sentence } from './view';

/** The steps on screen with every number; the picture is the active panel's. */
export function leaves(): Leaves | null {
    const s = shown.value;
    const now = run.value;
    if (!s || !now) return null;
    const { layer, head, query, key } = s.place;
    const id = panel.value;
    const say = sentence(s, now);
    return {
        name: `step-${layer}.${head}-query-${query}-key-${key}-${id}`,
        sentence: say,
        table: { columns: csvColumns, rows: csvRows(s) },
        json: { command: 'attend', model: now.model, run: now.id, changes: now.changes, tokens: now.tokens.map(({ position, id: token, text }) => ({ position, id: token, text })), steps: s },
        svg: () => picture(s, say),
        cli: now.cli.replace(/ attend( |$)/, ` attend --step --layer ${layer} --head ${head} --query ${query} --key ${key}$1`),
        java: java(s, spec.value.text, now.changes),
    };
}

export function java(s: Steps, text: string, changes: string[]): string {
    const { layer, head, query, key } = s.place;
    const lines = ['int[] ids = model.tokenizer().encode(' + literal(text) + ', Special.ADD);'];
    if (changes.length) lines.push(`var changes = Interventions.parse(List.of(${changes.map(literal).join(', ')}), model.transformer(), ids.length, 0);`);
    lines.push(changes.length
        ? 'try (Run run = Run.of(model.transformer(), ops, changes.ids(ids), changes.probe(model.transformer(), ops, ids, new int[0]), Run.Progress.NONE);'
        : 'try (Run run = Run.of(model.transformer(), ops, ids);');
    lines.push(`        Look look = run.look(ops, ${layer}, ${head}, ${query})) {`,
        changes.length ? `    Steps steps = Steps.of(look, ops, OptionalInt.of(${key}), changes, ids, new int[0]);` : `    Steps steps = Steps.of(look, ops, OptionalInt.of(${key}));`, '}');
    return lines.join('\n');
}

/** The vectors of a panel. */
function vectors(s: Steps): [string, readonly number[]][] {
    switch (panel.value) {
        case 'a': return [['residual of the query', s.query_input.residual], ['x of the query', s.query_input.x], ['residual of the key', s.key_input.residual], ['x of the key', s.key_input.x]];
        case 'b': return [['q', s.q.vector], ['k', s.k.vector], ['v', s.v.vector]];
        case 'c': return s.rotations.flatMap((r): [string, readonly number[]][] => [[`${r.of} before`, r.before], [`angles of the ${r.of}`, r.pairs.map((p) => p.angle)], [`${r.of} turned`, r.after]]);
        case 'd': case 'e': return [['q', s.products.q], ['k', s.products.k], ['q × k', s.products.products], ['running sum', running(s.products.products)]];
        case 'f': return [['q · k of every key', s.softmax.keys.map((c) => c.dot)], ['scores seen', s.softmax.keys.filter((c) => !c.masked).map((c) => Number(c.score))]];
        case 'g': return [['scores', s.softmax.keys.filter((c) => !c.masked).map((c) => Number(c.score))], ['exp(score − max)', s.softmax.keys.filter((c) => !c.masked).map((c) => c.exp)], ['weights', s.softmax.keys.filter((c) => !c.masked).map((c) => c.weight)]];
        case 'h': return [['z', s.weighted.z], ['this head’s output', s.output.head], ['attention', s.output.attention], ['residual after', s.sum.sum]];
        case 'i': return (['direct', 'total'] as const).map((kind): [string, readonly number[]] => [`${kind}: logit with − without, likeliest ${s.effect[kind].most_likely.length}`, s.effect[kind].most_likely.map((c) => c.logit_with - c.logit_without)]);
    }
}

function picture(s: Steps, say: string): string {
    const stacked = panel.value === 'h' ? document.querySelector<SVGSVGElement>('.stacked-picture svg') : null;
    if (stacked) return svgOf(stacked, say);
    const style = getComputedStyle(document.body);
    return cells(vectors(s), say, `${panel.value}. ${panels.find(([p]) => p === panel.value)![1]}`, style.getPropertyValue('--paper').trim() || '#ffffff', style.getPropertyValue('--ink').trim() || '#000000');
}

/** Vectors as rows of coloured cells with their numbers. */
export function cells(of: [string, readonly number[]][], say: string, title: string, paper: string, ink: string): string {
    const [w, h, line] = [44, 20, 24];
    const parts: string[] = [];
    let y = 44;
    for (const [name, values] of of) {
        parts.push(`<text x="10" y="${y + 12}" font-size="12" font-weight="600" fill="${ink}">${escapeXml(name)} [${values.length}]</text>`);
        y += 18;
        const most = largest(values);
        values.forEach((value, i) => {
            const fill = diverging(most > 0 ? value / most : 0);
            const x = 10 + (i % line) * w;
            const top = y + Math.floor(i / line) * h;
            parts.push(`<rect x="${x}" y="${top}" width="${w - 1}" height="${h - 1}" fill="${fill}"/><text x="${x + w / 2}" y="${top + 13}" font-size="9.5" text-anchor="middle" fill="${inkOn(fill)}">${short(value, 2)}</text>`);
        });
        y += Math.ceil(values.length / line) * h + 8;
    }
    const width = 20 + line * w;
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" font-family="ui-monospace, monospace"><title>${escapeXml(say)}</title><rect width="${width}" height="${y}" fill="${paper}"/>`
        + `<text x="10" y="16" font-size="13" font-weight="600" fill="${ink}">${escapeXml(title)}</text><text x="10" y="33" font-size="11" fill="${ink}">${escapeXml(say)}</text>${parts.join('')}</svg>`;
}
