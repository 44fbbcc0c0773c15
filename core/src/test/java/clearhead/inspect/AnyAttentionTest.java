package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Bias;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.score.BlockMask;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The pattern of a model whose attention is of another kind: every row agrees with the run (parity),
/// and tiles agree with rows.
class AnyAttentionTest {
    private static final int TOKENS = 70;

    private static Map<String, UnaryOperator<AttentionSpec>> kinds(Arena arena) {
        var kinds = new LinkedHashMap<String, UnaryOperator<AttentionSpec>>();
        kinds.put("window", s -> s.withMask(new Mask.Window(9, 0)));
        kinds.put("chunks", s -> s.withMask(new Mask.Chunked(16)));
        kinds.put("prefix", s -> s.withMask(new Mask.Prefix(12)));
        kinds.put("both ways", s -> s.withMask(new Mask.Window(5, 6)));
        kinds.put("soft-cap", s -> s.withSoftCap(0.5));
        kinds.put("alibi", s -> s.withBias(Bias.Alibi.of(4)));
        kinds.put("sinks", s -> s.withSinks(Tensor.of(arena, new float[] {0, 1, 2, -1}, 4)));
        kinds.put(
                "lambda",
                s -> s.withScoreMod((score, b, h, q, k) ->
                        score.tanh().plus(h.times(k).toValue().times(0.01))));
        kinds.put(
                "mask lambda",
                s -> s.withMask(new Mask.Blocks(
                        BlockMask.of((b, h, q, k) -> k <= q && (q - k) % (h + 1) == 0, 1, 4, TOKENS))));
        kinds.put(
                "all at once",
                s -> s.withMask(Mask.CAUSAL.and(new Mask.Window(20, 0)))
                        .withSoftCap(2)
                        .withBias(Bias.Alibi.of(4))
                        .withSinks(Tensor.of(arena, new float[] {0, 1, 2, -1}, 4)));
        return kinds;
    }

    private static Transformer changed(Transformer model, UnaryOperator<AttentionSpec> change) {
        var blocks = model.blocks().stream()
                .map(block -> {
                    var b = (Block.PreNorm) block;
                    Attention a = b.attention();
                    var other = a.withSpec(change.apply(a.spec()));
                    return (Block) new Block.PreNorm(b.attentionNorm(), other, b.mlpNorm(), b.mlp());
                })
                .toList();
        return new Transformer(
                model.embedding(), model.positions(), blocks, model.finalNorm(), model.head(), model.context());
    }

    @Test
    void rowsAndTilesAgreeWithTheRun() {
        for (String name : PatternRowsTest.backends()) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                Ops ops = backend.ops(workspace);
                int[] ids = IntStream.range(0, TOKENS)
                        .map(i -> (i * i + 3 * i) % 32)
                        .toArray();
                kinds(arena).forEach((kind, change) -> {
                    Transformer model = changed(TinyModels.llama(arena, DType.F32), change);
                    try (Run run = Run.of(model, ops, ids)) {
                        check(name + ", " + kind, run, ops);
                    }
                });
            }
        }
    }

    private static void check(String what, Run run, Ops ops) {
        for (int layer = 0; layer < run.model().blocks().size(); layer++) {
            PatternRows pattern = run.pattern(layer);
            for (int head = 0; head < 4; head++) {
                assertTrue(pattern.parity(head, TOKENS).holds(), what + ": " + pattern.parity(head, TOKENS));
                float[] cells = PatternBlock.cells(
                        pattern, ops, head, 0, TOKENS, 0, TOKENS, PatternBlock.What.WEIGHTS, new double[0]);
                RowStrip strip = RowStrip.of(pattern, ops, head, 0, TOKENS, TOKENS);
                for (int i = 0; i < TOKENS; i++) {
                    double[] row = pattern.row(head, i).weights();
                    for (int j = 0; j < TOKENS; j++) {
                        float cell = cells[i * TOKENS + j];
                        assertEquals(row[j], Float.isNaN(cell) ? 0 : cell, 1e-5, what);
                        assertEquals(row[j], strip.weights()[i * TOKENS + j], 1e-5, what);
                        assertEquals(row[j], pattern.column(head, j)[i] == Double.NEGATIVE_INFINITY ? 0 : row[j], what);
                    }
                }
            }
        }
    }
}
