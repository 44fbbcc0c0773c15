import { Num, short } from '../../parts/number';
import { number } from '../../types';
import { open, selection, useRun } from '../../state';
import { factors, named, valueOf } from './heads';
import { metricOf, over, scanOf, told } from './shown';

/** The head under the pointer, all its numbers; the metric's source; what a label needs. */
export function Inspector() {
    const run = useRun();
    const heads = told.value;
    if (!heads) return null;
    const scan = scanOf(heads);
    const metric = metricOf(heads);
    const at = over.value ?? selection.value;
    const head = scan.heads.find((h) => h.layer === at.layer && h.head === at.head) ?? scan.heads[0];
    const changed = factors(run.changes).get(named(head));
    return (
        <div class="map-inspector">
            <h2>Layer {head.layer}, head {head.head}{changed !== undefined && scan === heads.text && <> · {changed === '0' ? 'switched off' : changed === 'mean' ? 'put to its mean' : `scaled: ${changed}`}</>}</h2>
            <p>{head.labels.length ? <>Label: <strong>{head.labels.map((l) => heads.label_rules.find((r) => r.name === l)?.title).join(', ')}</strong></> : 'No label: nothing known fits it well enough.'}</p>
            <p><button type="button" onClick={() => open('head', { layer: head.layer, head: head.head })}>Open this head</button></p>
            <table class="map-facts">
                <thead><tr><th scope="col">metric</th><th scope="col">head</th><th scope="col" title="a head that gives all keys the same">equal</th></tr></thead>
                <tbody>{heads.metrics.map((m) => (
                    <tr key={m.name} class={m.name === metric.name ? 'picked' : undefined} title={m.definition}>
                        <th scope="row">{m.title}</th><td><Num value={valueOf(head.values, m.name)} /></td><td>{valueOf(scan.uniform, m.name) === null ? '' : <Num value={valueOf(scan.uniform, m.name)} />}</td>
                    </tr>
                ))}</tbody>
            </table>
            <p class="quiet">{metric.title}: over {(scan.rows[metric.name] ?? 0).toLocaleString('en-US')} rows. {metric.paper}.</p>
            <details>
                <summary>What a label needs</summary>
                <p class="quiet">Evidence e: mean weight on the label's cells that belong to no other label; u: that of a head that gives all keys the same. Wanted: (e − u)/(1 − u) over the threshold, over at least {heads.label_rules[0].least_rows} rows of the text, and on random tokens said twice, too: one head of hundreds may seem to do it by chance. Duplicate token and induction are decided on random tokens alone.</p>
                <dl class="map-rules">{heads.label_rules.map((rule) => {
                    const e = head.evidence[rule.name];
                    return <div key={rule.name}><dt>{rule.title} ≥ {rule.threshold}</dt><dd title={rule.formula}>{rule.definition}{rule.decided_on === 'random' && ', on random tokens'}: {e ? <>{short(number(e.share))} over {e.rows} rows</> : 'no rows'}</dd></div>;
                })}</dl>
            </details>
        </div>
    );
}
