import { useEffect, useRef } from 'preact/hooks';
import { screens } from '../screens';
import { helpOpen, shortcuts } from './keys';

export function Help() {
    const box = useRef<HTMLDialogElement>(null);
    const on = helpOpen.value;
    useEffect(() => {
        if (on && !box.current?.open) box.current?.showModal();
        if (!on && box.current?.open) box.current.close();
    }, [on]);
    return (
        <dialog ref={box} class="help" aria-labelledby="help-title" onClose={() => { helpOpen.value = false; }}
            onClick={(event) => { if (event.target === box.current) helpOpen.value = false; }}>
            <form method="dialog"><h2 id="help-title">Reading this page</h2><button aria-label="close">×</button></form>
            <p>Each number here is the model’s own, computed for the text above. Rows are <b>queries</b> (the token that looks), columns are <b>keys</b> (the tokens looked at). Click a token to choose the query; click it with Shift, or after pressing <b>key</b>, to choose the key. What is hovered is shown, what is clicked stays, Esc lets go.</p>
            <dl class="screens">{screens.map((s, i) => <div key={s.id}><dt><kbd>{i + 1}</kbd> {s.title}</dt><dd>{s.says}</dd></div>)}</dl>
            <h3>Keys</h3>
            <dl class="keys">{shortcuts.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
            <p class="quiet">Hatched: masked, the model cannot look there. An empty slot: not computed yet. <b>Sink</b>: heads with nothing to say often look at the first token; hide it, or take it out and renormalise. <b>Mass</b>: show only the keys that together hold that share of a row. The address bar holds all that you see: send it to show it.</p>
        </dialog>
    );
}
