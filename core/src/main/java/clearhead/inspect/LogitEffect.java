package clearhead.inspect;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Logits of one position with and without a change.
///
/// @param before [vocab]: as the model says it
/// @param after [vocab]: with the change made
public record LogitEffect(double[] before, double[] after) {

    /// One token of the vocabulary.
    public record Change(
            int id, double logitBefore, double logitAfter, double probabilityBefore, double probabilityAfter) {
        public double logit() {
            return logitAfter - logitBefore;
        }

        public double probability() {
            return probabilityAfter - probabilityBefore;
        }
    }

    /// The tokens most likely before or after, by falling probability before the change.
    public List<Change> top(int count) {
        return pick(Stream.concat(NextTokens.top(before, count).stream(), NextTokens.top(after, count).stream())
                .map(NextTokens.Choice::id)
                .distinct()
                .toList());
    }

    /// The tokens whose logits fall most, relative to the mean change (which changes no
    /// probability).
    public List<Change> falling(int count) {
        return moved(count, 1);
    }

    /// The tokens whose logits rise most.
    public List<Change> rising(int count) {
        return moved(count, -1);
    }

    private List<Change> moved(int count, int sign) {
        return pick(IntStream.range(0, before.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> sign * (after[id] - before[id])))
                .limit(count)
                .toList());
    }

    private List<Change> pick(List<Integer> ids) {
        double[] p = NextTokens.probabilities(before);
        double[] q = NextTokens.probabilities(after);
        return ids.stream()
                .map(id -> new Change(id, before[id], after[id], p[id], q[id]))
                .sorted(Comparator.comparingDouble((Change c) -> -c.probabilityBefore()))
                .toList();
    }

    /// Σ p·ln(p/q) in nats, p before and q after: how much the prediction changes in all.
    public double divergence() {
        double lseBefore = NextTokens.lse(before);
        double lseAfter = NextTokens.lse(after);
        double sum = 0;
        for (int id = 0; id < before.length; id++) {
            double logP = before[id] - lseBefore;
            double p = Math.exp(logP);
            if (p > 0) {
                sum += p * (logP - (after[id] - lseAfter));
            }
        }
        return Math.max(0, sum);
    }

    /// The most likely token before the change.
    public int best() {
        return NextTokens.top(before, 1).getFirst().id();
    }

    /// What happens to one token.
    public Change of(int id) {
        return pick(List.of(id)).getFirst();
    }
}
