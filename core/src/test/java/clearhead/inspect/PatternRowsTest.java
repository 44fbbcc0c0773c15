package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.ForwardPass;
import clearhead.nn.KvCache;
import clearhead.nn.KvStorage;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PatternRowsTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2, 2, 17, 5, 9};

    static List<String> backends() {
        return Backends.all().stream()
                .filter(p -> p.obstacles().isEmpty())
                .map(BackendProvider::name)
                .toList();
    }

    /// Weights rebuilt from lse are those of the plain path, which stores the whole pattern.
    @ParameterizedTest
    @MethodSource("backends")
    void rebuiltRowsAreThePlainPaths(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var ops = backend.ops(workspace);
                // By whole matrices, from the same queries and keys: those of another run would differ
                // by the rounding of the layers below.
                var plain = new ArrayList<Tensor>();
                var plainScores = new ArrayList<Tensor>();
                model.forward(ForwardPass.of(ops, IDS).with(new Probe() {
                    @Override
                    public Interest wants(Site site, int layer) {
                        return site == Site.PATTERN ? Interest.READ : Interest.NONE;
                    }

                    @Override
                    public void attended(int layer, Attention a) {
                        Tensor scores = ops.scores(a.query(), a.past(), 0, a.spec());
                        plainScores.add(scores.copy(arena));
                        plain.add(ops.softmax(scores).copy(arena));
                    }
                }));
                for (int layer = 0; layer < model.layers(); layer++) {
                    PatternRows rows = capture(model, backend, IDS, layer, arena);
                    int heads = rows.spec().heads();
                    for (int head = 0; head < heads; head++) {
                        float[] tile = rows.tile(head, 0, IDS.length, 0, IDS.length);
                        for (int i = 0; i < IDS.length; i++) {
                            long at = ((long) head * IDS.length + i) * IDS.length;
                            AttentionRow row = rows.row(head, i);
                            double bound = rounding(rows, head, i);
                            assertEquals(1, row.sum(), 1e-5);
                            for (int k = 0; k < IDS.length; k++) {
                                assertEquals(plain.get(layer).at(at + k), row.weights()[k], bound + 1e-7);
                                assertEquals((float) row.weights()[k], tile[i * IDS.length + k]);
                                double score = plainScores.get(layer).at(at + k);
                                if (k > i) {
                                    assertEquals(Double.NEGATIVE_INFINITY, row.scores()[k]);
                                    assertEquals(Double.NEGATIVE_INFINITY, score);
                                } else {
                                    assertEquals(score, row.scores()[k], bound);
                                }
                            }
                        }
                        Parity parity = rows.parity(head, 1000);
                        assertTrue(parity.holds(), parity::toString);
                        assertEquals(IDS.length, parity.rows());
                    }
                }
            }
        }
    }

    /// What float32 may do to a weight, at most: the dot product of n elements is off by n + 1 roundings
    /// of Σ|q·k|, and so are the score and the lse that it is compared with.
    private static double rounding(PatternRows rows, int head, int row) {
        double[] q = rows.query(head, row);
        double largest = 0;
        for (int p = 0; p <= row; p++) {
            double[] k = rows.key(head, p);
            double sum = 0;
            for (int e = 0; e < q.length; e++) {
                sum += Math.abs(q[e] * k[e]);
            }
            largest = Math.max(largest, sum * rows.spec().scale());
        }
        return 2 * (q.length + 1) * largest * 0x1p-24;
    }

    /// Whoever looks changes no bit.
    /// Rows are rebuilt from the numbers that the cache holds, which are those that the pass used.
    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "I8"})
    void rowsOfACacheAreRebuiltFromWhatIsStored(DType type) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("vector", 2)) {
            Transformer model = TinyModels.llama(arena);
            try (var cache = new KvCache(model, 64, KvStorage.of(type))) {
                var ops = backend.ops(workspace);
                var sequence = cache.open();
                var looked = new ArrayList<Parity>();
                var probe = new Probe() {
                    @Override
                    public Interest wants(Site site, int layer) {
                        return site == Site.PATTERN ? Interest.READ : Interest.NONE;
                    }

                    @Override
                    public void attended(int layer, Attention attention) {
                        PatternRows rows = PatternRows.copy(attention, 0, arena);
                        for (int head = 0; head < attention.spec().heads(); head++) {
                            looked.add(rows.parity(head, 1000));
                        }
                    }
                };
                for (int from = 0; from < IDS.length; from += from == 0 ? 8 : 1) {
                    int[] ids = Arrays.copyOfRange(IDS, from, from == 0 ? 8 : from + 1);
                    var rows = Sequences.one(ids.length);
                    var memory = cache.extend(rows, sequence);
                    model.forward(ForwardPass.at(ops, ids, rows, new int[] {from}, memory)
                            .with(probe));
                }
                assertFalse(looked.isEmpty());
                looked.forEach(parity -> assertTrue(parity.holds(), parity::toString));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void lookingChangesNoBit(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var ops = backend.ops(workspace);
                float[] alone = model.forward(ForwardPass.of(ops, IDS)).toFloats();
                Trace trace = Trace.record(model, ops, IDS, List.of(Site.values()), layer -> true, arena);
                assertArrayEquals(alone, trace.tensor("logits").toFloats());
            }
        }
    }

    /// Of several packed sequences, each has its own pattern.
    @Test
    void packedSequencesAreSeparate() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Transformer model = TinyModels.llama(arena);
            PatternRows alone = capture(model, backend, IDS, 1, arena);
            int[] two =
                    IntStream.concat(IntStream.of(3, 4, 8), IntStream.of(IDS)).toArray();
            var both = new Probe() {
                PatternRows rows = alone;

                @Override
                public Interest wants(Site site, int layer) {
                    return site == Site.PATTERN && layer == 1 ? Interest.READ : Interest.NONE;
                }

                @Override
                public void attended(int layer, Attention attention) {
                    rows = PatternRows.copy(attention, 1, arena);
                }
            };
            model.forward(ForwardPass.of(backend.ops(workspace), two, new Sequences(0, 3, two.length))
                    .with(both));
            for (int i = 0; i < IDS.length; i++) {
                assertArrayEquals(alone.row(2, i).weights(), both.rows.row(2, i).weights());
            }
        }
    }

    @Test
    void aViewThatDoesNotMatchRefuses() {
        assertTrue(new Parity(9e-5, 1, 4, 4).holds());
        for (Parity bad : List.of(new Parity(2e-4, 1, 4, 4), new Parity(Double.NaN, 1, 4, 4), new Parity(1, 0, 4, 4))) {
            assertFalse(bad.holds());
            var e = assertThrows(IllegalStateException.class, () -> bad.require("layer 0, head 1"));
            assertTrue(e.toString().contains("layer 0, head 1 is not shown"), e::toString);
        }
    }

    static PatternRows capture(Transformer model, Backend backend, int[] ids, int wanted, Arena arena) {
        try (var workspace = new Workspace()) {
            var rows = new PatternRows[1];
            model.forward(ForwardPass.of(backend.ops(workspace), ids).with(new Probe() {
                @Override
                public Interest wants(Site site, int layer) {
                    return site == Site.PATTERN && layer == wanted ? Interest.READ : Interest.NONE;
                }

                @Override
                public void attended(int layer, Attention attention) {
                    rows[0] = PatternRows.copy(attention, 0, arena);
                }
            }));
            return rows[0];
        }
    }
}
