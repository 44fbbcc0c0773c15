/** What went wrong in words, and what to do: shown as it is. */
export class ApiError extends Error {
    constructor(readonly status: number, readonly code: string, message: string, readonly remedy: string, readonly retryAfter: number | null = null) {
        super(message);
        this.name = 'ApiError';
    }
    /** The server could not be reached at all. */
    get gone(): boolean { return this.status === 0; }
}

export function asApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ApiError(-1, 'page', message, 'This is a fault of the page. Reload it; your text is kept.');
}

export const aborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';
