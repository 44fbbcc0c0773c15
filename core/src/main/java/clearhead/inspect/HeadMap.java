package clearhead.inspect;

import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// All heads of a model on a text, with what they do on random tokens said twice: metrics and labels.
///
/// @param text what the heads do on the text
/// @param random what they do on the repeated tokens, without changes; nothing where the model's context is too short
public record HeadMap(HeadScan text, Optional<Random> random) {

    /// A scan of repeated tokens.
    public record Random(RepeatedTokens tokens, HeadScan scan) {
        /// Runs and scans them.
        public static Random of(Transformer model, Ops ops, RepeatedTokens tokens) {
            try (Run run = Run.of(model, ops, tokens.ids())) {
                HeadScan scan = HeadScan.of(run, ops);
                return new Random(tokens, scan.with(HeadMetric.RANDOM_INDUCTION, scan, HeadMetric.INDUCTION));
            }
        }
    }

    public HeadMap {
        if (random.isPresent()) {
            text = text.with(HeadMetric.RANDOM_INDUCTION, random.get().scan(), HeadMetric.INDUCTION);
        }
    }

    /// The labels of a head, the strongest evidence first; none for most.
    ///
    /// @param of [#text] or the scan of [#random]
    public List<HeadLabel> labels(HeadScan of, int layer, int head) {
        return Stream.of(HeadLabel.values())
                .filter(l -> l.holds(evidence(of, l, layer, head)) && confirmed(l, layer, head))
                .sorted((a, b) -> Double.compare(
                        evidence(of, b, layer, head).share(),
                        evidence(of, a, layer, head).share()))
                .toList();
    }

    /// What a head does by position, it does on random tokens, too; on few rows of one text it may seem so by chance.
    private boolean confirmed(HeadLabel label, int layer, int head) {
        return random.map(r -> label.holds(r.scan().head(layer, head).evidence(label)))
                .orElse(true);
    }

    /// What decides about a label.
    public HeadLabel.Evidence evidence(HeadScan of, HeadLabel label, int layer, int head) {
        if (!label.repeated()) {
            return of.head(layer, head).evidence(label);
        }
        return random.map(r -> r.scan().head(layer, head).evidence(label))
                .orElse(new HeadLabel.Evidence(Double.NaN, Double.NaN, 0));
    }
}
