import './try.css';
import { json } from '../api';
import { useLoad } from '../load';
import { Num, percent, short } from '../parts/number';
import { Failed, Sentence, Waiting } from '../parts/said';
import { Numbers } from '../parts/table';
import { escapeXml } from '../parts/svg';
import { named, visible } from '../parts/token';
import type { Leaves, Screen } from '../screen';
import { sideRun } from '../session';
import { run as onScreen, select, selection, spec, urlText, useRun } from '../state';
import type { Run } from '../types';
import { Add, type Kind } from './try/add';
import { literal, read, shell, words } from './try/changes';
import { bests, likeliest, type Compared } from './try/data';
import { gridSvg } from './try/grid';
import { ChangeList } from './try/list';
import { Arrows, PairBars } from './try/outcome';
import { PatchPanel, traced, traceRows, traceSentence, valueOf } from './try/patch';
import { pairsSvg } from './try/pairs-svg';
import { Presets } from './try/presets';
import { gridOf, newest, SweepPanel, sweepSentence, sweepValue } from './try/sweep';

const kind = urlText('try.kind', 'head');

/** What is on screen: before, after, and what the changes are called. */
let shown: { run: Run; query: number; compared: Compared; said: string } | null = null;

/** A token of the vocabulary by what the run shows of it. */
const namer = (run: Run) => (id: number): string => {
    const token = run.tokens.find((t) => t.id === id);
    return token ? `“${visible(token.text)}”` : `#${id}`;
};

function changesInWords(run: Run): string {
    return run.changes.map((text) => { const c = read(text); return c ? words(c, run.tokens, namer(run)) : text; }).join('; ');
}

function outcome(run: Run, compared: Compared): string {
    const what = changesInWords(run);
    const best = bests(compared.tokens ?? []);
    if (!best) return what + '.';
    const b = best.before;
    const now = best.after.id === b.id ? '' : ` Now “${visible(best.after.text)}” is likeliest, with ${percent(best.after.probability_after)}.`;
    return `${what}: after ${named(run.tokens[compared.query_b])}, “${visible(b.text)}” goes from ${percent(b.probability_before)} to ${percent(b.probability_after)}.${now}`
        + ` The whole prediction moves by ${short(compared.divergence ?? NaN)} nats.`;
}

function useOutcome() {
    const run = useRun();
    const { query } = selection.value;
    const loaded = useLoad(async (signal): Promise<{ id: string; query: number; compared: Compared | null }> => {
        if (!run.changes.length) return { id: run.id, query, compared: null };
        const [before, after] = await Promise.all([sideRun({ changes: [], other: '' }, signal), sideRun({ changes: run.changes }, signal)]);
        const compared = await json<Compared>('compare', { a: before.id, b: after.id, query, rows: 256, top: 20 }, signal);
        return { id: run.id, query, compared };
    }, [run.id, query]);
    const fits = loaded.value?.id === run.id ? loaded.value.compared : null;
    return { run, query, loaded, compared: fits };
}

function View() {
    const { run, query, loaded, compared } = useOutcome();
    shown = compared ? { run, query, compared, said: outcome(run, compared) } : null;
    const changed = spec.value.changes.length > 0;
    const from = spec.value.other;
    const other = useLoad(async (signal) => (from ? (await sideRun({ text: from, changes: [], other: '' }, signal)).tokens : []), [from, run.model.name]);
    return (
        <section class="try" aria-label="Try it">
            {changed
                ? <ChangeList tokens={run.tokens} name={namer(run)} other={other.value ?? []} />
                : <Sentence>Nothing is changed. Switch off a head, cut an edge, block or swap a token, or put in a value from another text: the text is run again, and you see before → after.</Sentence>}
            <Add kind={kind.value as Kind} onKind={(k) => { kind.value = k; }} />
            <Presets />
            {kind.value === 'patch' && <PatchPanel />}
            {loaded.error && <Failed error={loaded.error} />}
            {run.changes.length > 0 && !compared && !loaded.error && <Waiting what="comparing with the unchanged run" />}
            {compared && (
                <section aria-label="Before and after" class="panel">
                    <h2>Before → after {named(run.tokens[query])}</h2>
                    <Sentence>{outcome(run, compared)}</Sentence>
                    <div class="outcome">
                        <div>
                            <PairBars label="Next token before and after" tokens={compared.tokens ?? []} />
                            <Numbers caption="Next token before and after" columns={['id', 'token', 'probability before', 'probability after', 'logit before', 'logit after']}
                                rows={(compared.tokens ?? []).map((e) => [e.id, e.text, e.probability_before, e.probability_after, e.logit_before, e.logit_after])} />
                        </div>
                        <div>
                            <h3>Weights that changed most</h3>
                            <Arrows arrows={compared.arrows} tokens={run.tokens} count={8} />
                            {compared.rows < compared.of && <p class="quiet">{compared.rows} of {compared.of} rows were compared.</p>}
                        </div>
                    </div>
                </section>
            )}
            <SweepPanel />
        </section>
    );
}

