package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HeadSweepTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};
    private static final int[] NONE = {};

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    /// Starting from the kept input of a layer gives the bits of whole runs, one a head.
    @ParameterizedTest
    @MethodSource("backends")
    void aSweepIsSingleAblations(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            Ops ops = backend.ops(workspace);
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                for (String what : List.of("0", "0.5", "mean")) {
                    for (List<String> base : List.of(List.<String>of(), List.of("block:2", "swap:1=8", "head:2.0=3"))) {
                        var changes = Interventions.parse(base, model, IDS.length, 0);
                        var factor = what.equals("mean")
                                ? OptionalDouble.empty()
                                : OptionalDouble.of(Double.parseDouble(what));
                        var told = new ArrayList<Integer>();
                        var sweep = new HeadSweep(model, ops, IDS, NONE, changes, 5)
                                .run(factor, 3, (done, of) -> told.add(done));
                        assertEquals(told.size() - 1, sweep.size());
                        double[] before =
                                changes.effect(model, ops, IDS, NONE, 5).after();
                        for (HeadSweep.Effect e : sweep) {
                            var texts = new ArrayList<>(base);
                            texts.remove("head:" + e.layer() + "." + e.head() + "=3");
                            texts.add("head:" + e.layer() + "." + e.head() + "=" + what);
                            double[] after = Interventions.parse(texts, model, IDS.length, 0)
                                    .effect(model, ops, IDS, NONE, 5)
                                    .after();
                            var effect = new LogitEffect(before, after);
                            assertEquals(effect.divergence(), e.divergence());
                            assertEquals(effect.of(effect.best()), e.best());
                            assertEquals(effect.top(3), e.top());
                        }
                    }
                }
            }
        }
    }

    @Test
    void itCanBeCancelled() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Ops ops = backend.ops(workspace);
            var sweep = new HeadSweep(TinyModels.llama(arena), ops, IDS, NONE, Interventions.NONE, 6);
            var e = assertThrows(
                    CancellationException.class, () -> sweep.run(OptionalDouble.of(0), 3, (done, of) -> done < 5));
            assertEquals("cancelled after 5 of 12 heads", e.getMessage());
            assertArrayEquals(IDS, new int[] {1, 5, 9, 5, 9, 30, 2});
        }
    }
}
