import { stream } from '../api';
import { aborted, ApiError, asApiError } from '../errors';
import { generatedFrom } from '../parts/generated';
import { runSpec, take } from '../session';
import { progress, run, select, selection, settings, spec, urlNumber } from '../state';

interface Done { from: number; ids: number[]; text: string; same: boolean; end: string }

const seed = urlNumber('predict.seed', 0);
const rules = { temperature: urlNumber('predict.t', 1), top_k: urlNumber('predict.k', 0), top_p: urlNumber('predict.p', 1), min_p: urlNumber('predict.m', 0) };

/** Rules were chosen on the Predict screen: then a token is drawn by them, and else the likeliest taken. */
export const drawn = (): boolean => ['t', 'k', 'p', 'm'].some((name) => 'predict.' + name in settings.value);

/**
 * Lets the model add its next token to the text that was run, and runs that: the likeliest, or one drawn by the rules of the Predict screen.
 * `most` tokens at most. Where their text alone would not give the same tokens again, the tokens themselves are run.
 * A draw takes the next seed for the one after it.
 */
export async function oneMore(draw = drawn(), most = 1): Promise<void> {
    const signal = take();
    const { model, text, ids, changes, other } = spec.value;
    progress.value = { state: 'waiting', since: Date.now(), why: most === 1 ? 'the next token' : `the next ${most} tokens`, retryAt: null };
    const since = Date.now();
    let made = 0;
    const sampling = draw ? { temperature: rules.temperature.value, top_k: Math.trunc(rules.top_k.value), top_p: rules.top_p.value, min_p: rules.min_p.value, seed: Math.trunc(seed.value) } : {};
    try {
        const told: { done: Done | null } = { done: null };
        await stream('generate', { model, ...(ids ? { ids } : { text }), changes, ...(other ? { other } : {}), max_tokens: most, ...sampling }, (event, data) => {
            if (event === 'done') told.done = data as Done;
            if (event === 'token' && most > 1) progress.value = { state: 'waiting', since, why: `token ${++made} of ${most}: “${(data as { text: string }).text}”`, retryAt: null };
            if (event === 'failed') {
                const { error } = data as { error: { code: string; message: string; remedy?: string } };
                throw new ApiError(422, error.code, error.message, error.remedy ?? '');
            }
        }, signal);
        const { done } = told;
        if (!done || spec.value.text !== text) return;
        if (done.ids.length <= done.from || (done.same && done.text === text)) {
            throw new ApiError(-1, 'end', 'The model ends the text here: its likeliest next token is the end of the sequence.', 'Write on yourself, or see the other tokens under Predict.');
        }
        const followed = selection.value.query === done.from - 1;
        if (generatedFrom.value > done.from) generatedFrom.value = done.from;
        if (draw) seed.value = Math.trunc(seed.value) + 1;
        await runSpec(done.same ? { text: done.text } : { text: done.text, ids: done.ids });
        if (followed && run.value) select({ query: run.value.tokens.length - 1 });
    } catch (error) {
        if (!signal.aborted && !aborted(error)) progress.value = { state: 'failed', error: asApiError(error) };
    }
}
