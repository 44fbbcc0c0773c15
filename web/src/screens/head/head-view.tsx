import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { generatedFrom } from '../../parts/generated';
import type { Engine } from '../../parts/matrix/engine';
import { Matrix, type Cell, type Viewport } from '../../parts/matrix/matrix';
import { runSource } from '../../parts/matrix/run-source';
import { Failed } from '../../parts/said';
import { hover, of, run, select, selection, settings, show, urlText, useRun, view } from '../../state';
import { Arcs } from './arc-view';
import { heads, which } from './choice';
import { Controls } from './controls';
import { divisors, failure, follow, known, locked, pool, units } from './look';
import { pairSentence } from './say';
import { headWords } from './sentence';

/** What of the map is on screen, kept in the link. */
const at = urlText('head.at', '');
export const viewport = signal<Viewport | null>(null);
export const engine: { current: Engine | null } = { current: null };
export const arcs: { current: SVGSVGElement | null } = { current: null };

function read(text: string): Viewport | null {
    const [x, y, cell] = text.split(',').map(Number);
    return text && [x, y, cell].every(Number.isFinite) && cell > 0 ? { x, y, cell } : null;
}

const quantities = { weights: 'weight', scores: 'score', value: 'weight × |v·Wo|' } as const;

export function View() {
    const shown = useRun();
    const { kind, scale, sink, unit } = view.value;
    const now = units.value!;
    const pooling = pool.value === 'mean' ? 'mean' : 'max';
    const source = useMemo(() => runSource(shown, { of: of.value, kind, pool: pooling, unit }), [shown.id, of.value, kind, pooling, unit]);
    useEffect(follow, []);
    const extent = useRef(now.count);
    if (extent.current !== now.count) {
        extent.current = now.count;
        viewport.value = null;
    }
    useEffect(() => {
        viewport.value = read(settings.peek()['head.at'] ?? '');
        let timer: ReturnType<typeof setTimeout> | undefined;
        const stop = viewport.subscribe((to) => {
            clearTimeout(timer);
            timer = setTimeout(() => {
                const text = to ? [to.x, to.y, to.cell].map((n) => Number(n.toPrecision(6))).join(',') : '';
                if (run.value && text !== at.value) at.value = text;
            }, 300);
        });
        const press = (event: KeyboardEvent) => { if (event.key === 'Escape') locked.value = false; };
        addEventListener('keydown', press, true);
        return () => {
            stop();
            clearTimeout(timer);
            removeEventListener('keydown', press, true);
            hover.value = null;
        };
    }, []);
    // Heads that this model does not have: chosen for another one.
    useEffect(() => {
        const { layers, heads: each } = shown.model;
        const kind = which(view.peek().of);
        const layer = Number(/\d+/.exec(view.peek().of)?.[0] ?? 0);
        if (kind === 'chosen' ? heads(view.peek().of, layers, each) === null : layer >= layers) show({ of: '' });
    }, [shown.id]);
    const { query, key } = selection.value;
    const token = (cell: Cell) => ({ query: now.last(cell.row), key: now.last(cell.column) });
    const over = hover.value && { ...(hover.value.query !== undefined && { row: now.of(hover.value.query) }), ...(hover.value.key !== undefined && { column: now.of(hover.value.key) }) };
    const withoutFirst = sink !== 'show' && now.count > 1;
    return (
        <section class="head" aria-label="Head">
            <Controls pooled={now.count > 256} />
            {failure.value && <Failed error={failure.value} />}
            <Arcs said={pairSentence.value} picture={arcs} />
            <Matrix source={source} label={`${kind === 'value' ? 'value-weighted attention' : kind}: ${headWords(of.value)}`} quantity={quantities[kind]}
                scale={kind === 'scores' ? 'diverging' : scale} {...(kind === 'weights' ? { most: 1 } : {})} rowLabel={now.label} columnLabel={now.label}
                hideFirst={withoutFirst} divisors={kind === 'weights' && sink === 'renormalise' ? divisors.value : null}
                row={now.of(query)} column={key === null ? null : now.of(key)} over={over} generatedFrom={unitsFrom(generatedFrom.value)}
                exact={known} viewport={viewport} handle={engine}
                onHover={(cell) => { hover.value = cell && token(cell); }}
                onPick={(cell, byKey) => { select(token(cell)); if (!byKey) locked.value = true; }}
                onLock={() => { locked.value = !locked.value; }} />
            {now.count > 256 && (
                <p class="quiet head-pool">{pooling === 'max'
                    ? 'Zoomed out, a point shows the largest of its cells: one strong look stays in sight.'
                    : 'Zoomed out, a point shows the mean of its cells that are not masked: single strong looks fade, broad ones stay.'}
                    {kind === 'weights' && scale === 'linear' && now.count > 1024 && ' Among so many tokens most weights are far below 1: the log scale shows them.'}
                    {withoutFirst && ' Zoomed out, what is hidden is the whole first point, and rows are divided by the mean of theirs.'}</p>
            )}
        </section>
    );
}

function unitsFrom(position: number): number {
    const now = units.value;
    return Number.isFinite(position) && now && run.value && position < run.value.tokens.length ? now.of(position) : Infinity;
}
