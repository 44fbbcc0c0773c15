import type { View } from '../../link';

export interface Call {
    /** The run's own line, as the server gives it: `./clearhead attend --model … 'text'`. */
    run: string;
    text: string; changes: string[];
    of: string; query: number; key: number;
    view: Pick<View, 'kind' | 'unit' | 'side'>;
}

/** A Java string literal. */
export const literal = (text: string): string => '"' + text.replace(/[\\"\u0000-\u001f\u2028\u2029]/g, (c) => (c === '\\' ? '\\\\' : c === '"' ? '\\"' : c === '\n' ? '\\n' : c === '\t' ? '\\t' : c === '\r' ? '\\r'
    : '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))) + '"';

/** The command line that prints what is on screen. */
export function cli({ run, changes, of, query, key, view }: Call): string {
    const single = /^(\d+)\.(\d+)$/.exec(of);
    const plain = single && !changes.length && view.kind === 'weights' && view.unit === 'token' && view.side === 'row';
    const words = plain ? ['--layer', single[1], '--head', single[2], '--query', String(query)]
        : ['--of', of.includes('*') ? `'${of}'` : of, ...(view.side === 'row' ? ['--query', String(query)] : ['--column', String(key)]),
            ...(view.kind === 'weights' ? [] : ['--kind', view.kind]), ...(view.unit === 'token' ? [] : ['--unit', view.unit])];
    return run.replace(/ attend( |$)/, ` attend ${words.join(' ').replaceAll('$', '$$$$')}$1`);
}
