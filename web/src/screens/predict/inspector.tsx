import { Num } from '../../parts/number';
import { selection, useRun } from '../../state';
import { part, rules } from './data';
import { inspected } from './shown';

export function Inspector() {
    const run = useRun();
    const query = selection.value.query;
    const next = inspected.value;
    const r = rules();
    return (
        <>
            <h2>{part.value === 'lens' ? 'The logit lens' : part.value === 'sum' ? 'Direct contributions' : 'From logits to a token'}</h2>
            {part.value === 'lens' ? (
                <>
                    <pre class="formula">{'logits(layer, i) =\n  head( last norm( residual(layer, i) ) )'}</pre>
                    <p class="quiet">nostalgebraist 2020. The top row is the model's own prediction, to the bit.</p>
                </>
            ) : part.value === 'sum' ? (
                <>
                    <pre class="formula">{'x = embedding + Σ heads + Σ MLP\nlogit = u · (w · x / r)\n      = Σ over parts u · (w · part / r)\nr: the last norm’s divisor, held'}</pre>
                    <p class="quiet">u is the token's row of the head, or the difference of two. Elhage et al. 2021. With LayerNorm the mean is taken off, and its bias is a part.</p>
                </>
            ) : (
                <>
                    <pre class="formula">{`1 top-k   the k most likely stay\n2 top-p   of these, the fewest that reach p\n3 min-p   of these, p ≥ min-p · p(first)\n4 drawn = exp(logit / T) / Σ over what stays\n          T = ${r.temperature}`}</pre>
                    <p class="quiet">Steps 2 and 3 go by probabilities at T = 1, as in <code>generate</code>; the same code draws.</p>
                    {next && next.query === query && (
                        <dl class="facts-list">
                            <div><dt>vocabulary</dt><dd>{next.p.order.length.toLocaleString('en-US')}</dd></div>
                            <div><dt>log-sum-exp</dt><dd><Num value={next.p.lse} digits={5} /></dd></div>
                            <div><dt>entropy</dt><dd><Num value={next.p.entropy} digits={4} /> nats</dd></div>
                            <div><dt>as many as e^entropy</dt><dd><Num value={Math.exp(next.p.entropy)} /> equal tokens</dd></div>
                        </dl>
                    )}
                </>
            )}
            <p class="quiet">After token {query} of {run.tokens.length - 1}; the ribbon or ← → choose another.</p>
        </>
    );
}
