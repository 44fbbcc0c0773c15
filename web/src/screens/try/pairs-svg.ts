import { percent } from '../../parts/number';
import { visible } from '../../parts/token';
import type { Effect } from './data';

/** Probabilities before (outline) and after (filled) as an SVG document of its own. */
export function pairsSvg(sentence: string, tokens: readonly Effect[], escape: (text: string) => string): string {
    const width = 640;
    const most = tokens.reduce((m, e) => Math.max(m, e.probability_before, e.probability_after), 0) || 1;
    const lines = sentence.match(/.{1,95}(\s|$)/g) ?? [sentence];
    const top = 24 + lines.length * 17;
    const height = top + tokens.length * 34 + 10;
    const bar = (p: number) => Math.round((330 * p * 100) / most) / 100;
    return [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12"><title>${escape(sentence)}</title>`,
        `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
        ...lines.map((line, i) => `<text x="8" y="${20 + i * 17}" font-size="13" fill="#10161c">${escape(line.trim())}</text>`),
        ...tokens.flatMap((e, i) => {
            const y = top + i * 34;
            return [`<text x="112" y="${y + 16}" text-anchor="end" fill="#10161c">${escape(visible(e.text))}</text>`,
                `<rect x="120" y="${y}" width="${bar(e.probability_before)}" height="12" fill="none" stroke="#5b6670"/><rect x="120" y="${y + 14}" width="${bar(e.probability_after)}" height="12" fill="#3a87c0"/>`,
                `<text x="${126 + bar(e.probability_before)}" y="${y + 10}" font-size="10" fill="#5b6670">before ${escape(percent(e.probability_before))}</text>`,
                `<text x="${126 + bar(e.probability_after)}" y="${y + 24}" font-size="10" fill="#10161c">after ${escape(percent(e.probability_after))}</text>`];
        }), '</svg>'].join('\n') + '\n';
}
