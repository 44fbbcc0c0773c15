import { useRef } from 'preact/hooks';
import { diverging, inkOn, sequential } from '../../parts/colours';
import { open, selection, useRun } from '../../state';
import { brief, factors, farthest, named, ranked, spoken, valueOf, type Heads, type Measured } from './heads';
import { cells, metricOf, over, scanOf, top } from './shown';
import { SIZE, Thumbnail } from './thumbnail';

const marks: Record<string, string> = { previous_token: 'P', first_token: 'F', self: 'S', duplicate_token: 'D', induction: 'I' };

/** Layers × heads; arrows move, Enter opens the head. */
export function Grid({ heads, pictures }: { heads: Heads; pictures: Float32Array | null }) {
    const run = useRun();
    const scan = scanOf(heads);
    const metric = metricOf(heads);
    const most = farthest(scan.heads, metric.name);
    const signed = metric.least === null;
    const off = factors(scan === heads.text ? run.changes : []);
    const bright = top.value > 0 && top.value < scan.heads.length ? new Set(ranked(scan.heads, metric.name).slice(0, top.value).map(named)) : null;
    const grid = useRef<HTMLDivElement>(null);
    const layers: Measured[][] = [];
    for (const h of scan.heads) (layers[h.layer] ??= []).push(h);
    const width = Math.max(...layers.map((l) => l.length));
    const drawn = pictures && scan === heads.text && cells.value === 'pictures' ? pictures : null;
    const count = Math.min(SIZE, run.tokens.length);
    const move = (event: KeyboardEvent) => {
        const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -width], End: [0, width] };
        const step = steps[event.key];
        const from = (event.target as HTMLElement).dataset['head']?.split('.').map(Number);
        if (!step || !from) return;
        event.preventDefault();
        const layer = Math.max(0, Math.min(layers.length - 1, from[0] + step[0]));
        const head = Math.max(0, Math.min(layers[layer].length - 1, from[1] + step[1]));
        grid.current?.querySelector<HTMLElement>(`[data-head="${layer}.${head}"]`)?.focus();
    };
    const here = layers[selection.value.layer]?.[selection.value.head] ? named(selection.value) : '0.0';
    const stop = over.value && layers[over.value.layer]?.[over.value.head] ? named(over.value) : here;
    return (
        <div class="map-scroll">
            <div ref={grid} class={'map-grid' + (drawn ? ' pictures' : '') + (width > 12 ? ' many' : '')} role="grid" aria-label={`heads: ${metric.title.toLowerCase()}`} aria-rowcount={layers.length + 1} aria-colcount={width + 1}
                style={{ gridTemplateColumns: `auto repeat(${width}, ${width > 12 ? 'var(--cell)' : `minmax(var(--cell), ${drawn ? '92px' : '72px'})`})` }} onKeyDown={move}>
                <div role="row" class="map-row"><span role="columnheader" class="map-corner">layer</span>{Array.from({ length: width }, (_, h) => <span role="columnheader" class="map-head" key={h}>{h === 0 && width <= 12 ? 'head 0' : h}</span>)}</div>
                {layers.map((row, layer) => (
                    <div role="row" class="map-row" key={layer}>
                        <span role="rowheader" class="map-layer">{layer}</span>
                        {row.map((h, n) => {
                            const value = valueOf(h.values, metric.name);
                            const share = value === null || most === 0 ? 0 : value / most;
                            const colour = value === null ? 'transparent' : signed ? diverging(share) : sequential(share);
                            const name = named(h);
                            const changed = off.get(name);
                            const dimmed = bright !== null && !bright.has(name);
                            return (
                                <button type="button" role="gridcell" key={n} data-head={name} tabIndex={name === stop ? 0 : -1} title={spoken(h, metric, heads.label_rules, changed)}
                                    aria-selected={name === here}
                                    class={'map-cell' + (value === null ? ' empty' : '') + (dimmed ? ' dim' : '') + (changed === undefined ? '' : ' changed')}
                                    style={drawn || dimmed ? undefined : { background: colour, color: value === null ? undefined : inkOn(colour) }}
                                    onFocus={() => { over.value = { layer: h.layer, head: h.head }; }} onPointerEnter={() => { over.value = { layer: h.layer, head: h.head }; }}
                                    onClick={() => open('head', { layer: h.layer, head: h.head })}>
                                    {drawn && <Thumbnail values={drawn} at={(layers.slice(0, layer).reduce((s, l) => s + l.length, 0) + n) * SIZE * SIZE} count={count} side={scan.heads.length > 200 ? 48 : 96} />}
                                    <span class="visually-hidden">{spoken(h, metric, heads.label_rules, changed)}</span>
                                    <span class="map-number" aria-hidden="true">{value === null ? '' : brief(value)}{h.labels.map((l) => <b key={l}>{marks[l] ?? '?'}</b>)}</span>
                                    {changed !== undefined && <span class="map-off" aria-hidden="true">{changed === '0' ? 'off' : changed === 'mean' ? 'mean' : '×' + changed}</span>}
                                </button>
                            );
                        })}
                    </div>
                ))}
            </div>
        </div>
    );
}

/** What the letters in the cells stand for. */
export function Marks({ heads }: { heads: Heads }) {
    const used = heads.label_rules.filter((rule) => scanOf(heads).heads.some((h) => h.labels.includes(rule.name)));
    return used.length === 0 ? null : <span class="map-marks">{used.map((rule) => <span key={rule.name}><b>{marks[rule.name]}</b> {rule.title}</span>)}</span>;
}
