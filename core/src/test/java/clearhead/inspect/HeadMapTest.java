package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Labels on heads that are known to do what they are called, in layers other than the first, through
/// the whole forward pass; and on those that are known not to.
class HeadMapTest {
    /// Every id once.
    private static final int[] NO_REPEATS =
            IntStream.range(0, 36).map(i -> (i * 7) % 40).toArray();
    /// Ids 0 to 11 three times, each time in another order, so that repetitions stand at many distances. The
    /// first token stands once: the previous-token head has nothing before it, and calls it its own predecessor.
    private static final int[] REPEATS = {
        39, 3, 8, 1, 11, 6, 0, 9, 4, 7, 2, 10, 5, 1, 6, 3, 9, 11, 2, 8, 0, 5, 7, 4, 10, 9, 1, 4, 3, 7, 11, 0, 2, 10, 6,
        5, 8
    };

    private interface Body {
        void look(Transformer model, Ops ops);
    }

    private static void each(Body body) {
        for (String name : PatternRowsTest.backends()) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                body.look(MadeHeads.model(arena), backend.ops(workspace));
            }
        }
    }

    private static HeadMap map(Transformer model, Ops ops, int... ids) {
        var tokens = RepeatedTokens.of(model, new int[] {39}, id -> id < 39, RepeatedTokens.SEED);
        try (Run run = Run.of(model, ops, ids)) {
            return new HeadMap(HeadScan.of(run, ops), tokens.map(t -> HeadMap.Random.of(model, ops, t)));
        }
    }

    private static void assertLabels(HeadMap map, HeadScan of) {
        for (HeadMetrics h : of.heads()) {
            List<HeadLabel> wanted = switch (h.layer() + "." + h.head()) {
                case "1.1" -> List.of(HeadLabel.PREVIOUS_TOKEN);
                case "1.2" -> List.of(HeadLabel.FIRST_TOKEN);
                case "1.3" -> List.of(HeadLabel.SELF);
                case "2.0" -> List.of(HeadLabel.DUPLICATE_TOKEN);
                case "2.1" -> List.of(HeadLabel.INDUCTION);
                default -> List.<HeadLabel>of();
            };
            assertEquals(wanted, map.labels(of, h.layer(), h.head()), "head " + h.layer() + "." + h.head());
        }
    }

    @Test
    void headsAreCalledWhatTheyDo() {
        each((model, ops) -> {
            HeadMap map = map(model, ops, REPEATS);
            HeadScan text = map.text();
            assertLabels(map, text);
            assertLabels(map, map.random().orElseThrow().scan());
            assertEquals(1, text.head(1, 1).value(HeadMetric.PREVIOUS_TOKEN).orElseThrow(), 1e-3);
            assertEquals(1, text.head(1, 2).value(HeadMetric.FIRST_TOKEN).orElseThrow(), 1e-3);
            assertEquals(1, text.head(1, 3).value(HeadMetric.SELF).orElseThrow(), 1e-3);
            assertEquals(1, text.head(2, 0).value(HeadMetric.DUPLICATE_TOKEN).orElseThrow(), 1e-3);
            assertEquals(1, text.head(2, 1).value(HeadMetric.INDUCTION).orElseThrow(), 1e-3);
            assertEquals(1, text.head(2, 1).value(HeadMetric.RANDOM_INDUCTION).orElseThrow(), 1e-3);
            assertEquals(24, text.rows().get(HeadMetric.DUPLICATE_TOKEN));
            assertEquals(36, text.rows().get(HeadMetric.PREVIOUS_TOKEN));
        });
    }

    /// A head of equal weights scores what the uniform head does, in every layer, and has no label.
    @Test
    void aUniformHeadScoresWhatItIsComparedWith() {
        each((model, ops) -> {
            HeadMap map = map(model, ops, REPEATS);
            for (String head : List.of("0.0", "0.3", "1.0", "2.2")) {
                String[] at = head.split("\\.");
                HeadMetrics h = map.text().head(Integer.parseInt(at[0]), Integer.parseInt(at[1]));
                map.text()
                        .uniform()
                        .values()
                        .forEach((metric, value) -> assertEquals(
                                value, h.value(metric).orElseThrow(), 1e-5 * Math.max(1, value), head + " " + metric));
                for (HeadLabel label : HeadLabel.values()) {
                    assertEquals(0, h.evidence(label).share(), 1e-6, head + " " + label);
                }
                assertEquals(1, h.value(HeadMetric.ENTROPY_SHARE).orElseThrow(), 1e-6);
                assertEquals(0, h.value(HeadMetric.OUTPUT_NORM).orElseThrow(), 0);
            }
        });
    }

    /// What the induction head copies is what the model says: it has the largest direct effect.
    @Test
    void theDirectEffectIsTheInductionHeads() {
        each((model, ops) -> {
            int[] ids = {5, 9, 2, 7, 30, 31, 5, 9, 2};
            HeadMap map = map(model, ops, ids);
            double copied =
                    map.text().head(2, 1).value(HeadMetric.DIRECT_EFFECT).orElseThrow();
            assertEquals(7, map.text().predicted());
            assertTrue(copied > 1, "direct effect " + copied);
            for (HeadMetrics h : map.text().heads()) {
                if (h.layer() != 2 || h.head() != 1) {
                    assertEquals(0, h.value(HeadMetric.DIRECT_EFFECT).orElseThrow(), 1e-6);
                }
            }
        });
    }

    @Test
    void withoutRepeatsThereIsNothingToMeasureThemBy() {
        each((model, ops) -> {
            HeadMap map = map(model, ops, NO_REPEATS);
            for (HeadMetrics h : map.text().heads()) {
                assertEquals(OptionalDouble.empty(), h.value(HeadMetric.DUPLICATE_TOKEN));
                assertEquals(OptionalDouble.empty(), h.value(HeadMetric.INDUCTION));
                assertEquals(0, h.evidence(HeadLabel.INDUCTION).rows());
            }
            assertEquals(0, map.text().rows().get(HeadMetric.INDUCTION));
            // The labels are decided on the repeated tokens, all the same.
            assertLabels(map, map.text());
        });
    }

    /// Too short to tell: one row, or two, fit everything.
    @Test
    void shortTextsGiveNoLabels() {
        each((model, ops) -> {
            for (int tokens : new int[] {1, 2, 3, 8}) {
                int[] ids = IntStream.range(0, tokens).toArray();
                try (Run run = Run.of(model, ops, ids)) {
                    var map = new HeadMap(HeadScan.of(run, ops), Optional.empty());
                    for (HeadMetrics h : map.text().heads()) {
                        assertEquals(List.of(), map.labels(map.text(), h.layer(), h.head()), tokens + " tokens");
                        assertEquals(
                                tokens > 1, h.value(HeadMetric.PREVIOUS_TOKEN).isPresent());
                        assertEquals(tokens > 1, h.value(HeadMetric.ENTROPY).isPresent());
                        assertTrue(h.value(HeadMetric.OUTPUT_NORM).isPresent());
                        assertEquals(OptionalDouble.empty(), h.value(HeadMetric.RANDOM_INDUCTION));
                    }
                }
            }
        });
    }

    /// One id only: the token before is a duplicate, and follows one, too. Nothing can be told apart.
    @Test
    void oneIdOnlyGivesNoPreviousToken() {
        each((model, ops) -> {
            try (Run run = Run.of(model, ops, new int[40])) {
                var map = new HeadMap(HeadScan.of(run, ops), Optional.empty());
                HeadMetrics previous = map.text().head(1, 1);
                assertEquals(1, previous.value(HeadMetric.PREVIOUS_TOKEN).orElseThrow(), 1e-3);
                assertEquals(1, previous.value(HeadMetric.DUPLICATE_TOKEN).orElseThrow(), 1e-3);
                for (HeadMetrics h : map.text().heads()) {
                    assertEquals(List.of(), map.labels(map.text(), h.layer(), h.head()));
                }
            }
        });
    }
}
