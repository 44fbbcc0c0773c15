import { full, short } from '../parts/number';
import { number, type Parity } from '../types';

/** Do the weights on the page give what the forward pass computed? */
export function ParityBadge({ parity }: { parity: Parity }) {
    const largest = number(parity.largest_difference);
    const text = parity.holds ? `matches forward ${short(largest, 3)}` : `does not match forward: ${short(largest, 3)}`;
    const more = `Weights are computed again from q, k and the run's log-sum-exp; weights times values then meet the forward pass's own sums within ${full(number(parity.relative))} of the largest`
        + ` (allowed: ${full(number(parity.tolerance))}), over ${parity.rows.toLocaleString('en-US')} of ${parity.of.toLocaleString('en-US')} query rows.`;
    return <span class={'badge ' + (parity.holds ? 'good' : 'bad')} role="img" aria-label={text + '. ' + more} title={more}>{parity.holds ? '✓ ' : '✗ '}{text}</span>;
}
