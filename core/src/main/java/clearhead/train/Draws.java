package clearhead.train;

/// Random numbers that are a function of (seed, stream, index): the n-th draw can be made without the
/// ones before it, so a resumed run goes on with the very numbers of an uninterrupted one. The mixing
/// function is SplitMix64's. Steele, Lea and Flood 2014, doi:10.1145/2714064.2660195.
final class Draws {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private final long key;

    /// @param stream keeps apart what is drawn for different purposes
    Draws(long seed, long stream) {
        this.key = mix(mix(seed + GOLDEN) ^ (stream * GOLDEN));
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /// 64 random bits.
    long bits(long index) {
        return mix(key + (index + 1) * GOLDEN);
    }

    /// Uniform in [0, 1).
    double uniform(long index) {
        return (bits(index) >>> 11) * 0x1p-53;
    }

    /// Uniform in 0 … bound − 1.
    int below(long index, int bound) {
        return (int) (uniform(index) * bound);
    }

    /// Normally distributed with mean 0 and variance 1. Box and Muller 1958; `StrictMath`, so that
    /// every machine starts a model from the same numbers.
    double normal(long index) {
        double u = 1 - uniform(2 * index);
        double v = uniform(2 * index + 1);
        return StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(2 * Math.PI * v);
    }

    /// A random order of 0 … count − 1. Fisher and Yates.
    int[] order(int count) {
        var order = new int[count];
        for (int i = 0; i < count; i++) {
            int j = below(i, i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
