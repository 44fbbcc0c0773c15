package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Block;
import clearhead.nn.ForwardPass;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AblationTest {
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    /// Switching a head off is the same as a model whose slice of Wo for that head is zero.
    @ParameterizedTest
    @MethodSource("backends")
    void offIsAWoWithoutThatHead(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            Ops ops = backend.ops(workspace);
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                LogitEffect off = Ablation.effect(model, ops, IDS, 6, 1, 1, 0);
                assertArrayEquals(
                        model.forward(ForwardPass.of(ops, IDS).logitsOf(6)).toDoubles(), off.before());
                Tensor wo = ((Block.PreNorm) model.blocks().get(1))
                        .attention()
                        .output()
                        .weight();
                int headDim = model.blocks().get(1).attention().spec().headDim();
                for (int out = 0; out < wo.dim(0); out++) {
                    for (int e = 0; e < headDim; e++) {
                        wo.set((long) out * wo.dim(1) + headDim + e, 0);
                    }
                }
                double[] without =
                        model.forward(ForwardPass.of(ops, IDS).logitsOf(6)).toDoubles();
                assertArrayEquals(without, off.after());
                assertTrue(off.divergence() > 1e-6);
            }
        }
    }

    @Test
    void scaleOneChangesNoBitAndASweepSeesEveryHead() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Ops ops = backend.ops(workspace);
            Transformer model = TinyModels.llama(arena);
            LogitEffect same = Ablation.effect(model, ops, IDS, 6, 2, 0, 1);
            assertArrayEquals(same.before(), same.after());
            assertEquals(0, same.divergence());
            var told = new int[2];
            var sweep = Ablation.sweep(model, ops, IDS, 6, 0, (done, of) -> {
                told[0] = done;
                told[1] = of;
            });
            assertEquals(12, sweep.size());
            assertArrayEquals(new int[] {12, 12}, told);
            var one = sweep.get(5);
            assertEquals(1, one.layer());
            assertEquals(1, one.head());
            assertArrayEquals(
                    Ablation.effect(model, ops, IDS, 6, 1, 1, 0).after(),
                    one.effect().after());
        }
    }
}
