package clearhead.ops;

/// Dropout of attention weights in training: each is kept with probability 1 − p and then divided by
/// it. Srivastava et al. 2014. Which ones are kept is a function of the seed and of the weight's
/// place alone, so that the way back drops the same ones, in any order and on any number of threads.
///
/// @param probability p, from 0 (none) to below 1
/// @param seed of this layer and step
/// @param first added to the number of a sequence, so that a batch that runs in pieces drops what it
///     would drop as a whole
public record Dropout(double probability, long seed, int first) {
    public static final Dropout NONE = new Dropout(0, 0, 0);

    private static final int BITS = 24;

    public Dropout {
        if (!(probability >= 0 && probability < 1)) {
            throw new IllegalArgumentException("dropout needs a probability from 0 to below 1, got " + probability);
        }
    }

    /// Of another layer: the same probability, other weights.
    public Dropout of(int layer) {
        return new Dropout(probability, mix(seed ^ mix(layer + 1)), first);
    }

    /// Whether it does nothing.
    public boolean isNone() {
        return probability == 0;
    }

    /// What the random bits of a row begin with.
    ///
    /// @param query number of the query among the sequence's queries
    public int row(int sequence, int head, int query) {
        long z = mix(seed + 0x9E3779B97F4A7C15L);
        z = mix(z ^ (sequence + (long) first));
        z = mix(z ^ head);
        return (int) (mix(z ^ query) >>> 32);
    }

    /// Weights whose 24 random bits are below this are dropped.
    public int threshold() {
        return (int) Math.round(probability * (1 << BITS));
    }

    /// Whether the weight of a key is kept: the finalizer of MurmurHash3 on row ^ key·0x9E3779B9.
    ///
    /// @param row of [#row]
    public boolean keeps(int row, int key) {
        int x = row ^ key * 0x9E3779B9;
        x = (x ^ x >>> 16) * 0x85EBCA6B;
        x = (x ^ x >>> 13) * 0xC2B2AE35;
        x ^= x >>> 16;
        return x >>> 32 - BITS >= threshold();
    }

    private static long mix(long z) {
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
