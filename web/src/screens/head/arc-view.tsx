import { useEffect, useRef, useState } from 'preact/hooks';
import { generatedFrom } from '../../parts/generated';
import { short } from '../../parts/number';
import { strength } from '../../parts/weights';
import { hover, select, selection, view } from '../../state';
import { decimals } from './ranked';
import { gapText, labelHeight, layout, THICK } from './arcs';
import { list, otherToken, received, units } from './look';

const FONT = '13px';
let measurer: CanvasRenderingContext2D | null = null;
const widths = new Map<string, number>();

function measure(text: string): number {
    const known = widths.get(text);
    if (known !== undefined) return known;
    if (widths.size > 20000) widths.clear();
    const width = measured(text);
    widths.set(text, width);
    return width;
}

function measured(text: string): number {
    measurer ??= document.createElement('canvas').getContext('2d');
    if (!measurer) return text.length * 8;
    measurer.font = `${FONT} ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace`;
    return measurer.measureText(text).width;
}

/** The tokens in a line with the arcs of the chosen one: thicker is more, the number stands at the end. */
export function Arcs({ said, picture }: { said: string; picture: { current: SVGSVGElement | null } }) {
    const box = useRef<HTMLDivElement>(null);
    const [room, setRoom] = useState(0);
    useEffect(() => {
        const observer = new ResizeObserver(() => setRoom(box.current?.clientWidth ?? 0));
        observer.observe(box.current!);
        return () => observer.disconnect();
    }, []);
    const now = received.value;
    const shown = list.value;
    const of = units.value;
    let drawing = null;
    if (room && now && shown && of) {
        const { kind, scale } = view.value;
        const values = shown.entries.map((e) => e.value);
        const largest = values[0] ?? 0;
        const least = values[values.length - 1] ?? 0;
        const strong = (value: number) => (kind === 'weights' ? strength(value, scale === 'linear' ? 'linear' : scale, largest)
            : kind === 'scores' ? (largest > least ? (value - least) / (largest - least) : 1)
            : scale === 'log' ? strength(largest > 0 ? value / largest : 0, 'log', 1) : largest > 0 ? value / largest : 0);
        const other = otherToken.value === null ? null : of.of(otherToken.value);
        const chosenKey = selection.value.key === null ? null : of.of(selection.value.key);
        const { pieces, arcs, width, arcHeight, labelRows } = layout({
            count: of.count, text: (i) => of.label(i).slice(0, 24), at: now.at, measure, room: room - 2,
            ends: shown.entries.map((e) => ({ position: e.position, value: e.value, strength: strong(e.value) })),
            also: chosenKey === null ? [] : [chosenKey],
        });
        const line = arcHeight + labelHeight(labelRows) + 4;
        const tall = line + 24;
        const pick = (unit: number) => select(view.value.side === 'row' ? { query: of.last(unit) } : { key: of.last(unit) });
        const pickEnd = (unit: number) => select(view.value.side === 'row' ? { key: of.last(unit) } : { query: of.last(unit) });
        const fromGenerated = generatedFrom.value;
        drawing = (
            <svg ref={(element) => { picture.current = element; }} width={Math.max(width, 40)} height={tall} viewBox={`0 0 ${Math.max(width, 40)} ${tall}`} role="img" aria-label={said}>
                {[...arcs].reverse().map((arc) => (
                    <g key={arc.position} class={'arc' + (arc.position === other ? ' on' : '')} onClick={() => pickEnd(arc.position)}>
                        <path d={arc.path} fill="none" stroke-width={arc.thick} stroke-linecap="butt"><title>{`${of.label(arc.position)} (${arc.position}): ${arc.value}`}</title></path>
                        {arc.label && <>
                            {arc.label.row > 0 && <line x1={arc.label.x} x2={arc.label.x} y1={arcHeight} y2={arcHeight + labelHeight(arc.label.row) + 1} class="arc-lead" />}
                            <text x={arc.label.x} y={arcHeight + labelHeight(arc.label.row) + 11} text-anchor="middle">{short(arc.value, decimals(largest) > 3 ? 4 : 3)}</text>
                        </>}
                    </g>
                ))}
                {pieces.map((piece) => piece.kind === 'gap'
                    ? <text key={'g' + piece.from} class="arc-gap" x={piece.x + piece.width / 2} y={line + 15} text-anchor="middle"><title>{`${piece.to - piece.from + 1} more, ${piece.from} to ${piece.to}`}</title>{gapText(piece.from, piece.to)}</text>
                    : (
                        <g key={piece.position} class={'arc-piece' + (piece.position === now.at ? view.value.side === 'row' ? ' query' : ' key' : piece.position === other ? view.value.side === 'row' ? ' key' : ' query' : '') + (of.last(piece.position) >= fromGenerated ? ' generated' : '')}
                            onClick={() => pick(piece.position)} onPointerEnter={() => { hover.value = view.value.side === 'row' ? { query: selection.value.query, key: of.last(piece.position) } : { key: selection.value.key ?? selection.value.query, query: of.last(piece.position) }; }}
                            onPointerLeave={() => { hover.value = null; }}>
                            <title>{`${piece.text} (${piece.position})${of.last(piece.position) >= fromGenerated ? ', generated' : ''}`}</title>
                            <rect x={piece.x} y={line} width={piece.width} height={22} rx={3} />
                            <text x={piece.x + piece.width / 2} y={line + 15.5} text-anchor="middle">{piece.text}</text>
                        </g>
                    ))}
            </svg>
        );
    }
    return <div class="arcs" ref={box} style={{ minHeight: `${labelHeight(1) + 76}px` }} data-thick={THICK}>{drawing}</div>;
}
