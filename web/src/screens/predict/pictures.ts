import { diverging, inkOn, sequential } from '../../parts/colours';
import { short } from '../../parts/number';
import { escapeXml } from '../../parts/svg';
import { visible } from '../../parts/token';
import type { Token } from '../../types';
import type { Grid, Next, Sum } from './data';
import { strength, written, type Colour } from './lens';
import { logarithmic, type Left } from './rules';
import { signed, steps, subject } from './sum';

const INK = '#171d24';
const QUIET = '#56616d';
const BAR = '#3a87c0';
const PALE = '#bcd6ea';
const BELOW = '#c9701d';

const text = (x: number, y: number, said: string, more = '') => `<text x="${x}" y="${y}" font-size="12" fill="${INK}" ${more} xml:space="preserve">${escapeXml(said)}</text>`;
const rect = (x: number, y: number, width: number, height: number, fill: string) => `<rect x="${x.toFixed(2)}" y="${y}" width="${Math.max(0, width).toFixed(2)}" height="${height}" fill="${fill}"/>`;

function document(width: number, height: number, title: string, body: string): string {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif"><title>${escapeXml(title)}</title>${rect(0, 0, width, height, '#ffffff')}${body}</svg>`;
}

const clip = (said: string, most: number) => (said.length > most ? said.slice(0, most - 1) + '…' : said);

export function barsSvg(next: Next, l: Left, count: number, scale: string, title: string): string {
    const { p, names } = next;
    const best = p.order[0];
    const most = Math.max(l.drawn(best), l.tempered(best));
    const width = (share: number) => 380 * (scale === 'log' ? logarithmic(share) : most > 0 ? share / most : 0);
    let body = text(10, 20, clip(title, 110)) + text(10, 38, `pale: before, over the whole vocabulary; full: after renormalisation${scale === 'log' ? '; logarithmic, 1e-6 to 1' : ''}`, `style="fill:${QUIET}"`);
    [...p.order.subarray(0, count)].forEach((id, at) => {
        const y = 50 + at * 20;
        const cut = l.cut(id) !== 'none';
        body += text(170, y + 14, `${at + 1}  ${clip(visible(names.get(id)?.text ?? '#' + id), 18)}`, 'text-anchor="end"');
        body += rect(180, y + 2, width(l.tempered(id)), 15, PALE) + rect(180, y + 6, width(l.drawn(id)), 7, BAR);
        body += text(660, y + 14, cut ? 'cut' : short(l.drawn(id), 4), 'text-anchor="end"');
        for (const line of l.lines) if (line.kept === at + 1) body += `<line x1="10" x2="670" y1="${y + 19}" y2="${y + 19}" stroke="${BELOW}"/>` + text(560, y + 16, line.text, `text-anchor="end" style="fill:${BELOW}"`);
    });
    return document(680, 60 + count * 20, title, body);
}

export function lensSvg(grid: Grid, tokens: Token[], by: Colour, vocab: number, title: string): string {
    const column = 74;
    const left = 96;
    const rows = grid.rows.length;
    let body = text(10, 20, clip(title, 150));
    grid.rows.forEach((row, r) => {
        const y = 34 + (rows - 1 - r) * 22;
        body += text(left - 8, y + 15, row.label, `text-anchor="end" style="fill:${QUIET}"`);
        row.cells.forEach((cell, i) => {
            const fill = sequential(strength(cell, by, vocab), false);
            body += rect(left + i * column, y, column - 1, 21, fill);
            body += `<text x="${left + i * column + 4}" y="${y + 15}" font-size="11" fill="${inkOn(fill)}" xml:space="preserve">${escapeXml(clip(written(cell, by), 10))}</text>`;
        });
    });
    grid.positions.forEach((position, i) => { body += text(left + i * column + 4, 34 + rows * 22 + 16, clip(`${position} ${visible(tokens[position]?.text ?? '')}`, 11), `style="fill:${QUIET}"`); });
    return document(left + grid.positions.length * column + 10, 34 + rows * 22 + 28, title, body);
}

export function sumSvg(sum: Sum, title: string): string {
    const list = steps(sum);
    const low = Math.min(0, ...list.map((s) => s.to));
    const high = Math.max(0, ...list.map((s) => s.to));
    const x = (value: number) => 200 + (380 * (value - low)) / (high - low || 1);
    let body = text(10, 20, clip(title, 110)) + text(10, 38, `${subject(sum)} as a sum`, `style="fill:${QUIET}"`) + `<line x1="${x(0)}" x2="${x(0)}" y1="46" y2="${50 + (list.length + 1) * 20}" stroke="${QUIET}"/>`;
    list.forEach((s, i) => {
        const y = 50 + i * 20;
        body += text(190, y + 14, s.name, 'text-anchor="end"') + rect(x(Math.min(s.from, s.to)), y + 3, Math.max(0.7, Math.abs(x(s.to) - x(s.from))), 13, s.value < 0 ? BELOW : BAR) + text(670, y + 14, signed(s.value, 4), 'text-anchor="end"');
    });
    const y = 50 + list.length * 20;
    body += text(190, y + 14, 'sum', 'text-anchor="end" font-weight="600"') + rect(Math.min(x(0), x(sum.sum)), y + 3, Math.max(0.7, Math.abs(x(sum.sum) - x(0))), 13, QUIET) + text(670, y + 14, signed(sum.sum, 4), 'text-anchor="end" font-weight="600"');
    const heads = sum.parts.filter((p) => p.kind === 'head');
    const most = heads.reduce((m, p) => Math.max(m, Math.abs(p.value)), 0) || 1;
    const top = y + 52;
    body += text(10, top - 8, 'each head (rows: layers from the last down)', `style="fill:${QUIET}"`);
    for (const p of heads) {
        const fill = diverging(p.value / most, false);
        const cy = top + (sum.layers.length - 1 - (p.layer ?? 0)) * 22;
        const cx = 60 + (p.head ?? 0) * 58;
        body += rect(cx, cy, 57, 21, fill) + `<text x="${cx + 52}" y="${cy + 15}" font-size="11" text-anchor="end" fill="${inkOn(fill)}">${signed(p.value, 2)}</text>`;
        if (p.head === 0) body += text(50, cy + 15, String(p.layer), `text-anchor="end" style="fill:${QUIET}"`);
    }
    const columns = 1 + heads.reduce((m, p) => Math.max(m, p.head ?? 0), 0);
    return document(Math.max(680, 70 + columns * 58), top + sum.layers.length * 22 + 10, title, body);
}
