import { full, short } from '../../parts/number';
import { kept, over, type Rotation } from './data';

/** Pairs of elements as arrows: thin before, thick after they were turned. */
export function Dials({ rotation }: { rotation: Rotation }) {
    const most = Math.max(...rotation.pairs.map((p) => Math.hypot(p.a, p.b)), 1e-30);
    const letter = rotation.of === 'query' ? 'q' : 'k';
    const now = kept.value ?? over.value;
    const r = 24;
    const tip = (x: number, y: number) => {
        // Short arrows are drawn longer than they are to scale, never longer than the longest.
        const length = Math.hypot(x, y) / most;
        const shown = length === 0 ? 0 : (0.25 + 0.75 * length) / length / most;
        return [28 + r * x * shown, 28 - r * y * shown] as const;
    };
    return (
        <div class="dials" role="group" aria-label={`Pairs of the ${rotation.of}, turned`} onPointerLeave={() => { over.value = null; }}>
            {rotation.pairs.map((p) => {
                const [ax, ay] = tip(p.a, p.b);
                const [bx, by] = tip(p.turned_a, p.turned_b);
                const from = Math.atan2(p.b, p.a);
                const to = from + p.angle;
                const arc = Array.from({ length: 13 }, (_, i) => { const t = from + ((to - from) * i) / 12; return `${i ? 'L' : 'M'}${28 + 9 * Math.cos(t)} ${28 - 9 * Math.sin(t)}`; }).join('');
                const at = { vector: letter + ' turned', index: p.first };
                const on = now?.vector === at.vector && (now.index === p.first || now.index === p.second);
                return (
                    <button key={p.first} type="button" class={'dial ' + rotation.of + (on ? ' on' : '')} onPointerEnter={() => { over.value = at; }} onFocus={() => { over.value = at; }}
                        onClick={() => { kept.value = kept.value?.vector === at.vector && kept.value.index === at.index ? null : at; }}
                        title={`(${full(p.a)}, ${full(p.b)}) turned by ${full(p.angle)} rad → (${full(p.turned_a)}, ${full(p.turned_b)})`}>
                        <span class="visually-hidden">{`elements ${p.first} and ${p.second}: ${short(p.a)}, ${short(p.b)} turned by ${short(p.angle)} become ${short(p.turned_a)}, ${short(p.turned_b)}`}</span>
                        <svg width="56" height="56" viewBox="0 0 56 56" aria-hidden="true">
                            <circle cx="28" cy="28" r={r} class="dial-face" />
                            <path d={arc} class="dial-arc" />
                            <line x1="28" y1="28" x2={ax} y2={ay} class="dial-before" />
                            <line x1="28" y1="28" x2={bx} y2={by} class="dial-after" />
                            <circle cx={bx} cy={by} r="2.6" class="dial-tip" />
                        </svg>
                        <span class="num" aria-hidden="true">{p.first},{p.second}</span>
                        <span class="num quiet" aria-hidden="true">{short((p.angle * 180) / Math.PI, 3)}°</span>
                    </button>
                );
            })}
        </div>
    );
}
