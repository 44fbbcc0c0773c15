package clearhead.inspect;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/// Logits read as a prediction.
public final class NextTokens {
    private NextTokens() {}

    /// One token and how likely it is.
    public record Choice(int id, double logit, double probability) {}

    /// The `count` most likely tokens, the likeliest first; of equals the lower id.
    public static List<Choice> top(double[] logits, int count) {
        double lse = lse(logits);
        var order = Comparator.comparingDouble((Integer id) -> logits[id]).thenComparing(Comparator.reverseOrder());
        var best = new PriorityQueue<Integer>(order);
        for (int id = 0; id < logits.length; id++) {
            if (best.size() < count) {
                best.add(id);
            } else if (count > 0 && logits[id] > logits[best.element()]) {
                best.remove();
                best.add(id);
            }
        }
        var ids = new ArrayList<>(best);
        ids.sort(order.reversed());
        return ids.stream()
                .map(id -> new Choice(id, logits[id], Math.exp(logits[id] - lse)))
                .toList();
    }

    /// exp(logit)/Σ exp(logit) of every token.
    public static double[] probabilities(double[] logits) {
        double lse = lse(logits);
        var p = new double[logits.length];
        for (int id = 0; id < p.length; id++) {
            p[id] = Math.exp(logits[id] - lse);
        }
        return p;
    }

    /// ln Σ exp(logit).
    static double lse(double[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : logits) {
            max = Math.max(max, logit);
        }
        if (max == Double.NEGATIVE_INFINITY) {
            return max;
        }
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit - max);
        }
        return max + Math.log(sum);
    }
}
