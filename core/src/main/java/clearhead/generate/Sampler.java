package clearhead.generate;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// Draws the tokens of one sequence. See [Sampling] for what it does in which order.
public final class Sampler {
    private final Sampling sampling;
    private final RandomGenerator random;
    private final int[] recent = new int[Sampling.REPEAT_WINDOW];
    private int seen;

    public Sampler(Sampling sampling) {
        this.sampling = sampling;
        // one named algorithm, so that a seed means the same on every machine and JDK
        random = RandomGeneratorFactory.of("L64X128MixRandom").create(sampling.seed());
    }

    /// Notes a token of the prompt, or one that was drawn.
    public void accept(int id) {
        recent[seen++ % recent.length] = id;
    }

    /// @param logits [1, vocab] or [vocab]
    /// @return the id of the next token, which the caller reports back by [#accept]
    public int next(Tensor logits) {
        return next(logits.toFloats());
    }

    /// @param logits [vocab]; changed
    int next(float[] logits) {
        penalize(logits);
        return sampling.temperature() == 0 ? mostLikely(logits) : draw(logits);
    }

    private void penalize(float[] logits) {
        if (sampling.repeatPenalty() == 1) {
            return;
        }
        int[] ids = Arrays.stream(recent, 0, Math.min(seen, recent.length))
                .distinct()
                .toArray();
        for (int id : ids) {
            double logit = logits[id];
            logits[id] = (float) (logit > 0 ? logit / sampling.repeatPenalty() : logit * sampling.repeatPenalty());
        }
    }

    static int mostLikely(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    private int draw(float[] logits) {
        int[] ids = sorted(logits);
        int kept = sampling.topK() == 0 ? ids.length : Math.min(sampling.topK(), ids.length);
        double most = logits[ids[0]];
        kept = keepTopP(logits, ids, kept, most);
        if (sampling.minP() > 0) {
            double least = most + StrictMath.log(sampling.minP());
            while (kept > 1 && logits[ids[kept - 1]] < least) {
                kept--;
            }
        }
        var weights = new double[kept];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            weights[i] = StrictMath.exp((logits[ids[i]] - most) / sampling.temperature());
            sum += weights[i];
        }
        double left = (random.nextLong() >>> 11) * 0x1p-53 * sum;
        for (int i = 0; i < kept - 1; i++) {
            left -= weights[i];
            if (left < 0) {
                return ids[i];
            }
        }
        return ids[kept - 1];
    }

    /// How many of the first `kept` stay.
    private int keepTopP(float[] logits, int[] ids, int kept, double most) {
        if (sampling.topP() == 1) {
            return kept;
        }
        var weights = new double[kept];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            weights[i] = StrictMath.exp(logits[ids[i]] - most);
            sum += weights[i];
        }
        double reached = 0;
        for (int i = 0; i < kept; i++) {
            reached += weights[i];
            if (reached >= sampling.topP() * sum) {
                return i + 1;
            }
        }
        return kept;
    }

    /// Ids by falling logit, of equals the lower id first.
    private static int[] sorted(float[] logits) {
        var keys = new long[logits.length];
        for (int i = 0; i < keys.length; i++) {
            // -0.0 and 0.0 are equal as logits
            int bits = Float.floatToIntBits(logits[i] + 0f);
            int rising = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
            keys[i] = ((long) ~rising << 32) | i;
        }
        Arrays.sort(keys);
        var ids = new int[keys.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (int) keys[i];
        }
        return ids;
    }
}
