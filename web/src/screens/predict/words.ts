import { short } from '../../parts/number';
import { named, visible } from '../../parts/token';
import type { Token } from '../../types';
import type { Named, Predicted } from './data';
import type { Left, Ordered } from './rules';

export const quoted = (text: string): string => `“${visible(text)}”`;

/** The most likely token, and what the rules leave. */
export function nextSentence(after: Token, p: Ordered, l: Left, names: Map<number, Named>): string {
    const best = p.order[0];
    const name = quoted(names.get(best)?.text ?? '#' + best);
    let text = `After ${named(after)} the most likely next token is ${name} with probability ${short(l.probability(best))}`;
    if (l.kept < p.order.length) {
        text += `; ${l.lines.map((line) => line.text).join(', ')} ${l.lines.length === 1 ? 'leaves' : 'leave'} ${l.kept.toLocaleString('en-US')} of ${p.order.length.toLocaleString('en-US')} tokens`;
        if (l.kept > 1) text += `, and ${name} is drawn with ${short(l.drawn(best))}`;
    } else if (l.rules.temperature !== 1) {
        text += `; at temperature ${l.rules.temperature} it is drawn with ${short(l.drawn(best))}`;
    }
    return text + '.';
}

export function drawsSentence(drawn: Predicted): string {
    const d = drawn.draws;
    if (!d) return '';
    const most = d.counts.reduce((a, b) => (b.count > a.count ? b : a));
    return `${d.count.toLocaleString('en-US')} draws with seed ${d.seed} gave ${d.counts.length === 1 ? 'one token' : `${d.counts.length} different tokens`}; ${quoted(most.text)} came ${most.count} times, ${short(most.drawn * d.count)} were to be expected.`;
}
