package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/// How a token chooses among the experts of a mixture, and how much it takes of each. A score of every
/// expert comes from the router's logits; the best are chosen; their scores are the weights.
///
/// ```
/// score = softmax(logits), or σ(logits)          over all experts
/// chosen = the largest of score + correction     among the best groups, where there are groups
/// weight = factor·score[chosen]                  over their sum, where shares are normalized
/// ```
///
/// Softmax with normalized shares is the softmax over the chosen logits alone. Shazeer et al. 2017,
/// arXiv:1701.06538; DeepSeek-AI 2024, arXiv:2412.19437, section 2.1.2. All in double precision.
///
/// @param chosen experts of a token
/// @param normalized whether a token's weights add up to `factor`
/// @param correction [experts]: added to the scores for the choice only
public record Routing(
        Score score, int chosen, boolean normalized, double factor, Groups groups, Optional<Tensor> correction) {

    /// What a logit becomes.
    public enum Score {
        SOFTMAX,
        SIGMOID
    }

    /// What a group of experts is worth.
    public enum Worth {
        /// Its best expert: DeepSeek V2.
        BEST,
        /// Its two best together: DeepSeek V3.
        TWO_BEST
    }

    /// Experts side by side, of which only those of the best groups can be chosen.
    ///
    /// @param count 1 for none
    public record Groups(int count, int kept, Worth worth) {
        public static final Groups NONE = new Groups(1, 1, Worth.BEST);
    }

    public Routing {
        if (chosen < 1 || groups.count < 1 || groups.kept < 1 || groups.kept > groups.count) {
            throw new IllegalArgumentException("a token needs at least one expert and one group that is there, got "
                    + chosen + " experts of " + groups);
        }
    }

    /// The largest logits, softmax over them: Mixtral, gpt-oss.
    public static Routing softmax(int chosen, boolean normalized) {
        return new Routing(Score.SOFTMAX, chosen, normalized, 1, Groups.NONE, Optional.empty());
    }

    /// The largest logits, each by itself: Llama 4.
    public static Routing sigmoid(int chosen) {
        return new Routing(Score.SIGMOID, chosen, false, 1, Groups.NONE, Optional.empty());
    }

    public Routing times(double other) {
        return new Routing(score, chosen, normalized, other, groups, correction);
    }

    public Routing in(Groups other) {
        return new Routing(score, chosen, normalized, factor, other, correction);
    }

    /// @param bias [experts]
    public Routing correctedBy(Tensor bias) {
        return new Routing(score, chosen, normalized, factor, groups, Optional.of(bias));
    }

    /// Writes what each token chooses, experts in ascending order.
    void forward(Tensor logits, Tensor experts, Tensor weights) {
        for (int token = 0; token < logits.dim(0); token++) {
            double[] scores = scores(logits, token);
            int[] best = choose(scores);
            double over = normalized ? sum(scores, best) : 1;
            for (int j = 0; j < chosen; j++) {
                experts.set((long) token * chosen + j, best[j]);
                weights.set((long) token * chosen + j, factor * scores[best[j]] / over);
            }
        }
    }

    /// Writes the gradient of the logits; the choice itself has none.
    void adjoint(Tensor logits, Routed forward, Tensor dWeights, Tensor dLogits) {
        for (int token = 0; token < logits.dim(0); token++) {
            double[] scores = scores(logits, token);
            var best = new int[chosen];
            Arrays.setAll(best, numberOf(forward.experts(), token)::applyAsInt);
            double over = normalized ? sum(scores, best) : 1;
            double weighed = 0;
            for (int j = 0; j < chosen; j++) {
                weighed += dWeights.at((long) token * chosen + j) * scores[best[j]];
            }
            var d = new double[scores.length];
            for (int j = 0; j < chosen; j++) {
                double own = dWeights.at((long) token * chosen + j);
                d[best[j]] = factor * (normalized ? own / over - weighed / (over * over) : own);
            }
            double mean = 0;
            for (int e = 0; e < d.length; e++) {
                mean += d[e] * scores[e];
            }
            for (int e = 0; e < d.length; e++) {
                double s = scores[e];
                dLogits.set(
                        (long) token * d.length + e,
                        switch (score) {
                            case SOFTMAX -> s * (d[e] - mean);
                            case SIGMOID -> s * (1 - s) * d[e];
                        });
            }
        }
    }

    private IntUnaryOperator numberOf(Tensor experts, int token) {
        return j -> experts.intAt((long) token * chosen + j);
    }

    private double[] scores(Tensor logits, int token) {
        int count = logits.dim(1);
        var scores = new double[count];
        Arrays.setAll(scores, e -> logits.at((long) token * count + e));
        switch (score) {
            case SIGMOID -> Arrays.setAll(scores, e -> 1 / (1 + Math.exp(-scores[e])));
            case SOFTMAX -> {
                double largest = Arrays.stream(scores).max().orElse(0);
                Arrays.setAll(scores, e -> Math.exp(scores[e] - largest));
                double sum = Arrays.stream(scores).sum();
                Arrays.setAll(scores, e -> scores[e] / sum);
            }
        }
        return scores;
    }

    /// The best experts, in ascending order. Of equals the first.
    private int[] choose(double[] scores) {
        double[] worth = scores.clone();
        correction.ifPresent(bias -> Arrays.setAll(worth, e -> worth[e] + bias.at(e)));
        if (groups.count > 1) {
            keepBestGroups(worth);
        }
        int[] best = largest(worth, chosen);
        Arrays.sort(best);
        return best;
    }

    private void keepBestGroups(double[] worth) {
        int size = worth.length / groups.count;
        var worths = new double[groups.count];
        for (int g = 0; g < groups.count; g++) {
            double[] members = Arrays.copyOfRange(worth, g * size, (g + 1) * size);
            int counted = groups.worth == Worth.BEST ? 1 : Math.min(2, size);
            worths[g] = sum(members, largest(members, counted));
        }
        var kept = new boolean[groups.count];
        for (int g : largest(worths, groups.kept)) {
            kept[g] = true;
        }
        for (int e = 0; e < worth.length; e++) {
            worth[e] = kept[e / size] ? worth[e] : Double.NEGATIVE_INFINITY;
        }
    }

    private static int[] largest(double[] values, int count) {
        var best = new int[count];
        var taken = new boolean[values.length];
        for (int n = 0; n < count; n++) {
            int at = -1;
            for (int i = 0; i < values.length; i++) {
                // NaN logits choose somebody, too: the sum then shows them
                if (!taken[i] && (at < 0 || values[i] > values[at])) {
                    at = i;
                }
            }
            taken[at] = true;
            best[n] = at;
        }
        return best;
    }

    private static double sum(double[] values, int[] of) {
        double sum = 0;
        for (int i : of) {
            sum += values[i];
        }
        return sum;
    }
}
