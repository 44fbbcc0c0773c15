package clearhead.sampling;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/// Which tokens the rules of a [Sampling] leave, and how likely each of them is then.
///
/// All tokens lie in one order, by falling logit, of equals the lower id first; every rule leaves a
/// beginning of it. So what a rule does is one number: how many tokens stay.
public final class Candidates {
    private final int[] ids;
    private final int afterTopK;
    private final int afterTopP;
    private final int afterMinP;
    private final double[] weights;
    private final double sum;
    private final boolean greedy;

    private Candidates(int[] ids, int afterTopK, int afterTopP, int afterMinP, double[] weights, boolean greedy) {
        this.ids = ids;
        this.afterTopK = afterTopK;
        this.afterTopP = afterTopP;
        this.afterMinP = afterMinP;
        this.weights = weights;
        this.greedy = greedy;
        double total = 0;
        for (double w : weights) {
            total += w;
        }
        sum = total;
    }

    /// Steps 2 to 5 of [Sampling].
    ///
    /// @param logits [vocab], after step 1 (see [#penalize])
    public static Candidates of(float[] logits, Sampling sampling) {
        int[] ids = sorted(logits);
        int afterTopK = sampling.topK() == 0 ? ids.length : Math.min(sampling.topK(), ids.length);
        double most = logits[ids[0]];
        int afterTopP = keepTopP(logits, ids, afterTopK, most, sampling.topP());
        int afterMinP = keepMinP(logits, ids, afterTopP, most, sampling.minP());
        if (sampling.temperature() == 0) {
            return new Candidates(ids, afterTopK, afterTopP, afterMinP, new double[] {1}, true);
        }
        var weights = new double[afterMinP];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = StrictMath.exp((logits[ids[i]] - most) / sampling.temperature());
        }
        return new Candidates(ids, afterTopK, afterTopP, afterMinP, weights, false);
    }

    /// Step 1 of [Sampling], in place.
    ///
    /// @param logits [vocab]
    /// @param recent the last tokens, at most [Sampling#REPEAT_WINDOW] of them
    public static void penalize(float[] logits, int[] recent, double repeatPenalty) {
        if (repeatPenalty == 1) {
            return;
        }
        for (int id : Arrays.stream(recent).distinct().toArray()) {
            double logit = logits[id];
            logits[id] = (float) (logit > 0 ? logit / repeatPenalty : logit * repeatPenalty);
        }
    }

    /// All tokens of the vocabulary by falling logit, of equals the lower id first.
    public int[] ids() {
        return ids.clone();
    }

    /// The token at a place of the order.
    public int id(int place) {
        return ids[place];
    }

    /// How many tokens top-k leaves.
    public int afterTopK() {
        return afterTopK;
    }

    /// How many of these top-p leaves.
    public int afterTopP() {
        return afterTopP;
    }

    /// How many of these min-p leaves.
    public int afterMinP() {
        return afterMinP;
    }

    /// How many can be drawn: [#afterMinP], at temperature 0 one.
    public int kept() {
        return weights.length;
    }

    /// How likely the token at a place of the order is drawn; 0 for those that do not stay.
    public double probability(int place) {
        return place < weights.length ? weights[place] / sum : 0;
    }

    /// Draws one token; at temperature 0 takes the first, and asks nothing of `random`.
    public int draw(RandomGenerator random) {
        if (greedy) {
            return ids[0];
        }
        double left = (random.nextLong() >>> 11) * 0x1p-53 * sum;
        for (int i = 0; i < weights.length - 1; i++) {
            left -= weights[i];
            if (left < 0) {
                return ids[i];
            }
        }
        return ids[weights.length - 1];
    }

    /// How many of the first `kept` stay.
    private static int keepTopP(float[] logits, int[] ids, int kept, double most, double topP) {
        if (topP == 1) {
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
            if (reached >= topP * sum) {
                return i + 1;
            }
        }
        return kept;
    }

    private static int keepMinP(float[] logits, int[] ids, int kept, double most, double minP) {
        if (minP == 0) {
            return kept;
        }
        double least = most + StrictMath.log(minP);
        int left = kept;
        while (left > 1 && logits[ids[left - 1]] < least) {
            left--;
        }
        return left;
    }

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
