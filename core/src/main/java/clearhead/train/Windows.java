package clearhead.train;

import clearhead.io.ModelFileException;

/// Which tokens each step learns from, as a function of seed and step alone. In each round through
/// the tokens every window is drawn once, in random order; each round starts at another offset, so
/// that windows fall differently.
final class Windows {
    private final TokenShard shard;
    private final int context;
    private final long seed;
    private final int perRound;
    private long round = -1;
    private int offset;
    private int[] order = {};

    /// @param context tokens of a window
    Windows(TokenShard shard, int context, long seed) {
        this.shard = shard;
        this.context = context;
        this.seed = seed ^ 0x77696e646f7773L; // other draws than the starting weights
        // The last window needs one token more, as its last target.
        this.perRound = Math.toIntExact((shard.size() - 1) / context) - 1;
        if (perRound < 1) {
            throw new ModelFileException(
                    "the training texts",
                    "wanted at least " + (2L * context + 1) + " tokens for a context of " + context + ", found "
                            + shard.size());
        }
    }

    /// Windows of one round.
    int perRound() {
        return perRound;
    }

    /// The n-th window of the training, from 0: context tokens into `inputs`, each one's successor
    /// into `targets`, both from `at` on.
    void copy(long n, int[] inputs, int[] targets, int at) {
        prepare(n / perRound);
        long from = offset + (long) order[(int) (n % perRound)] * context;
        shard.copy(from, inputs, at, context);
        shard.copy(from + 1, targets, at, context);
    }

    private void prepare(long wanted) {
        if (wanted != round) {
            offset = new Draws(seed, 2 * wanted + 1).below(0, context);
            order = new Draws(seed, 2 * wanted + 2).order(perRound);
            round = wanted;
        }
    }
}
