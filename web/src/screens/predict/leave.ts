import { visible } from '../../parts/token';
import type { Leaves } from '../../screen';
import { run, selection, spec } from '../../state';
import { between, colour, draws, find, part, rows, rules, scale, seed, TOP } from './data';
import { lensColumns, lensRows, lensSentence, type Colour } from './lens';
import { barsSvg, lensSvg, sumSvg } from './pictures';
import { left } from './rules';
import { shown } from './shown';
import { sentenceOf, sumRows } from './sum';
import { nextSentence, quoted } from './words';

const word = (text: string): string => (/^[A-Za-z0-9_./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The run's command line with another verb. */
const line = (verb: string, cli: string, options: string[]): string => [cli.replace(' attend ', ` ${verb} `), ...options].join(' ');

/** The library call: a run, changes made, and what is asked of it. */
function java(text: string, changes: string[], asked: string): string {
    const run = changes.length === 0 ? 'Run.of(model.transformer(), ops, ids)'
        : 'Run.of(model.transformer(), ops, changes.ids(ids), changes.probe(model.transformer(), ops, ids, new int[0]), Run.Progress.NONE)';
    return [
        'try (var backend = Backends.choose();', '        var workspace = new Workspace();', `        var model = Model.load(${JSON.stringify('models/' + spec.value.model)}, backend)) {`,
        '    var ops = backend.ops(workspace);', `    int[] ids = model.tokenizer().encode(${JSON.stringify(text)}, Special.ADD);`,
        ...(changes.length ? [`    var changes = Interventions.parse(List.of(${changes.map((c) => JSON.stringify(c)).join(', ')}), model.transformer(), ids.length, 0);`] : []),
        `    try (Run run = ${run}) {`, ...asked.split('\n').map((line) => '        ' + line), '    }', '}',
    ].join('\n');
}

/** What is on screen, whole. */
export function leaves(): Leaves | null {
    const now = run.value;
    if (!now) return null;
    const query = selection.value.query;
    const token = now.tokens[query];
    const text = spec.value.text;
    if (part.value === 'lens') {
        const grid = shown.grid;
        if (!grid) return null;
        const sentence = lensSentence(grid, query, `${quoted(token.text)} (${query})`);
        const ends = `${grid.positions[0]}-${grid.positions[grid.positions.length - 1]}`;
        return {
            name: `lens-query-${query}`, sentence, table: { columns: lensColumns, rows: lensRows(grid) }, json: grid,
            svg: () => lensSvg(grid, now.tokens, colour.value as Colour, now.model.vocab, sentence),
            cli: line('lens', now.cli, ['--query', String(query), '--positions', ends, ...(between.value === 'yes' ? ['--attention'] : []), ...(grid.watched ? ['--find', word('#' + grid.watched.id)] : [])]),
            java: java(text, now.changes, `var lens = new Lens(run);\nvar grid = lens.grid(ops, IntStream.rangeClosed(${ends.replace('-', ', ')}).toArray(), lens.places(${between.value === 'yes'}), ${grid.watched ? `OptionalInt.of(${grid.watched.id})` : 'OptionalInt.empty()'});`),
        };
    }
    if (part.value === 'sum') {
        const sum = shown.sum;
        if (!sum) return null;
        const sentence = sentenceOf(sum, token.text);
        return {
            name: `contributions-query-${query}`, sentence, table: { columns: ['kind', 'layer', 'head', 'name', 'value'], rows: sumRows(sum) }, json: sum,
            svg: () => sumSvg(sum, sentence),
            cli: line('predict', now.cli, ['--query', String(query), '--contributions', word(`#${sum.a.id}` + (sum.b ? `,#${sum.b.id}` : ''))]),
            java: java(text, now.changes, `var sum = Contributions.of(run, ops, ${query}, ${sum.a.id}, ${sum.b ? `OptionalInt.of(${sum.b.id})` : 'OptionalInt.empty()'});`),
        };
    }
    const next = shown.next;
    if (!next || next.query !== query) return null;
    const r = rules();
    const l = left(next.p, r);
    const sentence = nextSentence(token, next.p, l, next.names);
    const entry = (id: number) => ({
        id, text: next.names.get(id)?.text ?? '#' + id, rank: next.p.place[id] + 1, logit: next.p.logits[id], probability: l.probability(id), tempered: l.tempered(id), drawn: l.drawn(id), cut: l.cut(id),
    });
    const top = [...next.p.order.subarray(0, TOP)].map(entry);
    return {
        name: `predict-query-${query}`, sentence,
        table: { columns: ['rank', 'id', 'token', 'logit', 'probability', 'tempered', 'drawn', 'cut'], rows: top.map((e) => [e.rank, e.id, visible(e.text), e.logit, e.probability, e.tempered, e.drawn, e.cut]) },
        json: {
            query, sentence, sampling: { temperature: r.temperature, top_k: r.topK, top_p: r.topP, min_p: r.minP, seed: seed.value }, vocab: next.p.order.length, lse: next.p.lse, entropy: next.p.entropy, kept: l.kept,
            lines: l.lines.map(({ rule, kept, probability }) => ({ rule, kept, probability })), top, find: next.found.map(entry), draws: shown.drawn?.draws,
        },
        svg: () => barsSvg(next, l, Math.min(next.p.order.length, TOP, rows.value), scale.value, sentence),
        cli: line('predict', now.cli, ['--query', String(query), '--temperature', String(r.temperature), '--top-k', String(r.topK), '--top-p', String(r.topP), '--min-p', String(r.minP), '--draws', String(draws.value), '--seed', String(seed.value), ...(find.value ? ['--find', word(find.value)] : [])]),
        java: java(text, now.changes, `var sampling = new Sampling(${r.temperature}, ${r.topK}, ${r.topP}, ${r.minP}, 1, ${seed.value}L);\nvar prediction = Prediction.of(run.logits(ops, ${query}), sampling);\nSystem.out.println(prediction.top(20));\nint[] drawn = prediction.draw(${draws.value});`),
    };
}
