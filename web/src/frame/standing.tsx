import { useEffect, useState } from 'preact/hooks';
import { setKey } from '../api';
import { seconds } from '../parts/number';
import { Failed } from '../parts/said';
import { linkTrouble, runSpec } from '../session';
import { keyNeeded, models, online, progress, run, spec } from '../state';

/** How the run comes on, in the top bar: layers done and time spent, or what is awaited. It moves nothing on the page. */
export function Progress() {
    const now = progress.value;
    const busy = now.state === 'running' || now.state === 'waiting';
    const time = useClock(busy);
    if (!busy || time - now.since < 200) return null;
    const spent = seconds((time - now.since) / 1000);
    return now.state === 'running' ? (
        <span class="progress">
            <progress aria-label="layers done" max={now.layers} value={now.layer} />
            <span class="num">layer {now.layer} of {now.layers} · {spent}</span>
        </span>
    ) : (
        <span class="progress"><span class="num">{now.why}{now.retryAt !== null && ` in ${Math.max(0, Math.ceil((now.retryAt - time) / 1000))} s`} · {spent}</span></span>
    );
}

/** What went wrong and what to do. Nothing when all is well. */
export function Standing() {
    const now = progress.value;
    const parity = run.value?.parity;
    return (
        <section class="standing" aria-label="Messages" aria-live="polite">
            {linkTrouble.value && <p class="failed" role="alert">{linkTrouble.value}</p>}
            {keyNeeded.value && <KeyForm />}
            {!online.value && <p class="failed" role="alert"><strong>The server does not answer.</strong> Is <code>clearhead serve</code> still running? Your text is kept, and the page goes on by itself when the server is back.</p>}
            {now.state === 'failed' && !keyNeeded.value && <Failed error={now.error} more={run.value ? 'Below is the last run that worked.' : ''} />}
            {now.state === 'failed' && now.error.status >= 400 && now.error.status < 500 && <WaysOut />}
            {parity && !parity.holds && now.state === 'done' && (
                <p class="failed" role="alert"><strong>The weights do not give what the model computed</strong>, so nothing that looks like a result is shown. This is a fault of Clearhead or of the model file (a NaN in its weights?); <code>clearhead info</code> and the command <code>{run.value?.cli}</code> help to report it.</p>
            )}
        </section>
    );
}

/** One press out of what a link may have brought: a model that is not here, changes that cannot be made. */
function WaysOut() {
    const known = models.value;
    const { model, changes } = spec.value;
    const strange = known !== null && !known.models.some((m) => m.name === model);
    if (!strange && changes.length === 0) return null;
    return (
        <p class="ways-out">
            {strange && <button type="button" onClick={() => void runSpec({ model: known.default })}>Run it with {known.default}</button>}
            {changes.length > 0 && <button type="button" onClick={() => void runSpec({ changes: [] })}>Run it without the changes</button>}
        </p>
    );
}

function KeyForm() {
    return (
        <form class="failed key-form" aria-label="Key" onSubmit={(event) => {
            event.preventDefault();
            const key = new FormData(event.currentTarget).get('key');
            if (typeof key === 'string' && key.trim()) setKey(key.trim());
        }}>
            <label>This server wants its key (the one it was started with): <input name="key" type="password" autocomplete="off" required /></label> <button type="submit">Use it</button>
        </form>
    );
}

function useClock(on: boolean): number {
    const [now, tick] = useState(() => Date.now());
    useEffect(() => {
        if (!on) return;
        tick(Date.now());
        const timer = setInterval(() => tick(Date.now()), 200);
        return () => clearInterval(timer);
    }, [on]);
    return Math.max(now, 0);
}
