package clearhead.ops.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.ops.Activation;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Backends;
import clearhead.ops.Data;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/// The smallest cases, computed by hand in the comments.
class WorkedExampleTest {
    private final Ops ops = new ReferenceBackend().ops(new Workspace());
    private final Data data = new Data(1);

    private static Tensor wide(double[] values, int... dims) {
        return Tensor.of(Arena.ofAuto(), DType.F64, values, dims);
    }

    private static double[] list(double... values) {
        return values;
    }

    private static void assertNear(double[] wanted, Tensor found) {
        assertArrayEquals(wanted, found.toDoubles(), 1e-12);
    }

    /// (1, 2)·(3, 4) + 1 = 12; (1, 2)·(5, 6) + 2 = 19
    @Test
    void linear() {
        Tensor y = ops.linear(wide(list(1, 2), 1, 2), wide(list(3, 4, 5, 6), 2, 2), wide(list(1, 2), 2));
        assertNear(list(12, 19), y);
    }

    /// Mean 2, variance 1: (−1, 1), then times (2, 3) plus (10, 20).
    @Test
    void layerNorm() {
        Tensor y = ops.layerNorm(wide(list(1, 3), 1, 2), wide(list(2, 3), 2), wide(list(10, 20), 2), 0);
        assertNear(list(8, 23), y);
    }

    /// mean(x²) = (1 + 49)/2 = 25: (1, 7)/5, then times (5, 10).
    @Test
    void rmsNorm() {
        assertNear(list(1, 14), ops.rmsNorm(wide(list(1, 7), 1, 2), wide(list(5, 10), 2), 0));
    }

    /// Φ(1) = 0.841344746068543; tanh(√(2/π)·1.044715) = 0.682383983…; σ(1) = 0.731058578630005.
    @Test
    void activations() {
        Tensor x = wide(list(1, -1), 2);
        assertNear(list(0.841344746068543, -0.158655253931457), ops.activate(Activation.GELU, x));
        double tanh = Math.tanh(Math.sqrt(2 / Math.PI) * 1.044715);
        assertNear(list((1 + tanh) / 2, -(1 - tanh) / 2), ops.activate(Activation.GELU_TANH, x));
        assertNear(list(0.731058578630005, -0.268941421369995), ops.activate(Activation.SILU, x));
        assertNear(list(1, 0), ops.activate(Activation.RELU, x));
        assertNear(list(3, 0), ops.gate(Activation.RELU, x, wide(list(3, 4), 2)));
    }

    /// A quarter turn takes (a, b) to (−b, a). HALVES pairs (0, 2) and (1, 3), INTERLEAVED (0, 1) and
    /// (2, 3); the second pair is not turned. Element 4 lies beyond the pairs.
    @Test
    void rope() {
        Tensor cos = wide(list(1, 1, 0, 1), 2, 2);
        Tensor sin = wide(list(0, 0, 1, 0), 2, 2);
        Tensor x = wide(list(1, 2, 3, 4, 5), 1, 1, 5);
        Tensor one = data.ints(1);
        assertNear(list(-3, 2, 1, 4, 5), ops.rope(x, cos, sin, one, Pairing.HALVES));
        assertNear(list(-2, 1, 3, 4, 5), ops.rope(x, cos, sin, one, Pairing.INTERLEAVED));
        assertNear(list(1, 2, 3, 4, 5), ops.rope(x, cos, sin, data.ints(0), Pairing.HALVES));
    }

    /// Scores 0 and ln 3: weights 1/4 and 3/4, lse ln 4. A first query sees its own key alone.
    @Test
    void attention() {
        var spec = new AttentionSpec(1, 1, 1, 1, clearhead.ops.Mask.CAUSAL);
        Tensor key = wide(list(0, Math.log(3)), 2, 1, 1);
        Tensor value = wide(list(8, 16), 2, 1, 1);
        Tensor query = wide(list(1, 1), 2, 1, 1);
        var past = new KvView.Packed(key, value, Sequences.one(2));
        Attended a = ops.attention(query, Sequences.one(2), past, spec);
        assertNear(list(8, 14), a.out());
        assertNear(list(0, Math.log(4)), a.lse());
        Tensor scores = ops.scores(query, past, 0, spec);
        assertNear(list(0, Double.NEGATIVE_INFINITY, 0, Math.log(3)), scores);
        assertNear(list(1, 0, 0.25, 0.75), ops.softmax(scores));
    }

    /// With 3 queries and 1 key under a causal mask the first two stand before the key: they see
    /// nothing.
    @Test
    void aQueryThatSeesNoKeyGivesZeroAndMinusInfinity() {
        Tensor one = wide(list(7), 1, 1, 1);
        Attended a = ops.attention(
                wide(list(1, 2, 3), 3, 1, 1),
                Sequences.one(3),
                new KvView.Packed(one, one, Sequences.one(1)),
                AttentionSpec.causal(1, 1, 1));
        assertNear(list(0, 0, 7), a.out());
        double none = Double.NEGATIVE_INFINITY;
        assertNear(list(none, none, 21), a.lse());
    }

    /// softmax of (0, ln 3) is (1/4, 3/4): −ln(3/4). A negative target is ignored.
    @Test
    void crossEntropy() {
        double[] row = list(0, Math.log(3), 0, Math.log(3));
        Tensor loss = ops.crossEntropy(wide(row, 2, 2), data.ints(1, -1));
        assertNear(list(-Math.log(0.75), 0), loss);
    }

    /// A row of −∞ has no weights.
    @Test
    void softmaxOfNothing() {
        double none = Double.NEGATIVE_INFINITY;
        assertNear(list(0, 0), ops.softmax(wide(list(none, none), 2)));
    }

    @Test
    void isFoundByName() {
        try (var backend = Backends.named("reference", 2)) {
            assertEquals("reference", backend.name());
        }
    }
}
