package clearhead.generate;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// What becomes of the vectors of a text's tokens: one vector. The names are those of the sentence-transformers.
public enum Pooling {
    /// The first token's.
    CLS,
    /// Their mean.
    MEAN,
    /// The largest of each element.
    MAX,
    /// Their sum over the square root of their number.
    MEAN_SQRT_LEN,
    /// Their mean, where the nth token weighs n.
    WEIGHTED_MEAN,
    /// The last token's.
    LAST;

    /// The pooling of a name: `cls`, `mean`, `max`, `mean_sqrt_len`, `weighted_mean`, `last`, as sentence-transformers
    /// writes them (`mean_sqrt_len_tokens`, `lasttoken`, `weightedmean`) too.
    public static Optional<Pooling> named(String name) {
        String plain = name.toLowerCase(java.util.Locale.ROOT).replaceFirst("_?tokens?$", "");
        return switch (plain) {
            case "weightedmean" -> Optional.of(WEIGHTED_MEAN);
            case "mean_sqrt" -> Optional.of(MEAN_SQRT_LEN);
            default ->
                Arrays.stream(values()).filter(p -> p.toString().equals(plain)).findFirst();
        };
    }

    /// All names.
    public static List<String> names() {
        return Arrays.stream(values()).map(Pooling::toString).toList();
    }

    @Override
    public String toString() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /// @param tokens [count, dim], row-major
    /// @return [dim]
    float[] of(float[] tokens, int from, int count, int dim) {
        var sum = new double[dim];
        if (this == MAX) {
            Arrays.fill(sum, Double.NEGATIVE_INFINITY);
        }
        for (int t = 0; t < count; t++) {
            int at = (from + t) * dim;
            for (int i = 0; i < dim; i++) {
                float x = tokens[at + i];
                switch (this) {
                    case CLS -> sum[i] = t == 0 ? x : sum[i];
                    case LAST -> sum[i] = x;
                    case MAX -> sum[i] = Math.max(sum[i], x);
                    case MEAN, MEAN_SQRT_LEN -> sum[i] += x;
                    case WEIGHTED_MEAN -> sum[i] += (t + 1.0) * x;
                }
            }
        }
        double divisor = switch (this) {
            case CLS, LAST, MAX -> 1;
            case MEAN -> count;
            case MEAN_SQRT_LEN -> Math.sqrt(count);
            case WEIGHTED_MEAN -> count * (count + 1.0) / 2;
        };
        var pooled = new float[dim];
        for (int i = 0; i < dim; i++) {
            pooled[i] = (float) (sum[i] / divisor);
        }
        return pooled;
    }
}
