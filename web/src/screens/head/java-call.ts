import { literal, type Call } from './calls';

/** The library call that computes what is on screen: Run, then its rows. */
export function java({ text, changes, of, query, key, view }: Call): string {
    const lines = ['int[] ids = model.tokenizer().encode(' + literal(text) + ');'];
    if (changes.length) lines.push(`var changes = Interventions.parse(List.of(${changes.map(literal).join(', ')}), model.transformer(), ids.length, 0);`);
    lines.push(changes.length
        ? 'try (Run run = Run.of(model.transformer(), ops, changes.ids(ids), changes.probe(model.transformer(), ops, ids, new int[0]), Run.Progress.NONE)) {'
        : 'try (Run run = Run.of(model.transformer(), ops, ids)) {');
    lines.push('    ' + body(of, query, key, view), '}');
    return lines.join('\n');
}

function body(of: string, query: number, key: number, view: Call['view']): string {
    const single = /^(\d+)\.(\d+)$/.exec(of);
    const values = view.kind === 'scores' ? 'scores' : 'weights';
    if (single && view.side === 'row' && view.unit === 'token' && view.kind !== 'value') return `double[] ${values} = run.pattern(${single[1]}).row(${single[2]}, ${query}).${values}();`;
    const kind = view.kind.toUpperCase();
    const units = view.unit === 'token' ? 'Units.tokens(ids.length)' : `Units.${view.unit}s(Arrays.stream(ids).mapToObj(id -> model.tokenizer().isSpecial(id) ? new byte[0] : model.tokenizer().tokenBytes(id)).toList())`;
    return `var map = new AttentionMap(run, Heads.parse(${literal(of)}, model.transformer()), AttentionMap.Kind.${kind}, ${units});\n`
        + `    double[] ${view.side} = map.${view.side}(ops, ${view.side === 'row' ? query : key});`;
}
