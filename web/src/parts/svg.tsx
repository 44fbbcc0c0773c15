/** Texts for SVG that leaves the page. */
export const escapeXml = (text: string): string =>
    text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Masked cells are hatched, never coloured: put `<Hatch />` once into an <svg>, then fill="url(#hatch)". */
export function Hatch({ id = 'hatch' }: { id?: string }) {
    return (
        <defs>
            <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="6" height="6" class="hatch-paper" />
                <line x1="0" y1="0" x2="0" y2="6" class="hatch-line" />
            </pattern>
        </defs>
    );
}

/** The same hatch for a canvas: `context.fillStyle = hatch(context, dark.value)`. */
export function hatch(context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, onDark: boolean): CanvasPattern | string {
    const size = 6;
    const tile = new OffscreenCanvas(size, size);
    const pen = tile.getContext('2d');
    if (!pen) return onDark ? '#1c2127' : '#f0f1f3';
    pen.fillStyle = onDark ? '#1b2026' : '#f4f5f6';
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = onDark ? '#39424c' : '#cfd4d9';
    pen.lineWidth = 1;
    for (const shift of [-size, 0, size]) {
        pen.beginPath();
        pen.moveTo(shift, size);
        pen.lineTo(shift + size, 0);
        pen.stroke();
    }
    return context.createPattern(tile, 'repeat') ?? pen.fillStyle;
}

const kept = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'stroke-linecap', 'opacity', 'font-family', 'font-size', 'font-weight',
    'font-style', 'font-variant-numeric', 'text-anchor', 'dominant-baseline', 'letter-spacing'];

/** An <svg> of the page as a document of its own: what style sheets gave it is written into it. */
export function svgOf(element: SVGSVGElement, title: string): string {
    const copy = element.cloneNode(true) as SVGSVGElement;
    const from = [element, ...element.querySelectorAll('*')];
    const to = [copy, ...copy.querySelectorAll('*')];
    from.forEach((source, i) => {
        const style = getComputedStyle(source);
        const target = to[i];
        for (const name of kept) {
            const value = style.getPropertyValue(name);
            if (value && value !== 'normal' && value !== 'auto') target.setAttribute(name, value);
        }
        for (const name of ['class', 'style', 'tabindex']) target.removeAttribute(name);
    });
    const box = element.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width));
    const height = Math.max(1, Math.round(box.height));
    if (!copy.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
    copy.setAttribute('width', String(width));
    copy.setAttribute('height', String(height));
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    const paper = getComputedStyle(document.body).backgroundColor;
    const back = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const view = copy.getAttribute('viewBox')!.split(/[\s,]+/);
    [['x', view[0]], ['y', view[1]], ['width', view[2]], ['height', view[3]], ['fill', paper]].forEach(([name, value]) => back.setAttribute(name, value));
    copy.insertBefore(back, copy.firstChild);
    const told = document.createElementNS('http://www.w3.org/2000/svg', 'title');
    told.textContent = title;
    copy.insertBefore(told, copy.firstChild);
    return new XMLSerializer().serializeToString(copy);
}
