package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Probe;
import clearhead.nn.Transformer;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class HeadMetricsTest {

    /// Keys are one-hot by position, and each query is 100 times the one-hot of the key it wants: a
    /// head that looks where it is told.
    @Test
    void aHeadThatLooksWhereItIsTold() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            // two tokens and a lead of one, twice: lead a b c a b c
            int[] previous = {0, 0, 1, 2, 3, 4, 5};
            HeadMetrics m = HeadMetrics.of(rows(backend.ops(workspace), previous, arena), 0);
            assertEquals(1, m.previousToken(), 1e-5);
            assertEquals(1.0 / 6, m.firstToken(), 1e-5);
            assertEquals(0, m.self(), 1e-5);
            assertEquals(0, m.entropy(), 1e-5);
            int[] induction = {0, 0, 0, 0, 2, 3, 4};
            PatternRows rows = rows(backend.ops(workspace), induction, arena);
            assertEquals(1, HeadMetrics.induction(rows, 0, 1, 3), 1e-5);
            assertEquals(0.5, HeadMetrics.of(rows, 0).firstToken(), 1e-5);
        }
    }

    private static PatternRows rows(Ops ops, int[] looksAt, Arena arena) {
        int n = looksAt.length;
        Tensor query = Tensor.zeros(arena, clearhead.tensor.DType.F32, n, 1, 8);
        Tensor key = Tensor.zeros(arena, clearhead.tensor.DType.F32, n, 1, 8);
        for (int i = 0; i < n; i++) {
            query.set(i * 8L + looksAt[i], 100);
            key.set(i * 8L + i, 1);
        }
        var past = new KvView.Packed(key, key, Sequences.one(n));
        var spec = AttentionSpec.causal(1, 1, 8);
        Attended result = ops.attention(query, Sequences.one(n), past, spec);
        return PatternRows.copy(new Probe.Attention(query, Sequences.one(n), past, spec, result), 0, arena);
    }

    @Test
    void scansEveryHead() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Transformer model = TinyModels.llama(arena);
            Ops ops = backend.ops(workspace);
            HeadMetrics[][] metrics = HeadScan.metrics(model, ops, 1, 2, 3, 4, 5);
            assertEquals(3, metrics.length);
            assertEquals(4, metrics[2].length);
            double[][] scores = HeadScan.induction(model, ops, new int[] {1}, 20, 1, 3);
            assertArrayEquals(scores, HeadScan.induction(model, ops, new int[] {1}, 20, 1, 3));
            assertTrue(scores[1][1] > 0 && scores[1][1] < 1);
        }
    }
}
