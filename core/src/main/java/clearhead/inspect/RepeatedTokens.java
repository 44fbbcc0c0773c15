package clearhead.inspect;

import clearhead.nn.Transformer;
import java.util.HashSet;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/// Random tokens said twice, on which heads that follow a repetition give themselves away: nothing in
/// them means anything, so nothing else can be followed. Olsson et al. 2022, arXiv:2209.11895.
///
/// @param ids `lead`, then `period` tokens, then the same again
/// @param lead how many tokens stand in front, such as a beginning-of-sequence token
/// @param period different tokens, if the vocabulary has as many
/// @param seed same seed, same tokens
public record RepeatedTokens(int[] ids, int lead, int period, long seed) {
    /// Tokens that are said twice, where the context holds them.
    public static final int PERIOD = 50;

    /// The seed of every table.
    public static final long SEED = 1;

    /// The tokens for a model, if its context holds enough of them.
    ///
    /// @param lead tokens to begin with; may be empty
    /// @param ordinary which ids may be drawn: not control tokens
    public static Optional<RepeatedTokens> of(Transformer model, int[] lead, IntPredicate ordinary, long seed) {
        int period = Math.min(PERIOD, (model.context() - lead.length) / 2);
        int[] pool = java.util.stream.IntStream.range(0, model.vocab())
                .filter(ordinary)
                .toArray();
        if (period < HeadLabel.ROWS || pool.length < 2) {
            return Optional.empty();
        }
        var random = new SplittableRandom(seed);
        var ids = new int[lead.length + 2 * period];
        System.arraycopy(lead, 0, ids, 0, lead.length);
        var drawn = new HashSet<Integer>();
        for (int i = 0; i < period; i++) {
            int id = pool[random.nextInt(pool.length)];
            while (!drawn.add(id) && drawn.size() < pool.length) {
                id = pool[random.nextInt(pool.length)];
            }
            ids[lead.length + i] = id;
            ids[lead.length + period + i] = id;
        }
        return Optional.of(new RepeatedTokens(ids, lead.length, period, seed));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RepeatedTokens r && lead == r.lead && java.util.Arrays.equals(ids, r.ids);
    }

    @Override
    public int hashCode() {
        return java.util.Arrays.hashCode(ids);
    }

    /// `50 random tokens said twice, seed 1`.
    @Override
    public String toString() {
        return period + " random tokens said twice, seed " + seed;
    }
}
