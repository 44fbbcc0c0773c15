// How fast the page is: first paint, hovered rows, head switch, pan and zoom of a long text, long tasks. Prints each figure beside its bar.
//
//   npm --prefix bench/page install
//   node bench/page/page.mjs [--url http://127.0.0.1:8080] [--model NAME] [--tokens 1000,8000] [--long 32000] [--chromium /usr/bin/chromium]
//
// The server runs already (`./clearhead serve`, with a model whose context holds the text). Every text is a sentence of the ready text repeated,
// grown until the server counts the wanted tokens. Exit status 1 when a bar is missed. Other load on the machine counts against the page.
import { chromium } from 'playwright-core';

const flags = new Map(process.argv.slice(2).map((word, i, all) => (word.startsWith('--') ? [word.slice(2), all[i + 1]] : ['', ''])));
const base = flags.get('url') ?? 'http://127.0.0.1:8080';
const sizes = (flags.get('tokens') ?? '1000,8000').split(',').map(Number);
const long = Number(flags.get('long') ?? 32000);
let missed = 0;

function tell(what, value, unit, bar, good) {
    if (!good) missed++;
    console.log(`${good ? 'ok    ' : 'MISSED'} ${what.padEnd(58)} ${value.toFixed(value < 10 ? 1 : 0).padStart(7)} ${unit.padEnd(4)} bar ${bar}`);
}

const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1] ?? NaN;
const most = (all) => all.reduce((m, v) => Math.max(m, v), 0);

const known = await (await fetch(`${base}/api/v1/models`)).json();
const model = known.models.find((m) => m.name === (flags.get('model') ?? known.default)) ?? known.models[0];
console.log(`${base}, model ${model.name}: ${model.layers} layers, ${model.heads} heads of ${model.head_dim}, context ${model.context}, ${model.backend}`);

const seed = 'One day the old king told a story to his three sons, and the youngest asked why the bird had left the golden tree. ';

/** A text of about as many tokens: one short run says how many a sentence has. */
async function textOf(tokens) {
    const each = (await made(seed.repeat(4))).tokens.length / 4;
    return seed.repeat(Math.max(1, Math.floor((tokens - 2) / each))).trim();
}

async function made(text) {
    const started = await (await fetch(`${base}/api/v1/runs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ model: model.name, text }) })).json();
    if (!started.id) throw new Error('no run: ' + JSON.stringify(started));
    const events = await fetch(`${base}/api/v1/runs/${started.id}/events`, { headers: { Accept: 'text/event-stream' } });
    const told = await events.text();
    if (told.includes('event: failed') || told.includes('event:failed')) throw new Error(told.slice(-400));
    return (await fetch(`${base}/api/v1/runs/${started.id}`)).json();
}

const browser = await chromium.launch({ executablePath: flags.get('chromium') ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

async function opened(text) {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    const page = await context.newPage();
    page.on('pageerror', (error) => { missed++; console.log('ERROR ' + error.message); });
    await page.addInitScript(() => {
        window.long = [];
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.long.push([entry.startTime, entry.duration]); }).observe({ type: 'longtask', buffered: true });
    });
    const hash = text ? `#1&m=${encodeURIComponent(model.name)}&sc=log&t=t${encodeURIComponent(text).replaceAll('%20', '+')}` : '';
    await page.goto(`${base}/${hash}`);
    return page;
}

const settled = (page, source) => page.waitForFunction((before) => {
    const canvas = document.querySelector('.matrix canvas');
    return canvas && canvas.dataset.loading === 'false' && canvas.dataset.source !== before;
}, source ?? '', { timeout: 300000, polling: 'raf' });

/** Frames a second and longest frame of what happens meanwhile. */
async function frames(page, during) {
    await page.evaluate(() => {
        const ticks = (window.ticks = []);
        const tick = (t) => { ticks.push(t); if (window.ticks === ticks) requestAnimationFrame(tick); };
        requestAnimationFrame(tick);
    });
    await during();
    const ticks = await page.evaluate(() => { const all = window.ticks; window.ticks = null; return all; });
    const gaps = ticks.slice(1).map((t, i) => t - ticks[i]);
    return { fps: (1000 * gaps.length) / (ticks[ticks.length - 1] - ticks[0]), longest: most(gaps) };
}

// First paint and the ready sentence.
{
    const page = await opened('');
    await settled(page);
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN);
    tell('first paint', paint, 'ms', '1000 ms', paint <= 1000);
    const all = await page.evaluate(() => performance.now());
    console.log(`       ready sentence: map drawn ${all.toFixed(0)} ms after navigation`);
    const tasks = await page.evaluate(() => window.long.map((l) => l[1]));
    tell('longest task on the page’s thread, ready sentence', most(tasks), 'ms', '200 ms', most(tasks) <= 200);
    await page.context().close();
}

for (const size of sizes.filter((n) => n < model.context)) {
    const text = await textOf(size);
    const run = await made(text);
    const page = await opened(text);
    await settled(page);
    const box = await page.locator('.matrix canvas').boundingBox();
    const hover = await page.evaluate(async ({ left, top, width, height }) => {
        const canvas = document.querySelector('.matrix canvas');
        const times = [];
        const row = () => document.querySelector('.head-inspector h2')?.textContent + document.querySelector('.head-inspector .bars')?.textContent;
        for (let i = 0; i < 24; i++) {
            const before = row();
            const x = left + width * 0.08;
            const y = top + height * (0.97 - i * 0.03);
            const t = performance.now();
            canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true, pointerId: 1 }));
            while (performance.now() - t < 2000 && (row() === before || document.querySelector('.head-stale'))) await new Promise(requestAnimationFrame);
            times.push(performance.now() - t);
            await new Promise((done) => setTimeout(done, 30));
        }
        return times;
    }, { left: box.x + 118, top: box.y + 92, width: box.width - 162, height: box.height - 93 });
    const bar = size <= 2000 ? 50 : 100;
    tell(`hovered row, ${run.tokens.length} tokens, median of ${hover.length}, bars drawn`, median(hover), 'ms', `${bar} ms`, median(hover) <= bar);
    console.log(`       slowest ${most(hover).toFixed(0)} ms`);
    const switches = [];
    for (let i = 0; i < 6; i++) {
        const source = await page.getAttribute('.matrix canvas', 'data-source');
        const took = await page.evaluate(async (before) => {
            const t = performance.now();
            const next = document.querySelector('[aria-label="next head"]:not(:disabled)') ?? document.querySelector('[aria-label="previous head"]');
            next.click();
            const canvas = document.querySelector('.matrix canvas');
            while (performance.now() - t < 20000 && (canvas.dataset.source === before || canvas.dataset.loading !== 'false')) await new Promise(requestAnimationFrame);
            return performance.now() - t;
        }, source);
        switches.push(took);
    }
    tell(`head switch, ${run.tokens.length} tokens, median of 6, map wholly drawn`, median(switches), 'ms', size <= 1024 ? '250 ms' : 'none (tiles come one by one)', size > 1024 || median(switches) <= 250);
    const tasks = await page.evaluate(() => window.long.map((l) => l[1]));
    tell(`longest task on the page’s thread, ${run.tokens.length} tokens`, most(tasks), 'ms', '200 ms', most(tasks) <= 200);
    await page.context().close();
}

