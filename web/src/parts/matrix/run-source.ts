import { floats, runFloats } from '../../api';
import type { View } from '../../link';
import type { Run } from '../../types';
import type { Source } from './source';
import { TILE } from './tiles';

export interface Wanted { of: string; kind: View['kind']; pool: 'max' | 'mean'; unit?: View['unit'] }

/** A head, or an aggregate of heads, of a run. `rows`: tokens, or words or sentences where `unit` says so. `other`: a run that is not the one on screen. */
export function runSource(run: Run, { of, kind, pool, unit = 'token' }: Wanted, other = false): Source {
    const rows = unit === 'token' ? run.tokens.length : run.tokens.reduce((most, t) => Math.max(most, t[unit]), 0) + 1;
    return {
        name: [run.id, of, kind, pool, unit].join(' '),
        extent: { rows, columns: rows, causal: true },
        pool,
        async tile({ level, x, y }, signal) {
            const params = { of, kind, level, x, y, pool, ...(unit === 'token' ? {} : { unit }) };
            const values = await (other ? floats(`runs/${run.id}/tile`, params, signal) : runFloats('tile', params, signal));
            if (values.length !== TILE * TILE) throw new Error(`a tile of ${values.length} numbers came, ${TILE * TILE} were expected`);
            return values;
        },
    };
}