function Inspector() {
    const run = useRun();
    const { query, key, layer, head } = selection.value;
    const sweep = newest(run, query);
    const one = sweep?.heads.find((h) => h.layer === layer && h.head === head);
    return (
        <>
            <Sentence>Changes are made to layer {layer}, head {head}; the prediction is that after {named(run.tokens[query])}{key !== null && <>; the key is {named(run.tokens[key])}</>}.</Sentence>
            {one && sweep && (
                <dl class="facts-list" aria-label="This head in the sweep">
                    <div><dt>whole prediction</dt><dd><Num value={one.divergence} unit=" nats" /></dd></div>
                    <div><dt>Δ logit of “{visible(one.best.text)}”</dt><dd><Num value={sweepValue(one, 'logit')} /></dd></div>
                    <div><dt>its probability</dt><dd>{percent(one.best.probability_before)} → {percent(one.best.probability_after)}</dd></div>
                </dl>
            )}
            <p class="quiet note">A head is changed in its own slice of z, before Wo, at every token; all that comes after is computed anew. A large change says that this run needs the head as it is, not what the head means: others may take over what it did.</p>
            {query !== run.tokens.length - 1 && <button type="button" onClick={() => select({ query: run.tokens.length - 1 })}>Look at the last token</button>}
        </>
    );
}

function leaves(): Leaves | null {
    const run = onScreen.value;
    if (!run) return null;
    const { query } = selection.value;
    const { model, text, other } = spec.value;
    const changes = run.changes.map((c) => '--change ' + shell(c)).join(' ');
    const base = `--model ${shell(model)} ${shell(text)} --query ${query}`;
    const trace = kind.value === 'patch' && traced.value?.run === run.id && traced.value.query === query ? traced.value : null;
    if (trace) {
        const positions = trace.grid.positions;
        return {
            name: `patch-${trace.site}-${query}`, sentence: traceSentence(trace, run), table: { columns: ['layer', 'position', 'token', 'from', 'difference', 'share'], rows: traceRows(trace, run) }, json: trace.grid,
            svg: () => gridSvg({
                label: `Share of the logit difference that ${trace.site} brings along`, rowsAre: 'layer', columnsAre: 'token', scale: 'diverging',
                rows: [...trace.grid.layers].reverse().map((l) => `layer ${l}`), columns: positions.map((p) => `${visible(run.tokens[p].text)} ${p}`),
                value: (r, c) => valueOf(trace, [...trace.grid.layers].reverse()[r], positions[c]),
            }, escapeXml),
            cli: `./clearhead patch ${base} --from ${shell(trace.other)} --site ${trace.site}${trace.head === null ? '' : ` --head ${trace.head}`} ${changes}`.trim(),
            java: `var patches = new PatchGrid(model.transformer(), ops, ids, other, Interventions.NONE, ${query});\nvar grid = patches.run(patches.plan(Site.${trace.site.toUpperCase()}, OptionalInt.${trace.head === null ? 'empty()' : `of(${trace.head})`}, Alignment.ofIds(ids, other)), ${trace.grid.a.id}, ${trace.grid.b.id}, HeadSweep.Progress.NONE);`,
        };
    }
    const list = `Interventions.parse(List.of(${run.changes.map(literal).join(', ')}), model.transformer(), ids.length, ${other ? 'other.length' : 0})`;
    if (shown && shown.run.id === run.id) {
        const { compared, said } = shown;
        return {
            name: `try-${query}`, sentence: said, json: compared,
            table: { columns: ['id', 'token', 'probability before', 'probability after', 'logit before', 'logit after'], rows: (compared.tokens ?? []).map((e) => [e.id, e.text, e.probability_before, e.probability_after, e.logit_before, e.logit_after]) },
            svg: () => pairsSvg(said, likeliest(compared.tokens ?? [], 10), escapeXml),
            cli: `./clearhead ablate ${base} ${changes}${other ? ' --from ' + shell(other) : ''}`,
            java: `${list}\n    .effect(model.transformer(), ops, ids, ${other ? 'other' : 'new int[0]'}, ${query}).top(5);`,
        };
    }
    const sweep = newest(run, query);
    if (!sweep) return null;
    return {
        name: `sweep-${query}`, sentence: sweepSentence(sweep, run), json: sweep,
        table: { columns: ['layer', 'head', 'divergence', 'logit change', 'probability change'], rows: sweep.heads.map((h) => [h.layer, h.head, h.divergence, sweepValue(h, 'logit'), sweepValue(h, 'probability')]) },
        svg: () => gridSvg(gridOf(sweep, run, 'divergence'), escapeXml),
        cli: `./clearhead ablate ${base} --sweep${sweep.how === 'mean' ? ' --mean' : ''} ${changes}`.trim(),
        java: `new HeadSweep(model.transformer(), ops, ids, new int[0], Interventions.NONE, ${query})\n    .run(OptionalDouble.${sweep.how === 'mean' ? 'empty()' : 'of(0)'}, 5, HeadSweep.Progress.NONE);`,
    };
}

export const screen: Screen = { id: 'try', View, Inspector, leaves };
