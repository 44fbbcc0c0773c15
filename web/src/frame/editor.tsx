import { useRef } from 'preact/hooks';
import { runSpec, stop } from '../session';
import { generatedFrom } from '../parts/generated';
import { models, progress, spec, typed } from '../state';
import { drawn, oneMore } from './one-more';

/** The text. What is typed here is never lost: not by an error, a reload, or a server that stops. */
export function Editor() {
    const box = useRef<HTMLTextAreaElement>(null);
    const text = typed.value;
    const most = models.value?.limits['text_characters'] ?? Infinity;
    const over = text.length - most;
    const state = progress.value.state;
    const changed = text !== spec.value.text;
    const go = () => {
        if (text.trim() === '' || over > 0) return;
        if (text !== spec.value.text) generatedFrom.value = Infinity;
        void runSpec({ text });
    };
    const rows = Math.min(6, Math.max(1, Math.ceil(text.length / 120), text.split('\n', 7).length));
    return (
        <form class="editor" aria-label="Text" onSubmit={(event) => { event.preventDefault(); go(); }}>
            <textarea id="text" class={text.length > 20_000 ? 'long' : undefined} ref={box} aria-label="Text" rows={rows} value={text} spellcheck={false} autocomplete="off" placeholder="Type a text; Ctrl+Enter runs it"
                aria-describedby="text-notes" aria-invalid={over > 0}
                onInput={(event) => { typed.value = event.currentTarget.value; }}
                onKeyDown={(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); go(); } }} />
            <div class="editor-buttons">
                <button type="submit" class={'main' + (changed ? ' due' : '')} disabled={text.trim() === '' || over > 0} title="Ctrl+Enter">Run</button>
                {(state === 'running' || state === 'waiting') && <button type="button" onClick={stop} title="Gives this run up">Stop</button>}
                {!changed && state === 'done' && <button type="button" onClick={() => void oneMore()} title={drawn() ? 'The model adds a token drawn by the rules of the Predict screen' : 'The model adds its likeliest next token'}>+ 1 token</button>}
                {!changed && state === 'done' && <button type="button" onClick={() => void oneMore(drawn(), 20)} title="The model goes on for up to 20 tokens">Continue</button>}
                {changed && spec.value.text !== '' && <button type="button" onClick={() => { typed.value = spec.value.text; }} title="Back to the text that was run">Undo</button>}
            </div>
            <p id="text-notes" class={over > 0 ? 'over' : 'visually-hidden'} role="status">
                {over > 0 ? `${over.toLocaleString('en-US')} characters too many: the server takes ${most.toLocaleString('en-US')}, this text has ${text.length.toLocaleString('en-US')}. Shorten it, or start the server with a higher limit.` : ''}
            </p>
        </form>
    );
}
