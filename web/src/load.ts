import { useEffect, useRef, useState } from 'preact/hooks';
import { aborted, asApiError, type ApiError } from './errors';
import { online } from './state';

export interface Loaded<T> {
    /** The newest that came; stays while the next is loading. */
    value: T | null;
    error: ApiError | null;
    loading: boolean;
}

/**
 * Loads when `deps` change; aborts what they superseded; goes on by itself when the server is back.
 *
 *     const row = useLoad((signal) => runFloats('row', { of: of.value, query }, signal), [run.id, of.value, query]);
 *     if (row.error) return <Failed error={row.error} />;
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
    const [state, set] = useState<Loaded<T>>({ value: null, error: null, loading: true });
    const last = useRef(load);
    last.current = load;
    const again = state.error?.gone ? online.value : true;
    useEffect(() => {
        const controller = new AbortController();
        set((before) => ({ value: before.value, error: null, loading: true }));
        last.current(controller.signal).then(
            (value) => { if (!controller.signal.aborted) set({ value, error: null, loading: false }); },
            (error: unknown) => {
                if (controller.signal.aborted || aborted(error)) return;
                set({ value: null, error: asApiError(error), loading: false });
            },
        );
        return () => controller.abort();
    }, [...deps, again]);
    return state;
}
