import { useEffect, useRef, useState } from 'preact/hooks';
import { idColour } from '../../parts/colours';
import { visible } from '../../parts/token';
import { dark } from '../../theme';
import type { PieceTold } from './data';
import { label } from './rows';
import { all, forest, symbol } from './merges';

const drawn = (hex: string) => symbol(hex).replace(/[^‹›]+/g, (part) => (part.startsWith('‹') ? part : visible(part)));

/** How a piece was put together, merge by merge. */
export function Tree({ piece, token }: { piece: PieceTold; token: number }) {
    void dark.value;
    const parts = piece.parts ?? [];
    const merges = piece.merges ?? [];
    const [done, setDone] = useState(merges.length);
    const svg = useRef<HTMLDivElement>(null);
    useEffect(() => setDone(merges.length), [piece]);
    const named = piece.tokens.map((t) => label(t)).join(' ');
    if (piece.kind !== 'text') return <p class="quiet">{named} is a special token: it is put in {piece.kind === 'added' ? 'by the model’s rule' : 'where its name stands in the text'}, and no merge makes it.</p>;
    if (merges.length === 0) {
        return <p class="quiet">{parts.length === 0 ? `${named}: this vocabulary does not merge; the piece was looked up.` : `${named}: no two neighbours of this piece are a merge of the vocabulary, so its ${parts.length === 1 ? 'one symbol is' : `${parts.length} symbols are`} the ${piece.tokens.length === 1 ? 'token' : 'tokens'}.`}</p>;
    }
    const now = Math.min(done, merges.length);
    const roots = forest(parts, merges, now);
    const highest = Math.max(...forest(parts, merges).map((n) => n.level));
    const size = Math.max(27, Math.min(64, Math.floor(280 / parts.length)));
    const step = highest > 9 ? 26 : 34;
    const width = parts.length * size + 8;
    const height = (highest + 1) * step + 8;
    const x = (n: { x: number }) => 4 + (n.x + 0.5) * size;
    const y = (level: number) => height - 16 - level * step;
    const keys = (event: KeyboardEvent) => {
        const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: merges.length }[event.key];
        if (to === undefined || event.shiftKey) return;
        event.preventDefault();
        setDone(Math.max(0, Math.min(merges.length, to)));
    };
    const last = now > 0 ? merges[now - 1] : null;
    return (
        <div class="tree" tabIndex={0} role="group" aria-label="Merges of the piece; arrow keys step" onKeyDown={keys} ref={svg}>
            <div class="tree-steps">
                <button type="button" disabled={now === 0} onClick={() => setDone(0)} aria-label="before the first merge">|‹</button>
                <button type="button" disabled={now === 0} onClick={() => setDone(now - 1)} aria-label="one merge back">‹</button>
                <span class="num">merge {now} of {merges.length}</span>
                <button type="button" disabled={now === merges.length} onClick={() => setDone(now + 1)} aria-label="one merge on">›</button>
                <button type="button" disabled={now === merges.length} onClick={() => setDone(merges.length)} aria-label="after the last merge">›|</button>
                <span class="tree-says" role="status">{last
                    ? <><b class="mono">{drawn(last.left)}</b> + <b class="mono">{drawn(last.right)}</b> = <b class="mono">{drawn(last.left + last.right)}</b> is merge {last.rank.toLocaleString('en-US')} (id {last.id})</>
                    : 'the piece as bytes, before the first merge'}</span>
            </div>
            <div class="tree-picture">
                <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Tree of merges of ${named}`}>
                    {all(roots).flatMap((n) => n.children.map((c) => <path class="tree-edge" d={`M${x(n)} ${y(n.level) + 9}L${x(c)} ${y(c.level) - 9}`} />))}
                    {all(roots).map((n) => {
                        const text = drawn(n.bytes);
                        const w = Math.max(18, Math.min(n.leaves * size - 3, text.length * 7.4 + 10));
                        const newest = n.merge === now - 1 && n.merge >= 0;
                        return (
                            <g class={'tree-node' + (newest ? ' newest' : '')}>
                                <title>{n.merge < 0 ? `byte ${n.bytes.toUpperCase()}` : `${text}: merge ${n.rank}, id ${n.id}, done as number ${n.merge + 1}`}</title>
                                <rect x={x(n) - w / 2} y={y(n.level) - 10} width={w} height={20} rx={3} fill={n.merge < 0 ? 'var(--ground)' : idColour(n.id)} />
                                <text x={x(n)} y={y(n.level) + 4} text-anchor="middle" font-size={text.length * 7.4 > w ? 9 : 12}>{text}</text>
                                {n.merge >= 0 && <text class="tree-rank" x={x(n) + w / 2 + 2} y={y(n.level) + 3} font-size="9.5">{n.rank}</text>}
                            </g>
                        );
                    })}
                </svg>
            </div>
            <p class="quiet">
                {now < merges.length ? 'Of all neighbours, the pair with the lowest rank is merged next.' : `No more neighbours are a merge: ${piece.tokens.length === 1 ? 'the piece is one token' : `the piece stays ${piece.tokens.length} tokens`}.`}
                {piece.whole && ' The vocabulary holds this piece as a whole, so the merges were not needed; they give the same.'}
                {' '}<span class="visually-hidden">Token {token} of the text.</span>
            </p>
        </div>
    );
}
