package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HeadScanTest {
    private interface Body {
        void look(Transformer model, Ops ops);
    }

    private static void each(Body body) {
        for (String name : PatternRowsTest.backends()) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                Ops ops = backend.ops(workspace);
                for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                    body.look(model, ops);
                }
            }
        }
    }

    private static int[] ids(Transformer model, int tokens) {
        return IntStream.range(0, Math.min(tokens, model.context()))
                .map(i -> (i * i + 3 * i) % model.vocab())
                .toArray();
    }

    /// The definitions, cell by cell on whole rows in double precision.
    private static double plain(HeadMetric metric, Run run, int layer, int head) {
        int[] ids = run.ids();
        double sum = 0;
        int rows = 0;
        for (int i = 1; i < ids.length; i++) {
            AttentionRow row = run.pattern(layer).row(head, i);
            double value = 0;
            boolean there = true;
            int seen = (int) Arrays.stream(row.scores())
                    .filter(s -> s > Double.NEGATIVE_INFINITY)
                    .count();
            switch (metric) {
                case PREVIOUS_TOKEN -> value = row.weights()[i - 1];
                case SELF -> value = row.weights()[i];
                case FIRST_TOKEN -> value = row.weights()[0];
                case DUPLICATE_TOKEN -> {
                    there = false;
                    for (int j = 0; j < i; j++) {
                        if (ids[j] == ids[i]) {
                            there = true;
                            value += row.weights()[j];
                        }
                    }
                }
                case INDUCTION -> {
                    there = false;
                    for (int j = 1; j < i; j++) {
                        if (ids[j - 1] == ids[i]) {
                            there = true;
                            value += row.weights()[j];
                        }
                    }
                }
                case ENTROPY, ENTROPY_SHARE -> {
                    for (double w : row.weights()) {
                        value -= w > 0 ? w * Math.log(w) : 0;
                    }
                    there = metric == HeadMetric.ENTROPY || seen > 1;
                    value /= metric == HeadMetric.ENTROPY ? 1 : Math.log(seen);
                }
                case DISTANCE -> {
                    for (int j = 0; j <= i; j++) {
                        value += row.weights()[j] * (i - j);
                    }
                }
                case MAX_WEIGHT -> value = Arrays.stream(row.weights()).max().orElseThrow();
                default -> throw new IllegalArgumentException();
            }
            if (there) {
                sum += value;
                rows++;
            }
        }
        return sum / rows;
    }

    /// ‖z·Wo‖ by plain sums.
    private static double norm(Run run, int layer, int head) {
        var weight = run.model().attention(layer).output().weight();
        int headDim = run.pattern(layer).spec().headDim();
        double sum = 0;
        for (int t = 0; t < run.tokens(); t++) {
            double[] z = Elements.head(run.z(layer), t, head);
            double square = 0;
            for (int d = 0; d < weight.dim(0); d++) {
                double written = 0;
                for (int e = 0; e < headDim; e++) {
                    written += z[e] * weight.at((long) d * weight.dim(1) + head * headDim + e);
                }
                square += written * written;
            }
            sum += Math.sqrt(square);
        }
        return sum / run.tokens();
    }

    private static void check(Run run, Ops ops) {
        HeadScan scan = HeadScan.of(run, ops);
        assertEquals(
                run.model().layers() * run.pattern(0).spec().heads(),
                scan.heads().size());
        for (HeadMetrics h : scan.heads()) {
            String where = "head " + h.layer() + "." + h.head() + " ";
            for (HeadMetric metric : HeadMetric.values()) {
                OptionalDouble found = h.value(metric);
                if (metric == HeadMetric.RANDOM_INDUCTION) {
                    assertEquals(OptionalDouble.empty(), found);
                } else if (metric == HeadMetric.OUTPUT_NORM) {
                    double wanted = norm(run, h.layer(), h.head());
                    assertEquals(wanted, found.orElseThrow(), 1e-5 * wanted, where + metric);
                } else if (metric != HeadMetric.DIRECT_EFFECT) {
                    double wanted = plain(metric, run, h.layer(), h.head());
                    assertEquals(wanted, found.orElseThrow(), 2e-6 * Math.max(1, wanted), where + metric);
                    assertTrue(found.orElseThrow() >= metric.least() && found.orElseThrow() <= metric.most() + 1e-6);
                }
            }
        }
        var said = Contributions.of(run, ops, run.tokens() - 1, scan.predicted(), OptionalInt.empty());
        for (Contributions.Part part : said.parts()) {
            if (part.kind() == Contributions.Kind.HEAD) {
                assertEquals(
                        part.value(),
                        scan.head(part.layer(), part.head())
                                .value(HeadMetric.DIRECT_EFFECT)
                                .orElseThrow());
            }
        }
    }

    @Test
    void metricsAreTheirDefinitions() {
        each((model, ops) -> {
            try (Run run = Run.of(model, ops, ids(model, 150))) {
                check(run, ops);
            }
        });
    }

    @Test
    void changesAreSeen() {
        each((model, ops) -> {
            int[] ids = ids(model, 40);
            var changes = Interventions.parse(
                    List.of("cut:1.1:9>8", "cut:1.0:9>3:keep", "block:2", "head:2.1=0"), model, ids.length, 0);
            try (Run run = Run.of(model, ops, ids, changes.probe(model, ops, ids, new int[0]), Run.Progress.NONE)) {
                check(run, ops);
                HeadMetrics off = HeadScan.of(run, ops).head(2, 1);
                assertEquals(0, off.value(HeadMetric.OUTPUT_NORM).orElseThrow());
                assertEquals(0, off.value(HeadMetric.DIRECT_EFFECT).orElseThrow());
            }
        });
    }

    @Test
    void theSameTwice() {
        each((model, ops) -> {
            try (Run run = Run.of(model, ops, ids(model, 60))) {
                assertEquals(HeadScan.of(run, ops), HeadScan.of(run, ops));
            }
        });
    }

    @Test
    void stopsWhenAsked() {
        each((model, ops) -> {
            try (Run run = Run.of(model, ops, ids(model, 10))) {
                assertThrows(CancellationException.class, () -> HeadScan.of(run, ops, 9, (done, of) -> done < 2));
                assertThrows(IllegalArgumentException.class, () -> HeadScan.of(run, ops, 10, Run.Progress.NONE));
            }
        });
    }

    @Test
    void repeatedTokens() {
        try (Arena arena = Arena.ofShared()) {
            Transformer model = TinyModels.llama(arena);
            var tokens =
                    RepeatedTokens.of(model, new int[] {1}, id -> id > 2, 5).orElseThrow();
            assertEquals(
                    tokens,
                    RepeatedTokens.of(model, new int[] {1}, id -> id > 2, 5).orElseThrow());
            int period = tokens.period();
            assertEquals(RepeatedTokens.PERIOD, period);
            assertEquals(1 + 2 * period, tokens.ids().length);
            assertArrayEquals(
                    Arrays.copyOfRange(tokens.ids(), 1, 1 + period),
                    Arrays.copyOfRange(tokens.ids(), 1 + period, 1 + 2 * period));
            assertTrue(Arrays.stream(tokens.ids()).skip(1).allMatch(id -> id > 2 && id < model.vocab()));
            assertFalse(RepeatedTokens.of(model, new int[250], id -> true, 5).isPresent());
            assertFalse(RepeatedTokens.of(model, new int[0], id -> id == 3, 5).isPresent());
            // As many different ones as there are: 29 ids are open.
            assertEquals(29, Arrays.stream(tokens.ids()).skip(1).distinct().count());
        }
    }
}