if (long < model.context) {
    const text = await textOf(long);
    let t = performance.now();
    const run = await made(text);
    console.log(`       run of ${run.tokens.length} tokens: ${((performance.now() - t) / 1000).toFixed(1)} s, kept ${(run.bytes / 2 ** 20).toFixed(0)} MiB, ${(run.bytes / run.tokens.length).toFixed(0)} bytes a token`);
    t = performance.now();
    const page = await opened(text);
    await page.waitForSelector('.matrix canvas', { timeout: 300000 });
    console.log(`       map on screen after ${((performance.now() - t) / 1000).toFixed(1)} s`);
    await settled(page);
    console.log(`       wholly drawn after ${((performance.now() - t) / 1000).toFixed(1)} s`);
    await page.evaluate(() => { window.opening = window.long.length; });
    const box = await page.locator('.matrix canvas').boundingBox();
    const x = box.x + box.width * 0.35;
    const y = box.y + box.height * 0.8;
    await page.mouse.move(x, y);
    const zoom = await frames(page, async () => {
        for (let i = 0; i < 40; i++) { await page.mouse.wheel(0, i < 30 ? -60 : 60); await page.waitForTimeout(50); }
    });
    tell(`zoom, ${run.tokens.length} tokens`, zoom.fps, 'fps', '30 fps', zoom.fps >= 30);
    console.log(`       longest frame ${zoom.longest.toFixed(0)} ms`);
    const pan = await frames(page, async () => {
        for (let n = 0; n < 4; n++) {
            await page.mouse.move(x, y);
            await page.mouse.down();
            for (let i = 0; i < 30; i++) { await page.mouse.move(x + (n % 2 ? -1 : 1) * i * 7, y - i * 5); await page.waitForTimeout(16); }
            await page.mouse.up();
        }
    });
    tell(`pan, ${run.tokens.length} tokens`, pan.fps, 'fps', '30 fps', pan.fps >= 30);
    console.log(`       longest frame ${pan.longest.toFixed(0)} ms`);
    t = performance.now();
    await settled(page);
    console.log(`       all tiles in view ${(performance.now() - t).toFixed(0)} ms after the last drag`);
    const tasks = await page.evaluate(() => ({ opening: window.long.slice(0, window.opening).map((l) => l[1]), after: window.long.slice(window.opening).map((l) => l[1]) }));
    tell(`longest task while opening, ${run.tokens.length} tokens`, most(tasks.opening), 'ms', '200 ms', most(tasks.opening) <= 200);
    tell('longest task while zooming and panning', most(tasks.after), 'ms', '200 ms', most(tasks.after) <= 200);
    await page.context().close();
} else {
    console.log(`       ${long} tokens not measured: the model's context is ${model.context}; bench makes a model for it`);
}
await browser.close();
process.exit(missed ? 1 : 0);
