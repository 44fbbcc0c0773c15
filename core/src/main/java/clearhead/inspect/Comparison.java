package clearhead.inspect;

import clearhead.ops.Ops;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.IntFunction;

/// Two runs beside each other: of two texts, two models, or one text with and without changes. Rows
/// and keys are spans of the [Alignment]: a span's row is that of its last token, which has read all
/// of it, and what a row gives to a span is the sum over the span's tokens.
///
/// @param heads by layer and head, of those that both runs have
/// @param arrows the weights that changed most, largest first
/// @param rows how many rows were compared, of `of` aligned ones that see more than one key
/// @param effect what follows the row; absent where the vocabularies differ
public record Comparison(
        Alignment alignment, List<Head> heads, List<Arrow> arrows, int rows, int of, Optional<LogitEffect> effect) {

    /// One run.
    ///
    /// @param layers number of its layers
    /// @param pattern the pattern of a layer
    /// @param logits [vocab]: what it says after the row that is compared
    public record Side(int layers, IntFunction<PatternRows> pattern, double[] logits) {

        /// @param row token whose next token is predicted
        public static Side of(Run run, Ops ops, int row) {
            return new Side(run.model().layers(), run::pattern, run.logits(ops, row));
        }
    }

    /// How one head differs, over the rows compared.
    ///
    /// @param distance mean total variation distance of rows, from 0 (the same) to 1 (nothing in
    ///     common): ½·(Σ over aligned keys |A − B| + what A and B give to keys that the other has not)
    /// @param largest the largest distance of a row
    /// @param entropyA mean entropy of A's rows, in nats
    public record Head(int layer, int head, double distance, double largest, double entropyA, double entropyB) {}

    /// One weight in both runs; query and key are indices of aligned spans in [Alignment#spans].
    public record Arrow(int layer, int head, int query, int key, double a, double b) {
        public double difference() {
            return b - a;
        }
    }

    /// Compares.
    ///
    /// @param most rows to compare at most, evenly spread, the last one among them
    /// @param top how many arrows to keep
    public static Comparison of(Side a, Side b, Alignment alignment, int most, int top) {
        List<Integer> aligned = new ArrayList<>();
        List<Alignment.Span> spans = alignment.spans();
        for (int s = 0; s < spans.size(); s++) {
            if (spans.get(s).aligned()
                    && (spans.get(s).toA() > 1 || spans.get(s).toB() > 1)) {
                aligned.add(s);
            }
        }
        int rows = Math.min(most, aligned.size());
        List<Integer> chosen = new ArrayList<>();
        for (int n = 0; n < rows; n++) {
            chosen.add(aligned.get(aligned.size() - 1 - (int) ((long) n * aligned.size() / rows)));
        }
        var heads = new ArrayList<Head>();
        var arrows = new PriorityQueue<>(Comparator.comparingDouble((Arrow w) -> Math.abs(w.difference())));
        for (int layer = 0; layer < Math.min(a.layers(), b.layers()); layer++) {
            PatternRows of = a.pattern().apply(layer);
            PatternRows against = b.pattern().apply(layer);
            int count = Math.min(of.spec().heads(), against.spec().heads());
            for (int head = 0; head < count; head++) {
                heads.add(head(of, against, layer, head, spans, chosen, arrows, top));
            }
        }
        var sorted = new ArrayList<>(arrows);
        sorted.sort(Comparator.comparingDouble((Arrow w) -> -Math.abs(w.difference()))
                .thenComparingInt(Arrow::layer)
                .thenComparingInt(Arrow::head)
                .thenComparingInt(Arrow::query)
                .thenComparingInt(Arrow::key));
        boolean sameVocabulary = a.logits().length == b.logits().length;
        return new Comparison(
                alignment,
                List.copyOf(heads),
                List.copyOf(sorted),
                rows,
                aligned.size(),
                sameVocabulary ? Optional.of(new LogitEffect(a.logits(), b.logits())) : Optional.empty());
    }

    private static Head head(
            PatternRows a,
            PatternRows b,
            int layer,
            int head,
            List<Alignment.Span> spans,
            List<Integer> rows,
            PriorityQueue<Arrow> arrows,
            int top) {
        double sum = 0;
        double largest = 0;
        double entropyA = 0;
        double entropyB = 0;
        for (int query : rows) {
            Alignment.Span span = spans.get(query);
            AttentionRow rowA = a.row(head, span.toA() - 1);
            AttentionRow rowB = b.row(head, span.toB() - 1);
            entropyA += rowA.entropy();
            entropyB += rowB.entropy();
            double distance = 0;
            for (int key = 0; key < spans.size(); key++) {
                Alignment.Span keys = spans.get(key);
                double weightA = sum(rowA.weights(), keys.fromA(), keys.toA());
                double weightB = sum(rowB.weights(), keys.fromB(), keys.toB());
                double difference = Math.abs(weightA - weightB);
                distance += difference / 2;
                if (keys.aligned() && difference > 0) {
                    if (arrows.size() < top) {
                        arrows.add(new Arrow(layer, head, query, key, weightA, weightB));
                    } else if (top > 0 && difference > Math.abs(arrows.element().difference())) {
                        arrows.remove();
                        arrows.add(new Arrow(layer, head, query, key, weightA, weightB));
                    }
                }
            }
            sum += distance;
            largest = Math.max(largest, distance);
        }
        int count = Math.max(1, rows.size());
        return new Head(layer, head, sum / count, largest, entropyA / count, entropyB / count);
    }

    private static double sum(double[] weights, int from, int to) {
        double sum = 0;
        for (int key = from; key < to; key++) {
            sum += weights[key];
        }
        return sum;
    }
}
