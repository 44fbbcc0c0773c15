import { scaleLinear } from 'd3-scale';
import { short } from '../../parts/number';
import { open, selection } from '../../state';
import { named, ranked, valueOf, type Heads } from './heads';
import { across, metricName, metricOf, over, scanOf, top, up } from './shown';

const W = 640, H = 420, LEFT = 58, BOTTOM = 44, TOP = 14, RIGHT = 16;

/** Heads by two metrics. The table behind it has the numbers. */
export function Scatter({ heads, picture }: { heads: Heads; picture: { current: SVGSVGElement | null } }) {
    const scan = scanOf(heads);
    const x = metricOf(heads, across.value);
    const y = metricOf(heads, up.value);
    const bright = top.value > 0 ? new Set(ranked(scan.heads, metricName.value).slice(0, top.value).map(named)) : null;
    const points = scan.heads.flatMap((h) => {
        const [a, b] = [valueOf(h.values, x.name), valueOf(h.values, y.name)];
        return a === null || b === null || !Number.isFinite(a) || !Number.isFinite(b) ? [] : [{ h, a, b }];
    });
    if (points.length === 0) return <p class="quiet">Nothing to draw: this text has nothing that {x.title.toLowerCase()} or {y.title.toLowerCase()} measures.</p>;
    const ends = (values: number[]): [number, number] => { const low = Math.min(0, ...values), high = Math.max(0, ...values); return low === high ? [low, low + 1] : [low, high]; };
    const sx = scaleLinear(ends(points.map((p) => p.a)), [LEFT, W - RIGHT]).nice();
    const sy = scaleLinear(ends(points.map((p) => p.b)), [H - BOTTOM, TOP]).nice();
    const here = named(over.value ?? selection.value);
    return (
        <svg ref={picture} class="map-scatter" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`heads: ${y.title.toLowerCase()} against ${x.title.toLowerCase()}`}>
            {sx.ticks(6).map((t) => <g key={'x' + t}><line class="map-rule" x1={sx(t)} x2={sx(t)} y1={TOP} y2={H - BOTTOM} /><text class="map-tick" x={sx(t)} y={H - BOTTOM + 16} text-anchor="middle">{short(t, 2)}</text></g>)}
            {sy.ticks(6).map((t) => <g key={'y' + t}><line class="map-rule" x1={LEFT} x2={W - RIGHT} y1={sy(t)} y2={sy(t)} /><text class="map-tick" x={LEFT - 6} y={sy(t) + 4} text-anchor="end">{short(t, 2)}</text></g>)}
            <text class="map-axis" x={(LEFT + W - RIGHT) / 2} y={H - 8} text-anchor="middle">{x.title}{x.unit && `, ${x.unit}`}</text>
            <text class="map-axis" transform={`translate(13 ${(TOP + H - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">{y.title}{y.unit && `, ${y.unit}`}</text>
            {points.map(({ h, a, b }) => (
                <g key={named(h)} class={'map-point' + (named(h) === here ? ' here' : '') + (bright && !bright.has(named(h)) ? ' dim' : '') + (h.labels.length ? ' labelled' : '')}
                    onPointerEnter={() => { over.value = { layer: h.layer, head: h.head }; }} onClick={() => open('head', { layer: h.layer, head: h.head })}>
                    <title>{`layer ${h.layer}, head ${h.head}: ${x.title.toLowerCase()} ${a}, ${y.title.toLowerCase()} ${b}`}</title>
                    <circle cx={sx(a)} cy={sy(b)} r={5} />
                    {(points.length <= 60 || h.labels.length > 0 || named(h) === here) && <text x={sx(a) + 7} y={sy(b) + 4}>{named(h)}</text>}
                </g>
            ))}
        </svg>
    );
}
