import { computed } from '@preact/signals';
import { of, selection, view } from '../../state';
import { list, otherToken, received, shownToken, units } from './look';
import { sentence } from './sentence';

export interface Pair { query: number; key: number; value: number | null; masked: boolean; chosen: boolean }

/** The pair that the sentence is about, in units: the one pointed at or chosen, else the strongest of the row or column. */
export const pair = computed<Pair | null>(() => {
    const now = units.value;
    const shown = list.value;
    if (!now) return null;
    const at = now.of(shownToken.value);
    const fresh = received.value?.at === at ? shown : null;
    const chosen = otherToken.value === null ? null : now.of(otherToken.value);
    const other = chosen ?? fresh?.entries[0]?.position ?? null;
    if (other === null) return null;
    const [query, key] = view.value.side === 'row' ? [at, other] : [other, at];
    const value = fresh?.shown[other];
    return { query, key, value: value === undefined || Number.isNaN(value) ? null : value, masked: key > query || (fresh !== null && Number.isNaN(received.value?.values[other])), chosen: chosen !== null };
});

export const pairSentence = computed<string>(() => {
    const now = units.value;
    const about = pair.value;
    if (!now) return '';
    const { kind, side, unit, sink } = view.value;
    const named = (i: number) => ({ text: now.label(i), position: i });
    return sentence({
        of: of.value, kind, side, unit, renormalised: kind === 'weights' && sink === 'renormalise', query: named(about?.query ?? now.of(selection.value.query)),
        key: about ? named(about.key) : null, value: about?.value ?? null, masked: about?.masked ?? false,
    });
});
