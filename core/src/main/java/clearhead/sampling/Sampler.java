package clearhead.sampling;

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
        random = random(sampling.seed());
    }

    /// One named algorithm, so that a seed means the same on every machine and JDK.
    public static RandomGenerator random(long seed) {
        return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
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
        Candidates.penalize(logits, Arrays.copyOf(recent, Math.min(seen, recent.length)), sampling.repeatPenalty());
        return sampling.temperature() == 0
                ? mostLikely(logits)
                : Candidates.of(logits, sampling).draw(random);
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
}
