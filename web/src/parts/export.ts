import type { Cell, Leaves } from '../screen';
import { full, short } from './number';
import { escapeXml } from './svg';

/** RFC 4180; numbers with all their digits, null as an empty field. */
export function csv({ columns, rows }: Leaves['table']): string {
    const field = (cell: Cell): string => {
        if (cell === null) return '';
        const text = String(cell);
        return typeof cell === 'number' ? text : /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    return [columns, ...rows].map((row) => row.map(field).join(',') + '\r\n').join('');
}

export function save(name: string, type: string, content: string | Blob): void {
    const blob = typeof content === 'string' ? new Blob([content], { type: type + ';charset=utf-8' }) : content;
    const url = URL.createObjectURL(blob);
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = name.replace(/[^\p{L}\p{N}._-]+/gu, '-');
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The picture at twice its size; false where a view has none. */
export async function png(leaves: Leaves): Promise<boolean> {
    const canvas = await picture(leaves);
    if (!canvas) return false;
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
    if (!blob) throw new Error('the browser made no picture');
    save(leaves.name + '.png', 'image/png', blob);
    return true;
}

async function picture(leaves: Leaves): Promise<HTMLCanvasElement | null> {
    if (leaves.canvas) return leaves.canvas();
    if (!leaves.svg) return null;
    const text = await leaves.svg();
    const url = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text);
    const image = new Image();
    await new Promise((done, fail) => {
        image.onload = done;
        image.onerror = () => fail(new Error('the SVG cannot be drawn'));
        image.src = url;
    });
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth * 2;
    canvas.height = image.naturalHeight * 2;
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('the browser has no canvas');
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
}

/** One file that opens anywhere without a network: sentence, picture, what it was made of, table, data. No script. */
export async function html(leaves: Leaves, about: [string, string][], link: string): Promise<string> {
    const svg = leaves.svg ? (await leaves.svg()).replace(/<\?xml[^>]*\?>/, '') : '';
    const image = !svg && leaves.canvas ? `<img alt="${escapeXml(leaves.sentence)}" src="${(await leaves.canvas()).toDataURL('image/png')}">` : '';
    const cell = (value: Cell) => (typeof value === 'number' ? `<td class="n" title="${full(value)}">${short(value, 4)}</td>` : `<td>${escapeXml(value ?? '')}</td>`);
    const { columns, rows } = leaves.table;
    // `<` is written as an escape, so that no text can end the element.
    const data = JSON.stringify(leaves.json).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeXml(leaves.name)}</title>
<style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.3em;font-weight:600}h2{font-size:1em}figure{margin:1rem 0}caption{text-align:left;opacity:.75}dl{display:grid;grid-template-columns:auto 1fr;gap:.1em 1em}dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}
svg,img{max-width:100%;height:auto}table{border-collapse:collapse;font-size:.9em}th,td{padding:.15em .7em;text-align:left;border-bottom:1px solid #8884}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.6em}.wide{overflow-x:auto}
</style></head><body>
<main><h1>${escapeXml(leaves.sentence)}</h1>
<figure>${svg}${image}</figure>
<dl>${about.map(([name, value]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd>`).join('')}</dl>
<div class="wide"><table><caption>All numbers; each in full in its title</caption><thead><tr>${columns.map((name, c) => `<th scope="col"${typeof rows[0]?.[c] === 'number' ? ' class="n"' : ''}>${escapeXml(name)}</th>`).join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}</tbody></table></div>
<h2>The same on the command line</h2><pre>${escapeXml(leaves.cli)}</pre>
<h2>In Java</h2><pre>${escapeXml(leaves.java)}</pre>
<p><a href="${escapeXml(link)}">The page it came from</a>, on a machine where Clearhead runs.</p></main>
<script type="application/json" id="data">${data}</script>
</body></html>
`;
}
