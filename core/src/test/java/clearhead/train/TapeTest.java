package clearhead.train;

import static clearhead.train.Differences.check;
import static clearhead.train.Differences.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TapeTest {
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void embed() {
        Tensor table = random(arena, 1, 7, 5);
        Tensor ids = Tensor.of(arena, new int[] {3, 0, 3, 6}, 4);
        check(Map.of("table", table), ops -> ops.embed(table, ids));
    }

    @Test
    void linear() {
        Tensor x = random(arena, 1, 3, 5);
        Tensor w = random(arena, 2, 4, 5);
        Tensor b = random(arena, 3, 4);
        check(Map.of("x", x, "w", w), ops -> ops.linear(x, w));
        check(Map.of("x", x, "w", w, "b", b), ops -> ops.linear(x, w, b));
    }

    @Test
    void addAndScale() {
        Tensor a = random(arena, 1, 3, 5);
        Tensor b = random(arena, 2, 3, 5);
        check(Map.of("a", a, "b", b), ops -> ops.add(a, ops.scale(b, -2.5)));
        check(Map.of("a", a), ops -> ops.add(a, a));
        check(Map.of("a", a), ops -> {
            Tensor y = ops.scale(a, 3);
            return ops.add(y, y);
        });
    }

    @Test
    void norms() {
        Tensor x = random(arena, 1, 3, 6);
        Tensor w = random(arena, 2, 6);
        Tensor b = random(arena, 3, 6);
        check(Map.of("x", x, "w", w, "b", b), ops -> ops.layerNorm(x, w, b, 1e-5));
        check(Map.of("x", x, "w", w), ops -> ops.rmsNorm(x, w, 1e-5));
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void activations(Activation act) {
        Tensor x = random(arena, 1, 4, 6);
        Tensor up = random(arena, 2, 4, 6);
        check(Map.of("x", x), ops -> ops.activate(act, x));
        check(Map.of("gate", x, "up", up), ops -> ops.gate(act, x, up));
    }

    @ParameterizedTest
    @EnumSource(Pairing.class)
    void rope(Pairing pairing) {
        Tensor x = random(arena, 1, 3, 2, 6);
        Tensor cos = random(arena, 2, 8, 2);
        Tensor sin = random(arena, 3, 8, 2);
        Tensor positions = Tensor.of(arena, new int[] {0, 5, 7}, 3);
        check(Map.of("x", x), ops -> ops.rope(x, cos, sin, positions, pairing));
    }

    @Test
    void attention() {
        Tensor q = random(arena, 1, 7, 4, 3);
        Tensor k = random(arena, 2, 7, 2, 3);
        Tensor v = random(arena, 3, 7, 2, 3);
        var rows = new Sequences(0, 4, 4, 7);
        for (Mask mask : new Mask[] {Mask.CAUSAL, Mask.BIDIRECTIONAL}) {
            var spec = new AttentionSpec(4, 2, 3, 0.7, mask);
            check(
                    Map.of("q", q, "k", k, "v", v),
                    ops -> ops.attention(q, rows, new KvView.Packed(k, v, rows), spec)
                            .out());
        }
    }

    @Test
    void causalConvolution() {
        Tensor x = random(arena, 1, 7, 3);
        Tensor w = random(arena, 2, 3, 4);
        Tensor b = random(arena, 3, 3);
        var rows = new Sequences(0, 5, 5, 7);
        Optional<Tensor> state = Optional.of(random(arena, 4, 3, 3, 3));
        check(
                Map.of("x", x, "w", w),
                ops -> ops.causalConvolution(x, w, Optional.empty(), rows, Optional.empty())
                        .out());
        check(
                Map.of("x", x, "w", w, "b", b),
                ops -> ops.causalConvolution(x, w, Optional.of(b), rows, state).out());
    }

    @Test
    void linearAttention() {
        Tensor q = random(arena, 1, 7, 4, 3);
        Tensor k = random(arena, 2, 7, 2, 3);
        Tensor v = random(arena, 3, 7, 2, 5);
        Tensor decay = random(arena, 4, 7, 2);
        Tensor rate = random(arena, 5, 7, 2);
        var rows = new Sequences(0, 4, 4, 7);
        check(
                Map.of("q", q, "k", k, "v", v),
                ops -> ops.linearAttention(q, k, v, new StateUpdate.Sum(), 0.7, rows, Optional.empty())
                        .out());
        check(
                Map.of("q", q, "k", k, "v", v, "decay", decay, "rate", rate),
                ops -> ops.linearAttention(
                                q, k, v, new StateUpdate.GatedDelta(decay, rate), 0.7, rows, Optional.empty())
                        .out());
    }

    @Test
    void softmaxCrossEntropyAndSelect() {
        Tensor x = random(arena, 1, 4, 6);
        Tensor targets = Tensor.of(arena, new int[] {2, -1, 0, 5}, 4);
        Tensor rows = Tensor.of(arena, new int[] {3, 0, 3}, 3);
        check(Map.of("x", x), ops -> ops.softmax(x));
        check(Map.of("x", x), ops -> ops.crossEntropy(x, targets));
        check(Map.of("x", x), ops -> ops.select(x, rows));
    }

    /// Two directions of two layers; the second begins where the cells of the first end.
    @Test
    void recurrence() {
        Tensor x = random(arena, 1, 7, 16);
        Tensor w = random(arena, 2, 16, 4);
        Tensor b = random(arena, 3, 16);
        Tensor p = random(arena, 4, 12);
        Tensor h = random(arena, 5, 3, 4);
        Tensor c = random(arena, 6, 3, 4);
        Tensor up = random(arena, 7, 12, 8);
        Tensor v = random(arena, 8, 12, 4);
        var rows = new Sequences(0, 4, 6, 7);
        Tensor last = Tensor.of(arena, new int[] {3, 5, 6}, 3);
        check(Map.of("x", x, "w", w, "b", b, "p", p, "h", h, "c", c, "up", up, "v", v), ops -> {
            Recurred there = ops.recur(
                    x,
                    rows,
                    new Recurrence(Cell.lstm(), false, w, Optional.of(b), Optional.of(p)),
                    Optional.of(CellState.of(h, c)));
            Recurred back = ops.recur(
                    x,
                    rows,
                    new Recurrence(Cell.lstm(), true, w, Optional.empty(), Optional.empty()),
                    Optional.empty());
            Tensor both = ops.join(there.out(), back.out());
            Tensor state = ops.select(there.cells().orElseThrow(), last);
            Recurrence second = Recurrence.of(Cell.gru(), v);
            return ops.recur(ops.linear(both, up), rows, second, Optional.of(CellState.of(state)))
                    .out();
        });
    }

    /// A weight in halves that nobody trains.
    @Test
    void frozenRecurrence() {
        Tensor x = random(arena, 1, 5, 12);
        Tensor w = random(arena, 2, 12, 4).to(arena, DType.BF16);
        check(
                Map.of("x", x),
                ops -> ops.recur(x, Sequences.one(5), Recurrence.of(Cell.gru(), w), Optional.empty())
                        .out());
    }

    /// Only the cells matter.
    @Test
    void cellsAlone() {
        Tensor x = random(arena, 1, 5, 16);
        Tensor w = random(arena, 2, 16, 4);
        check(
                Map.of("x", x, "w", w),
                ops -> ops.recur(x, Sequences.one(5), Recurrence.of(Cell.lstm(), w), Optional.empty())
                        .cells()
                        .orElseThrow());
    }

    /// One weight used as a table and as a matrix, and a value that goes three ways.
    @Test
    void tiedWeightsAndSharedValues() {
        Tensor table = random(arena, 1, 6, 4);
        Tensor w = random(arena, 2, 4, 4);
        Tensor ids = Tensor.of(arena, new int[] {1, 1, 4}, 3);
        check(Map.of("table", table, "w", w), ops -> {
            Tensor x = ops.embed(table, ids);
            Tensor y = ops.add(x, ops.linear(x, w));
            y = ops.add(y, ops.activate(Activation.SILU, y));
            y = ops.add(ops.gate(Activation.SILU, y, x), y);
            return ops.linear(y.reshape(3, 4), table);
        });
    }

    /// A weight that was itself computed.
    @Test
    void computedWeights() {
        Tensor a = random(arena, 1, 4, 4);
        Tensor x = random(arena, 2, 3, 4);
        check(Map.of("a", a, "x", x), ops -> {
            Tensor w = ops.scale(a, 0.5);
            Tensor y = ops.linear(ops.linear(x, w), w);
            return ops.add(y, ops.linear(x, ops.add(w, a)));
        });
    }

    @Test
    void whatNobodyWatchesCostsNothing() {
        try (var backend = new ReferenceBackend();
                var activations = new Workspace();
                var gradients = new Workspace()) {
            var tape = new Tape(backend.ops(activations), backend, gradients);
            Tensor x = random(arena, 1, 2, 3);
            Tensor y = tape.scale(x, 2);
            var e = assertThrows(IllegalStateException.class, () -> tape.backward(y, x));
            assertTrue(String.valueOf(e.getMessage()).contains("nothing that is watched"));
        }
    }

    /// d(3x + 3x)/dx = 6; a second pass adds to the first.
    @Test
    void gradientsAddUpUntilSomebodyZeroesThem() {
        try (var backend = new ReferenceBackend();
                var activations = new Workspace();
                var gradients = new Workspace()) {
            var tape = new Tape(backend.ops(activations), backend, gradients);
            Tensor x = Tensor.of(arena, DType.F64, new double[] {1, 2}, 2);
            Tensor d = Tensor.zeros(arena, DType.F64, 2);
            Tensor ones = Tensor.of(arena, DType.F64, new double[] {1, 1}, 2);
            tape.watch(x, d);
            for (int pass = 1; pass <= 2; pass++) {
                tape.reset();
                Tensor y = tape.scale(x, 3);
                tape.backward(tape.add(y, y), ones);
                assertArrayEquals(new double[] {6 * pass, 6 * pass}, d.toDoubles());
            }
            assertEquals(0, activations.mark() >>> 40);
        }
    }

    @Test
    void cachesAndPlainAttentionAreRefused() {
        try (var backend = new ReferenceBackend();
                var activations = new Workspace();
                var gradients = new Workspace()) {
            var tape = new Tape(backend.ops(activations), backend, gradients);
            Tensor q = random(arena, 1, 1, 1, 2);
            var past = new KvView.Packed(q, q, Sequences.one(1));
            var spec = AttentionSpec.causal(1, 1, 2);
            var e = assertThrows(UnsupportedOperationException.class, () -> tape.scores(q, past, 0, spec));
            assertTrue(String.valueOf(e.getMessage()).contains("probe"));
        }
    }
}
