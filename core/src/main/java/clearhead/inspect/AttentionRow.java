package clearhead.inspect;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// What one query of one head gives to each key.
///
/// @param head query head
/// @param query row of the query in its sequence
/// @param scores [context]: q·k·scale, −∞ where masked
/// @param weights [context]: exp(score − lse); 0 where masked
/// @param lse natural log of Σ exp(score), as the run computed it
public record AttentionRow(int head, int query, double[] scores, double[] weights, double lse) {

    /// Keys by falling weight, masked ones left out; of equals the earlier first.
    public List<Integer> ranked() {
        return IntStream.range(0, weights.length)
                .boxed()
                .filter(key -> scores[key] != Double.NEGATIVE_INFINITY)
                .sorted(Comparator.comparingDouble((Integer key) -> -weights[key]))
                .toList();
    }

    /// Σ of the weights; 1 but for rounding.
    public double sum() {
        double sum = 0;
        for (double w : weights) {
            sum += w;
        }
        return sum;
    }

    /// −Σ weight·ln weight, in nats: 0 where one key gets all.
    public double entropy() {
        double entropy = 0;
        for (double w : weights) {
            if (w > 0) {
                entropy -= w * Math.log(w);
            }
        }
        return entropy;
    }
}
