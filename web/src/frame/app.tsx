import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../errors';
import { Failed, Waiting } from '../parts/said';
import { screens } from '../screens';
import { online, progress, run, view } from '../state';
import { useKeys } from './keys';
import { Editor } from './editor';
import { Footer } from './footer';
import { Help } from './help';
import { Guard } from './guard';
import { Inspector } from './inspector';
import { opened } from './opened';
import { Rail } from './rail';
import { Ribbon } from './ribbon';
import { Standing } from './standing';
import { TopBar } from './top-bar';

export function App() {
    useKeys();
    return (
        <>
            <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the view</a>
            <TopBar />
            <Editor />
            <Standing />
            <Ribbon />
            <div class={'middle' + (run.value && (progress.value.state === 'running' || progress.value.state === 'waiting') ? ' pending' : '')}>
                <Rail />
                <main id="main" tabIndex={-1} aria-label={screens.find((s) => s.id === view.value.screen)?.title}>
                    <Open />
                </main>
                <Inspector />
            </div>
            <Footer />
            <Help />
        </>
    );
}

function Open() {
    const id = view.value.screen;
    const [failed, fail] = useState<unknown>(null);
    const there = run.value !== null;
    useEffect(() => {
        let here = true;
        fail(null);
        screens.find((s) => s.id === id)!.load().then(
            ({ screen }) => { if (here) opened.value = screen; },
            (error: unknown) => { if (here) fail(error); },
        );
        return () => { here = false; };
    }, [id, failed ? online.value : true]);
    // The other screens come while nobody waits: they open at once, and also when the server is away.
    useEffect(() => {
        if (!there) return;
        const timer = setTimeout(() => screens.forEach((s) => s.load().catch(() => undefined)), 1500);
        return () => clearTimeout(timer);
    }, [there]);
    if (failed) return <Failed error={new ApiError(-1, 'screen', 'This screen could not be loaded.', 'Reload the page; your text is kept.')} retry={() => location.reload()} />;
    const screen = opened.value;
    if (!run.value && progress.value.state === 'failed') return <p class="quiet">There is no run to show yet.</p>;
    if (!run.value && progress.value.state === 'failed') return <p class="quiet">No run to show: the line above says why.</p>;
    if (!screen || screen.id !== id || !run.value) return <Waiting what={run.value ? 'opening' : 'waiting for the run'} />;
    // Standing says why.
    if (!run.value.parity.holds) return <p class="quiet">No view: the numbers of this run cannot be trusted.</p>;
    // One guard a screen: a fault in one leaves the others usable.
    return <Guard key={id} view={screen.View} />;
}
