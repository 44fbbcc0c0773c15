import { useEffect, useMemo } from 'preact/hooks';
import { useLoad } from '../../load';
import { Choice } from '../../parts/controls';
import { count, Num } from '../../parts/number';
import { Failed, Sentence, Waiting } from '../../parts/said';
import { Numbers } from '../../parts/table';
import { visible } from '../../parts/token';
import { Beside } from './beside';
import { ask, askPiece, besides, bits, from, look, main, others, PAGE, picked, piece, shown, source, shownName, special, text, tokenizers, type Look } from './data';
import { splitCharacters } from './layout';
import { label, Rows } from './rows';
import { Tree } from './tree';

export function View() {
    const list = useLoad(() => tokenizers(), []);
    if (list.error) return <Failed error={list.error} />;
    if (!list.value) return <Waiting what="asking for the tokenizers" />;
    return <Apart known={list.value} />;
}

function Apart({ known }: { known: { name: string; of_model: boolean }[] }) {
    const name = shownName(known);
    const more = besides().filter((other) => other !== name);
    const typed = text.value;
    const told = useLoad(async (signal) => ({ of: typed, told: await ask(typed, [name, ...more], signal) }), [typed, name, others.value, special.value, from.value]);
    const now = useMemo(() => (told.value ? look(told.value.of, told.value.told.tokenizers[0]) : null), [told.value]);
    const at = now ? chosen(now) : -1;
    useEffect(() => { shown.value = now; source.value = told.value?.of ?? ''; }, [now]);
    return (
        <section class="tokens" aria-label="Tokens">
            <div class="tokens-controls">
                <label>Tokenizer <select value={name} onChange={(e) => { main.value = e.currentTarget.value; }}>{known.map((t) => <option key={t.name} value={t.name}>{t.name}{t.of_model ? ' (the model’s)' : ''}</option>)}</select></label>
                <label>Add tokenizer <select value="" disabled={more.length >= 3} onChange={(e) => { others.value = [...more, e.currentTarget.value].join(','); }}>
                    <option value="">beside it …</option>
                    {known.filter((t) => t.name !== name && !more.includes(t.name)).map((t) => <option key={t.name} value={t.name}>{t.name}</option>)}
                </select></label>
                <Choice label="special tokens" value={special.value === 'parse' ? 'parse' : 'text'} options={[['text', 'as text'], ['parse', 'parsed']]} onChange={(v) => { special.value = v; }} />
                <Choice label="bits" value={bits.value === 'hide' ? 'hide' : 'show'} options={[['show', 'show'], ['hide', 'hide']]} onChange={(v) => { bits.value = v; }} />
            </div>
            {told.error && <Failed error={told.error} />}
            {now && told.value ? (
                <>
                    <Sentence>{sentence(now)}</Sentence>
                    <Counts look={now} />
                    {now.told.tokens > PAGE && <Pager of={now.told.tokens} />}
                    {typed === '' ? <p class="quiet">Type something above: it is taken apart with every keystroke.</p>
                        : <Rows look={now} bits={bits.value !== 'hide'} picked={at} onPick={(t) => { picked.value = t; }} />}
                    {told.value.told.tokenizers.length > 1 && <Beside told={told.value.told.tokenizers} />}
                    <Numbers caption="Tokens" columns={['token', 'text', 'id', 'bytes', 'byte from', 'byte to']} rows={now.tokens.map((t) => [t.index, label(t), t.id, t.bytes, t.start, t.end])}
                        onPick={(row) => { picked.value = now.tokens[row].index; }} picked={at - now.told.first_token} />
                </>
            ) : !told.error && <Waiting what="taking the text apart" />}
        </section>
    );
}

/** The token whose merges are shown: the one picked, or the longest of the first ones. */
export function chosen(now: Look): number {
    const first = now.told.first_token;
    if (picked.value >= first && picked.value < first + now.tokens.length) return picked.value;
    let best = first;
    now.tokens.slice(0, 60).forEach((t) => { if (t.kind === 'text' && t.end - t.start > (now.tokens[best - first]?.end ?? 0) - (now.tokens[best - first]?.start ?? 0)) best = t.index; });
    return now.tokens.length ? best : -1;
}

export function sentence(now: Look): string {
    const split = splitCharacters(now.characters, now.tokens);
    const n = split.filter((s) => s > 1).length;
    const example = now.characters[split.findIndex((s) => s > 1)];
    return `${now.told.name} cuts ${count(now.bytes.length, 'byte')} into ${count(now.told.tokens, 'token')}`
        + (n > 0 ? `; ${n === 1 ? 'one character is' : `${n} characters are`} split over several tokens, such as “${visible(example.text)}” over ${split.find((s) => s > 1)}.` : now.told.tokens > 0 ? '; no character is split.' : '.');
}

function Counts({ look: now }: { look: Look }) {
    let points = 0;
    for (let i = 0; i < now.bytes.length; i++) if ((now.bytes[i] & 0xc0) !== 0x80) points++;
    return (
        <dl class="counts">
            <div><dt>characters</dt><dd><Num value={now.graphemes} /></dd></div>
            <div><dt>code points</dt><dd><Num value={points} /></dd></div>
            <div><dt>bytes</dt><dd><Num value={now.bytes.length} /></dd></div>
            <div><dt>bits</dt><dd><Num value={8 * now.bytes.length} /></dd></div>
            <div><dt>tokens</dt><dd><Num value={now.told.tokens} /></dd></div>
            <div><dt>bytes a token</dt><dd><Num value={now.told.tokens ? now.bytes.length / now.told.tokens : null} /></dd></div>
        </dl>
    );
}

function Pager({ of }: { of: number }) {
    const at = Math.max(0, from.value);
    return (
        <div class="pager" role="group" aria-label="Part of the text">
            <button type="button" disabled={at === 0} onClick={() => { from.value = Math.max(0, at - PAGE); }}>‹ earlier</button>
            <span class="num">tokens {at.toLocaleString('en-US')} to {Math.min(of, at + PAGE).toLocaleString('en-US')} of {of.toLocaleString('en-US')}</span>
            <button type="button" disabled={at + PAGE >= of} onClick={() => { from.value = at + PAGE; }}>later ›</button>
        </div>
    );
}

/** Beside the rows: how the picked token was put together. */
export function Inspector() {
    const now = shown.value;
    const token = now?.tokens[chosen(now) - now.told.first_token];
    return now && token ? <div class="tokens"><Merged of={source.value} name={now.told.name} token={token} /></div> : <></>;
}

function Merged({ of, name, token }: { of: string; name: string; token: Look['tokens'][number] }) {
    const got = useLoad(async (signal) => ({ number: token.piece, piece: await askPiece(of, name, token.piece, signal) }), [of, name, token.piece, special.value]);
    useEffect(() => { piece.value = got.value?.piece ? { piece: got.value.piece, number: got.value.number } : null; }, [got.value]);
    return (
        <section class="merged" aria-label="How this token was made">
            <h2>How <span class="mono">{label(token)}</span> was made</h2>
            <p class="quiet">token {token.index}, id {token.id}, {count(token.end - token.start, 'byte')}</p>
            {got.error ? <Failed error={got.error} /> : got.value?.piece ? <Tree piece={got.value.piece} token={token.index} /> : <Waiting what="replaying the merges" />}
        </section>
    );
}
