package clearhead.inspect;

import clearhead.sampling.Candidates;
import clearhead.sampling.Sampler;
import clearhead.sampling.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/// What a model says comes next after one token: the softmax of its logits over the whole vocabulary,
/// and what each rule of a [Sampling] makes of it. The rules, their order and the draws are those of
/// generating, from the same code ([Candidates]).
///
/// All tokens stand in one order, by falling logit, of equals the lower id first; the rank of a token
/// is its place in it, from 1. Where a repeat penalty is set, logits are those after it, as for the
/// rules. The rules compare logits in float32, as generating does.
public final class Prediction {
    private final double[] logits;
    private final Sampling sampling;
    private final Candidates candidates;
    private final int[] places;
    private final double lse;
    private final double temperedLse;

    private Prediction(double[] logits, Sampling sampling, Candidates candidates) {
        this.logits = logits;
        this.sampling = sampling;
        this.candidates = candidates;
        places = new int[logits.length];
        for (int place = 0; place < places.length; place++) {
            places[candidates.id(place)] = place;
        }
        lse = NextTokens.lse(logits);
        double t = sampling.temperature();
        temperedLse = t == 0
                ? 0
                : NextTokens.lse(Arrays.stream(logits).map(l -> l / t).toArray());
    }

    /// Which rule of the sampling takes a token out.
    public enum Cut {
        /// None: the token can be drawn.
        NONE,
        TOP_K,
        TOP_P,
        MIN_P,
        /// Temperature 0 takes the most likely token alone.
        GREEDY
    }

    /// One token of the vocabulary.
    ///
    /// @param rank from 1
    /// @param probability exp(logit)/Σ exp(logit) over the whole vocabulary, at temperature 1: what
    ///     top-p and min-p go by
    /// @param tempered exp(logit/temperature)/Σ exp(logit/temperature) over the whole vocabulary:
    ///     before renormalisation
    /// @param drawn how likely it is drawn: `tempered` over those that stay, renormalised; 0 for those
    ///     cut
    public record Entry(int id, int rank, double logit, double probability, double tempered, double drawn, Cut cut) {}

    /// Where one rule cuts the order.
    ///
    /// @param kept how many tokens, from the most likely on, stay after this rule and those before it
    /// @param probability their share of the whole, at temperature 1
    public record Line(Cut rule, int kept, double probability) {}

    /// @param logits [vocab]
    public static Prediction of(double[] logits, Sampling sampling) {
        return of(logits, new int[0], sampling);
    }

    /// @param logits [vocab]
    /// @param text the tokens up to the one after which is predicted; the last of them count for the
    ///     repeat penalty
    public static Prediction of(double[] logits, int[] text, Sampling sampling) {
        var floats = new float[logits.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) logits[i];
        }
        int[] recent = Arrays.copyOfRange(text, Math.max(0, text.length - Sampling.REPEAT_WINDOW), text.length);
        double[] used = logits.clone();
        if (sampling.repeatPenalty() != 1) {
            Candidates.penalize(floats, recent, sampling.repeatPenalty());
            for (int id : recent) {
                used[id] = floats[id];
            }
        }
        return new Prediction(used, sampling, Candidates.of(floats, sampling));
    }

    /// Size of the vocabulary.
    public int vocab() {
        return logits.length;
    }

    public Sampling sampling() {
        return sampling;
    }

    /// All logits, after the repeat penalty.
    ///
    /// @return [vocab]
    public double[] logits() {
        return logits.clone();
    }

    /// ln Σ exp(logit).
    public double lse() {
        return lse;
    }

    /// −Σ p·ln p in nats, at temperature 1.
    public double entropy() {
        double sum = 0;
        for (double logit : logits) {
            double p = Math.exp(logit - lse);
            sum -= p > 0 ? p * (logit - lse) : 0;
        }
        return sum;
    }

    /// How many tokens can be drawn.
    public int kept() {
        return candidates.kept();
    }

    /// The rules that are switched on, in their order.
    public List<Line> lines() {
        var lines = new ArrayList<Line>();
        if (sampling.topK() > 0) {
            lines.add(line(Cut.TOP_K, candidates.afterTopK()));
        }
        if (sampling.topP() < 1) {
            lines.add(line(Cut.TOP_P, candidates.afterTopP()));
        }
        if (sampling.minP() > 0) {
            lines.add(line(Cut.MIN_P, candidates.afterMinP()));
        }
        if (sampling.temperature() == 0) {
            lines.add(line(Cut.GREEDY, 1));
        }
        return List.copyOf(lines);
    }

    private Line line(Cut rule, int kept) {
        double sum = 0;
        for (int place = 0; place < kept; place++) {
            sum += Math.exp(logits[candidates.id(place)] - lse);
        }
        return new Line(rule, kept, sum);
    }

    /// One token by its id.
    public Entry of(int id) {
        if (id < 0 || id >= logits.length) {
            throw new IllegalArgumentException("token id: wanted 0 to " + (logits.length - 1) + ", got " + id);
        }
        int place = places[id];
        double logit = logits[id];
        double t = sampling.temperature();
        return new Entry(
                id,
                place + 1,
                logit,
                Math.exp(logit - lse),
                t == 0 ? candidates.probability(place) : Math.exp(logit / t - temperedLse),
                candidates.probability(place),
                cut(place));
    }

    private Cut cut(int place) {
        if (place >= candidates.afterTopK()) {
            return Cut.TOP_K;
        }
        if (place >= candidates.afterTopP()) {
            return Cut.TOP_P;
        }
        if (place >= candidates.afterMinP()) {
            return Cut.MIN_P;
        }
        return place < candidates.kept() ? Cut.NONE : Cut.GREEDY;
    }

    /// The token of a rank, from 1.
    public Entry ranked(int rank) {
        return of(candidates.id(rank - 1));
    }

    /// The `count` most likely tokens, the likeliest first.
    public List<Entry> top(int count) {
        var entries = new ArrayList<Entry>();
        for (int rank = 1; rank <= Math.min(count, logits.length); rank++) {
            entries.add(ranked(rank));
        }
        return List.copyOf(entries);
    }

    /// Draws the next token `count` times, each time anew, from the sampling's seed: the first draw is
    /// the token that generating makes here with that seed.
    ///
    /// @return ids in the order of the draws
    public int[] draw(int count) {
        RandomGenerator random = Sampler.random(sampling.seed());
        var ids = new int[count];
        for (int i = 0; i < count; i++) {
            ids[i] = candidates.draw(random);
        }
        return ids;
    }
}
