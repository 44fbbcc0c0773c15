import { short } from '../parts/number';
import { number, type Parity } from '../types';

/** Do the weights on the page give what the forward pass computed? */
export function ParityBadge({ parity }: { parity: Parity }) {
    const largest = number(parity.largest_difference);
    const text = parity.holds ? `matches forward ${short(largest, 3)}` : `does not match forward: ${short(largest, 3)}`;
    const more = `Weights are computed again from q, k and the run’s log-sum-exp; weights times values then meet the forward pass’s own sums within ${short(number(parity.relative), 4)} of the largest value`
        + ` (allowed: ${short(number(parity.tolerance), 3)}), over ${parity.rows.toLocaleString('en-US')} of ${parity.of.toLocaleString('en-US')} query rows.`;
    return (
        <>
            <button type="button" class={'badge ' + (parity.holds ? 'good' : 'bad')} popovertarget="parity" title={more}>{parity.holds ? '✓ ' : '✗ '}{text}</button>
            <div id="parity" popover="auto" class="popover" role="note">{more}</div>
        </>
    );
}
