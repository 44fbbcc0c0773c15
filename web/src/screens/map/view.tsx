import { useEffect } from 'preact/hooks';
import { runFloats, runJson } from '../../api';
import { useLoad } from '../../load';
import { Bars } from '../../parts/bars';
import { Choice, Slider } from '../../parts/controls';
import { short } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { open, selection, useRun } from '../../state';
import { Grid, Marks } from './grid';
import { farthest, named, ranked, sentence, table, valueOf, type Heads } from './heads';
import { Scatter } from './scatter';
import { across, cells, layout, metricName, metricOf, on, over, scanOf, told, top, up } from './shown';
import { SIZE } from './thumbnail';

export const scatter: { current: SVGSVGElement | null } = { current: null };

const layouts = [['grid', 'grid'], ['bars', 'ranked'], ['scatter', 'scatter']] as const;
const fills = [['pictures', 'pictures'], ['numbers', 'numbers']] as const;
const texts = [['text', 'this text'], ['random', 'repeated random tokens']] as const;

export function View() {
    const run = useRun();
    const position = metricName.value === 'direct_effect' ? selection.value.query : -1;
    const loaded = useLoad((signal) => runJson<Heads>('heads', position < 0 ? {} : { position }, signal), [run.id, position]);
    const wantsPictures = layout.value === 'grid' && cells.value === 'pictures' && on.value === 'text';
    const pictures = useLoad(async (signal) => (wantsPictures ? { run: run.id, values: await runFloats('thumbnails', { size: SIZE }, signal) } : null), [run.id, wantsPictures]);
    useEffect(() => { told.value = loaded.value; }, [loaded.value]);
    useEffect(() => () => { over.value = null; told.value = null; }, []);
    const heads = loaded.value;
    if (loaded.error) return <section class="map" aria-label="Map"><Failed error={loaded.error} /></section>;
    if (!heads) return <section class="map" aria-label="Map"><Waiting what="measuring every head" /></section>;
    const scan = scanOf(heads);
    const metric = metricOf(heads);
    const count = scan.heads.length;
    const shownTop = top.value > 0 ? Math.min(top.value, count) : count;
    const options = heads.metrics.map((m) => <option key={m.name} value={m.name}>{m.title}</option>);
    const behind = table(heads, scan, metric.name);
    return (
        <section class="map" aria-label="Map">
            <div class="map-controls">
                <label class="map-select">metric <select aria-label="metric" value={metric.name} onChange={(e) => { metricName.value = e.currentTarget.value; }}>{options}</select></label>
                <Choice label="measured on" value={on.value === 'random' && heads.random ? 'random' : 'text'} options={heads.random ? texts : texts.slice(0, 1)} onChange={(to) => { on.value = to; }} />
                <Choice label="show as" value={layout.value as 'grid'} options={layouts as never} onChange={(to) => { layout.value = to; }} />
                {layout.value === 'grid' && on.value !== 'random' && <Choice label="cells" value={cells.value as 'pictures'} options={fills as never} onChange={(to) => { cells.value = to; }} />}
                <Slider label="top" value={shownTop} least={1} most={count} step={1} text={shownTop === count ? `all ${count}` : `${shownTop} of ${count}`} onChange={(n) => { top.value = n >= count ? 0 : n; }} />
                {layout.value === 'scatter' && <>
                    <label class="map-select">across <select aria-label="across" value={metricOf(heads, across.value).name} onChange={(e) => { across.value = e.currentTarget.value; }}>{options}</select></label>
                    <label class="map-select">up <select aria-label="up" value={metricOf(heads, up.value).name} onChange={(e) => { up.value = e.currentTarget.value; }}>{options}</select></label>
                </>}
            </div>
            <p class="map-definition"><strong>{metric.title}</strong>: {metric.definition}. <code>{metric.formula}</code>
                {metric.name === 'direct_effect' && scan === heads.text && <> Here: after token {heads.position}, for {`“${heads.predicted.text}”`}.</>}</p>
            <Sentence>{sentence(heads, scan, metric)}</Sentence>
            {scan === heads.random && <p class="quiet">{heads.random.period} random tokens said twice{heads.random.lead > 0 && ', after the beginning-of-sequence token'}; seed {heads.random.seed}, the same every time; the model as it is, without changes.</p>}
            {pictures.error && wantsPictures && <Failed error={pictures.error} />}
            {layout.value === 'grid' && <Grid heads={heads} pictures={pictures.value?.run === run.id ? pictures.value.values : null} />}
            {layout.value === 'grid' && <p class="map-legend quiet">
                {wantsPictures && pictures.value ? 'Each picture: rows are queries, columns keys, colour √weight, hatched is masked; the largest of what falls on a point.'
                    : metric.least === null ? `Blue above zero, orange below; darkest: ±${short(farthest(scan.heads, metric.name))}.` : `White is 0, darkest ${short(farthest(scan.heads, metric.name))}${metric.unit && ' ' + metric.unit}.`} <Marks heads={heads} />
            </p>}
            {layout.value === 'bars' && <Bars label={`heads by ${metric.title.toLowerCase()}`} limit={shownTop} picked={scan.heads.findIndex((h) => named(h) === named(selection.value))}
                bars={ranked(scan.heads, metric.name).flatMap((h) => {
                    const value = valueOf(h.values, metric.name);
                    return value === null ? [] : [{ id: scan.heads.indexOf(h), value, label: named(h), spoken: `layer ${h.layer}, head ${h.head}`, note: h.labels.map((l) => heads.label_rules.find((r) => r.name === l)?.title).join(', ') }];
                })}
                onPick={(id) => open('head', { layer: scan.heads[id].layer, head: scan.heads[id].head })} onHover={(id) => { over.value = id === null ? null : { layer: scan.heads[id].layer, head: scan.heads[id].head }; }} />}
            {layout.value === 'scatter' && <Scatter heads={heads} picture={scatter} />}
            <Numbers caption="all heads" columns={['head', 'labels', ...heads.metrics.map((m) => m.title)]} rows={behind.rows.map(([layer, head, labels, ...values]) => [`${layer}.${head}`, labels, ...values])}
                picked={behind.rows.findIndex(([layer, head]) => `${layer}.${head}` === named(selection.value))}
                onPick={(row) => open('head', { layer: behind.rows[row][0] as number, head: behind.rows[row][1] as number })} />
        </section>
    );
}
