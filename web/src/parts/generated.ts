import { urlNumber } from '../state';

const first = urlNumber('from', -1);

/** Position of the first token that the model wrote itself; Infinity: all were given. Kept in the link. */
export const generatedFrom = {
    get value(): number { return first.value >= 0 ? first.value : Infinity; },
    set value(position: number) { first.value = Number.isFinite(position) ? position : -1; },
};
