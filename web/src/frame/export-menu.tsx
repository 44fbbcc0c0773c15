import { useSignal } from '@preact/signals';
import { link } from '../session';
import type { Leaves, Screen } from '../screen';
import { short } from '../parts/number';
import { number } from '../types';
import { csv, html, png, save } from '../parts/export';
import { run, spec } from '../state';

/** Everything shown can leave: files, a link, the command line, the Java call. */
export function ExportMenu({ screen }: { screen: Screen }) {
    const said = useSignal('');
    const leave = (what: string, how: (leaves: Leaves) => Promise<unknown> | unknown) => async () => {
        try {
            const leaves = screen.leaves();
            if (!leaves) { said.value = 'There is nothing to export yet.'; return; }
            const answer = await how(leaves);
            said.value = answer === false ? `This view has no ${what}.` : `${what} ${what.startsWith('Copy') ? '' : 'saved'}`.trim();
        } catch (error) {
            said.value = `${what} failed: ${error instanceof Error ? error.message : String(error)}`;
        }
    };
    const copy = async (text: string, what: string) => {
        await write(text);
        said.value = `${what} copied`;
    };
    const copied = (what: string, of: (leaves: Leaves) => string) => async () => {
        const leaves = screen.leaves();
        if (!leaves) said.value = 'There is nothing to copy yet.';
        else await copy(of(leaves), what).catch((error: unknown) => { said.value = `${what} could not be copied: ${String(error)}`; });
    };
    return (
        <section class="export" aria-label="Export">
            <h2>Export</h2>
            <div class="export-buttons">
                <button type="button" onClick={leave('PNG', png)}>PNG</button>
                <button type="button" onClick={leave('SVG', async (l) => (l.svg ? save(l.name + '.svg', 'image/svg+xml', await l.svg()) : false))}>SVG</button>
                <button type="button" onClick={leave('CSV', (l) => save(l.name + '.csv', 'text/csv', csv(l.table)))}>CSV</button>
                <button type="button" onClick={leave('JSON', (l) => save(l.name + '.json', 'application/json', JSON.stringify(l.json, null, 1)))}>JSON</button>
                <button type="button" title="One file that opens anywhere, offline: picture, sentence, table, data" onClick={leave('HTML', async (l) => save(l.name + '.html', 'text/html', await html(l, about(), link())))}>HTML</button>
            </div>
            <div class="export-buttons">
                <button type="button" onClick={() => void copy(link(), 'Link').catch((error: unknown) => { said.value = String(error); })}>Copy link</button>
                <button type="button" onClick={copied('Command line', (l) => l.cli)}>Copy CLI line</button>
                <button type="button" onClick={copied('Java call', (l) => l.java)}>Copy Java call</button>
            </div>
            <p class="quiet" role="status" aria-live="polite">{said.value}</p>
        </section>
    );
}

/** What the HTML file says of the run. */
function about(): [string, string][] {
    const shown = run.value;
    if (!shown) return [];
    const { model, parity } = shown;
    return [
        ['model', `${model.name}: ${model.family}, ${model.layers} layers × ${model.heads} heads, ${model.arithmetic} arithmetic, ${model.backend}`],
        ['text', spec.value.text],
        ...(shown.changes.length ? [['changes', shown.changes.join(', ')] as [string, string]] : []),
        ['parity', `${parity.holds ? 'weights times values match the forward pass' : 'does NOT match the forward pass'}: largest difference ${short(number(parity.largest_difference))} of ${short(number(parity.largest_value ?? NaN))}, over ${parity.rows} of ${parity.of} query rows`],
    ];
}

async function write(text: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Without https (another machine in the house) there is no clipboard object; the old way works.
        const box = document.createElement('textarea');
        box.value = text;
        box.style.position = 'fixed';
        document.body.append(box);
        box.select();
        const done = document.execCommand('copy');
        box.remove();
        if (!done) throw new Error('the browser does not allow it');
    }
}
