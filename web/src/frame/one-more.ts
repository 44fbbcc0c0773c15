import { stream } from '../api';
import { aborted, ApiError, asApiError } from '../errors';
import { generatedFrom } from '../parts/generated';
import { runSpec } from '../session';
import { progress, run, select, selection, spec } from '../state';

interface Done { from: number; ids: number[]; text: string; same: boolean; end: string }

let under: AbortController | null = null;

/** Lets the model add its likeliest next token to the text that was run, and runs that. */
export async function oneMore(): Promise<void> {
    under?.abort();
    const controller = (under = new AbortController());
    const { model, text, changes, other } = spec.value;
    progress.value = { state: 'waiting', since: Date.now(), why: 'the next token', retryAt: null };
    try {
        const told: { done: Done | null } = { done: null };
        await stream('generate', { model, text, changes, ...(other ? { other } : {}), max_tokens: 1 }, (event, data) => {
            if (event === 'done') told.done = data as Done;
            if (event === 'failed') {
                const { error } = data as { error: { code: string; message: string; remedy?: string } };
                throw new ApiError(422, error.code, error.message, error.remedy ?? '');
            }
        }, controller.signal);
        const { done } = told;
        if (!done || spec.value.text !== text) return;
        if (done.ids.length <= done.from || done.text === text) {
            throw new ApiError(-1, 'end', 'The model ends the text here: its likeliest next token is the end of the sequence.', 'Write on yourself, or see the other tokens under Predict.');
        }
        const followed = selection.value.query === done.from - 1;
        if (generatedFrom.value > done.from) generatedFrom.value = done.from;
        await runSpec({ text: done.text });
        if (followed && run.value) select({ query: run.value.tokens.length - 1 });
    } catch (error) {
        if (!aborted(error)) progress.value = { state: 'failed', error: asApiError(error) };
    }
}
