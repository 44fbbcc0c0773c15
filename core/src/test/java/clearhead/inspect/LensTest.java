package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Norm;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LensTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};
    private static final Set<Site> SITES = Set.of(Site.RESID_PRE, Site.RESID_MID, Site.RESID_POST);

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    @ParameterizedTest
    @MethodSource("backends")
    void theLastRowIsTheModelsOwn(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var kept = new KeptSites(arena, SITES);
                Tensor logits = kept.run(model, backend.ops(workspace), IDS);
                var lens = new Lens(Run.of(model, backend.ops(workspace), IDS));
                var places = lens.places(false);
                assertEquals(1 + model.layers(), places.size());
                int[] positions = {0, 3, 6};
                var row = lens.grid(backend.ops(workspace), positions, places, OptionalInt.of(4))
                        .getLast();
                for (int i = 0; i < positions.length; i++) {
                    double[] wanted =
                            logits.rows(positions[i], positions[i] + 1).toDoubles();
                    var best = NextTokens.top(wanted, 1).getFirst();
                    assertEquals(positions[i], row.get(i).position());
                    assertEquals(best.id(), row.get(i).id());
                    assertEquals(best.logit(), row.get(i).logit());
                    assertEquals(best.probability(), row.get(i).probability());
                    assertEquals(0, row.get(i).divergence(), 1e-12);
                    assertEquals(wanted[4], row.get(i).watched().orElseThrow().logit());
                }
            }
        }
    }

    /// Every cell against last norm and head written out in double.
    @ParameterizedTest
    @MethodSource("backends")
    void everyCellIsNormAndHead(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var kept = new KeptSites(arena, SITES);
                kept.run(model, backend.ops(workspace), IDS);
                var lens = new Lens(Run.of(model, backend.ops(workspace), IDS));
                var places = lens.places(true);
                assertEquals(1 + 2 * model.layers(), places.size());
                var grid = lens.grid(backend.ops(workspace), new int[] {2, 6}, places, OptionalInt.of(9));
                for (int p = 0; p < places.size(); p++) {
                    for (var cell : grid.get(p)) {
                        double[] x = Elements.row(
                                kept.at(places.get(p).site(), places.get(p).layer()), cell.position());
                        double[] last = Elements.row(kept.at(Site.RESID_POST, model.layers() - 1), cell.position());
                        check(cell, logits(model, x), logits(model, last));
                    }
                }
            }
        }
    }

    /// Every cell as a graph in double precision has it.
    @ParameterizedTest
    @MethodSource("backends")
    void cellsAreThoseOfAGraphInDouble(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend exact = Backends.named("reference", 1);
                Backend backend = Backends.named(name, 2)) {
            for (boolean llama : new boolean[] {true, false}) {
                var found = grid(arena, backend.ops(workspace), llama, DType.F32);
                var wanted = grid(arena, exact.ops(workspace), llama, DType.F64);
                for (int row = 0; row < wanted.size(); row++) {
                    for (int i = 0; i < wanted.get(row).size(); i++) {
                        Lens.Cell w = wanted.get(row).get(i);
                        Lens.Cell f = found.get(row).get(i);
                        assertEquals(w.id(), f.id());
                        assertEquals(w.logit(), f.logit(), 1e-4);
                        assertEquals(w.probability(), f.probability(), 1e-5);
                        assertEquals(w.divergence(), f.divergence(), 1e-4);
                        assertEquals(
                                w.watched().orElseThrow().rank(),
                                f.watched().orElseThrow().rank());
                    }
                }
            }
        }
    }

    private static List<List<Lens.Cell>> grid(Arena arena, Ops ops, boolean llama, DType type) {
        Transformer model = llama ? TinyModels.llama(arena, type) : TinyModels.gpt2(arena, type);
        try (Run run = Run.of(model, ops, IDS)) {
            var lens = new Lens(run);
            return lens.grid(ops, new int[] {0, 1, 2, 3, 4, 5, 6}, lens.places(true), OptionalInt.of(9));
        }
    }

    private static void check(Lens.Cell cell, double[] logits, double[] last) {
        double[] q = NextTokens.probabilities(logits);
        double[] p = NextTokens.probabilities(last);
        assertEquals(logits[cell.id()], cell.logit(), 1e-5);
        assertEquals(q[cell.id()], cell.probability(), 1e-5);
        double divergence = 0;
        int rank = 1;
        for (int id = 0; id < q.length; id++) {
            assertTrue(q[id] <= q[cell.id()] + 1e-6);
            divergence += p[id] * Math.log(p[id] / q[id]);
            rank += q[id] > q[9] ? 1 : 0;
        }
        assertEquals(divergence, cell.divergence(), 1e-4);
        var watched = cell.watched().orElseThrow();
        assertEquals(9, watched.id());
        assertEquals(rank, watched.rank());
        assertEquals(q[9], watched.probability(), 1e-5);
    }

    private static double[] logits(Transformer model, double[] x) {
        int dim = x.length;
        double mean = 0;
        double square = 0;
        for (double v : x) {
            mean += v / dim;
        }
        var y = new double[dim];
        switch (model.finalNorm()) {
            case Norm.None _ -> System.arraycopy(x, 0, y, 0, dim);
            case Norm.Rms(Tensor weight, double eps) -> {
                for (double v : x) {
                    square += v * v / dim;
                }
                for (int d = 0; d < dim; d++) {
                    y[d] = x[d] / Math.sqrt(square + eps) * weight.at(d);
                }
            }
            case Norm.Layer(Tensor weight, Tensor bias, double eps) -> {
                for (double v : x) {
                    square += (v - mean) * (v - mean) / dim;
                }
                for (int d = 0; d < dim; d++) {
                    y[d] = (x[d] - mean) / Math.sqrt(square + eps) * weight.at(d) + bias.at(d);
                }
            }
        }
        var logits = new double[model.vocab()];
        for (int id = 0; id < logits.length; id++) {
            for (int d = 0; d < dim; d++) {
                logits[id] += model.head().weight().at((long) id * dim + d) * y[d];
            }
        }
        return logits;
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aTokenOutsideTheVocabularyIsRefused(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 1)) {
            Transformer model = TinyModels.llama(arena);
            var lens = new Lens(Run.of(model, backend.ops(workspace), IDS));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> lens.grid(
                            backend.ops(workspace),
                            new int[] {0},
                            lens.places(false),
                            OptionalInt.of(TinyModels.VOCAB)));
        }
    }
}
