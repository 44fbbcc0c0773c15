import { diverging, inkOn, sequential } from '../../parts/colours';
import { place, type Scale } from '../../parts/matrix/colour';
import { short } from '../../parts/number';
import { escapeXml } from '../../parts/svg';

/** Larger matrices leave as pixels. */
export const VECTOR_MOST = 256;

export interface Drawn {
    count: number;
    /** NaN: masked; undefined: not here. */
    value: (row: number, column: number) => number | undefined;
    label: (unit: number) => string;
    scale: Scale;
    /** Largest of a row, for `rowmax`. */
    rowMost: (row: number) => number;
    hiddenFirst: boolean;
    query: number | null;
    key: number | null;
    colours: { ink: string; quiet: string; query: string; key: string; line: string; hatch: string; hatchPaper: string; paper: string };
}

export interface Part { svg: string; width: number; height: number }

/** The matrix in vectors: a rectangle a cell, numbers where they fit, masked cells hatched, both axes labelled. */
export function matrixSvg(d: Drawn): Part {
    const cell = Math.max(3, Math.min(44, Math.floor(900 / d.count)));
    const left = 120;
    const top = 96;
    const labelled = cell >= 11 ? 1 : Math.ceil(12 / cell);
    const out: string[] = [];
    const width = left + d.count * cell + 60;
    const height = top + d.count * cell + 6;
    out.push(`<defs><pattern id="masked" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="${d.colours.hatchPaper}"/><line x1="0" y1="0" x2="0" y2="6" stroke="${d.colours.hatch}" stroke-width="1.4"/></pattern></defs>`);
    out.push(`<rect x="${left}" y="${top}" width="${d.count * cell}" height="${d.count * cell}" fill="url(#masked)"/>`);
    for (let row = 0; row < d.count; row++) {
        for (let column = 0; column < d.count; column++) {
            const value = d.value(row, column);
            if (value !== undefined && Number.isNaN(value)) continue;
            const hidden = d.hiddenFirst && column === 0;
            const at = value === undefined || hidden ? NaN : place(value, d.scale, d.rowMost(row));
            const fill = Number.isNaN(at) ? d.colours.paper : d.scale.kind === 'diverging' ? diverging(2 * at - 1) : sequential(at);
            const x = left + column * cell;
            const y = top + row * cell;
            out.push(`<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${fill}"${cell >= 12 ? ` stroke="${d.colours.line}" stroke-width="0.5"` : ''}${hidden || value === undefined ? ' stroke-dasharray="2 2"' : ''}/>`);
            if (cell >= 36 && value !== undefined && !hidden) {
                out.push(`<text x="${x + cell / 2}" y="${y + cell / 2 + 4}" font-size="${Math.min(12, cell * 0.27).toFixed(1)}" text-anchor="middle" fill="${inkOn(fill)}">${escapeXml(short(value))}</text>`);
            }
        }
    }
    for (let i = 0; i < d.count; i += labelled) {
        const middle = (i + 0.5) * cell;
        const text = escapeXml(cut(d.label(i)) + ' ' + i);
        out.push(`<text x="${left - 5}" y="${top + middle + 4}" font-size="11.5" text-anchor="end" fill="${i === d.query ? d.colours.query : d.colours.quiet}">${text}</text>`);
        out.push(`<text transform="translate(${left + middle + 2} ${top - 5}) rotate(-60)" font-size="11.5" fill="${i === d.key ? d.colours.key : d.colours.quiet}">${text}</text>`);
    }
    out.push(`<text x="${left - 8}" y="${top - 8}" font-size="12" font-weight="600" text-anchor="end" fill="${d.colours.ink}">query ↓</text>`);
    out.push(`<text x="${left - 8}" y="${top - 24}" font-size="12" font-weight="600" text-anchor="end" fill="${d.colours.ink}">key →</text>`);
    if (d.query !== null) out.push(`<rect x="${left}" y="${top + d.query * cell}" width="${d.count * cell}" height="${cell}" fill="none" stroke="${d.colours.query}" stroke-width="2"/>`);
    if (d.key !== null) out.push(`<rect x="${left + d.key * cell}" y="${top}" width="${cell}" height="${d.count * cell}" fill="none" stroke="${d.colours.key}" stroke-width="2"/>`);
    return { svg: `<g font-family="ui-monospace, 'DejaVu Sans Mono', monospace">${out.join('')}</g>`, width, height };
}

const cut = (text: string): string => (text.length > 12 ? text.slice(0, 11) + '…' : text);

/** Parts below each other in one document, with the sentence as its title and first line. */
export function document(said: string, parts: Part[], paper: string, ink: string): string {
    const width = Math.max(320, ...parts.map((p) => p.width));
    const lines = wrap(said, Math.floor(width / 6.6));
    const head = 12 + lines.length * 17;
    const height = parts.reduce((sum, p) => sum + p.height + 12, head);
    let y = head;
    const body = parts.map((p) => {
        const placed = `<g transform="translate(0 ${y})">${p.svg}</g>`;
        y += p.height + 12;
        return placed;
    });
    return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><title>${escapeXml(said)}</title>`
        + `<rect width="${width}" height="${height}" fill="${paper}"/>`
        + lines.map((line, i) => `<text x="6" y="${18 + i * 17}" font-family="system-ui, sans-serif" font-size="13" fill="${ink}">${escapeXml(line)}</text>`).join('')
        + body.join('') + '</svg>';
}

function wrap(text: string, most: number): string[] {
    const lines: string[] = [];
    let line = '';
    for (const word of text.split(' ')) {
        if (line && line.length + 1 + word.length > most) { lines.push(line); line = word; } else line = line ? line + ' ' + word : word;
    }
    if (line) lines.push(line);
    return lines;
}
