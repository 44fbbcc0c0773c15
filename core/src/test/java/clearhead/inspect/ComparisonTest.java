package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private static final int[] A = {1, 5, 9, 5, 9, 30, 2};
    private static final int[] B = {1, 5, 7, 5, 9, 11, 30, 2};

    private interface Case {
        void run(Transformer model, Ops ops);
    }

    private static void onReference(Case each) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            each.run(Doubled.of(arena, TinyModels.llama(arena)), backend.ops(workspace));
        }
    }

    private static Comparison.Side side(Run run, Ops ops) {
        return Comparison.Side.of(run, ops, run.tokens() - 1);
    }

    @Test
    void aRunDoesNotDifferFromItself() {
        onReference((model, ops) -> {
            try (var a = Run.of(model, ops, A);
                    var b = Run.of(model, ops, A)) {
                var c = Comparison.of(side(a, ops), side(b, ops), Alignment.ofIds(A, A), 100, 10);
                assertEquals(12, c.heads().size());
                assertTrue(c.arrows().isEmpty());
                assertEquals(0, c.effect().orElseThrow().divergence());
                for (var head : c.heads()) {
                    assertEquals(0, head.distance());
                    assertEquals(head.entropyA(), head.entropyB());
                }
            }
        });
    }

    /// Two texts, one token replaced and one put in: by hand from the rows.
    @Test
    void rowsAreComparedKeyByKey() {
        onReference((model, ops) -> {
            try (var a = Run.of(model, ops, A);
                    var b = Run.of(model, ops, B)) {
                int[] inB = {0, 1, 2, 3, 4, 6, 7}; // of every token of A
                var c = Comparison.of(side(a, ops), side(b, ops), Alignment.ofIds(A, B), 100, 1);
                assertEquals(6, c.rows());
                assertEquals(6, c.of());
                double most = 0;
                for (var head : c.heads()) {
                    double sum = 0;
                    for (int i = 1; i < A.length; i++) {
                        double[] wa =
                                a.pattern(head.layer()).row(head.head(), i).weights();
                        double[] wb =
                                b.pattern(head.layer()).row(head.head(), inB[i]).weights();
                        double row = wb[5];
                        for (int k = 0; k < A.length; k++) {
                            row += Math.abs(wa[k] - wb[inB[k]]);
                            most = Math.max(most, Math.abs(wa[k] - wb[inB[k]]));
                        }
                        sum += row / 2;
                    }
                    assertEquals(sum / 6, head.distance(), 1e-12);
                }
                Comparison.Arrow arrow = c.arrows().getFirst();
                assertEquals(most, Math.abs(arrow.difference()), 1e-12);
                assertArrayEquals(b.logits(ops, 7), c.effect().orElseThrow().after());
                var some = Comparison.of(side(a, ops), side(b, ops), Alignment.ofIds(A, B), 2, 1);
                assertEquals(2, some.rows());
            }
        });
    }

    @Test
    void aPatchGridIsSinglePatches() {
        onReference((model, ops) -> {
            int[] other = {1, 5, 7, 5, 9, 30, 4};
            for (List<String> base : List.of(List.<String>of(), List.of("head:1.2=0", "patch:resid_mid.1:3<2"))) {
                var changes = Interventions.parse(base, model, A.length, other.length);
                var patches = new PatchGrid(model, ops, A, other, changes, 6);
                int[] tokens = patches.contrast();
                for (Site site : PatchGrid.sites()) {
                    var head = site == Site.Z ? OptionalInt.of(3) : OptionalInt.empty();
                    var plan = patches.plan(site, head, Alignment.ofIds(A, other));
                    assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5, 6}, plan.positions());
                    var grid = patches.run(plan, tokens[0], tokens[1], HeadSweep.Progress.NONE);
                    for (int layer = 0; layer < 3; layer++) {
                        for (int p = 0; p < A.length; p++) {
                            var texts = new ArrayList<>(base);
                            String target = "patch:" + site.label() + "." + layer + (head.isPresent() ? ".3" : "") + ":"
                                    + p + "<";
                            texts.removeIf(t -> t.startsWith(target));
                            texts.add(target + p);
                            double[] after = Interventions.parse(texts, model, A.length, other.length)
                                    .effect(model, ops, A, other, 6)
                                    .after();
                            assertEquals(after[tokens[0]] - after[tokens[1]], grid.patched()[layer][p]);
                        }
                    }
                    // What enters the model differs at two tokens; the rest of that row changes nothing.
                    if (site == Site.RESID_PRE) {
                        assertEquals(grid.unpatched(), grid.patched()[0][1]);
                    }
                    assertThrows(
                            CancellationException.class,
                            () -> patches.run(plan, tokens[0], tokens[1], (done, of) -> done < 3));
                }
            }
        });
    }

    /// In the last layer, at the last token, what leaves is all that the prediction is made of.
    @Test
    void theLastCellIsTheOtherRun() {
        onReference((model, ops) -> {
            int[] other = {1, 5, 7, 5, 9, 30, 4};
            var patches = new PatchGrid(model, ops, A, other, Interventions.NONE, 6);
            int[] tokens = patches.contrast();
            var plan = patches.plan(Site.RESID_POST, OptionalInt.empty(), Alignment.ofIds(A, other));
            var grid = patches.run(plan, tokens[0], tokens[1], HeadSweep.Progress.NONE);
            assertEquals(grid.source(), grid.patched()[2][6]);
            assertEquals(1, grid.share(2, 6));
            assertEquals(0, grid.share(2, 5));
        });
    }
}
