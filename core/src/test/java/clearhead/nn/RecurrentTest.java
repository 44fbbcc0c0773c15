package clearhead.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.ops.Backend;
import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.Ops;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.Squash;
import clearhead.ops.Subject;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import clearhead.train.Tape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// PyTorch's layers, forward and backward: in F64 to 1e-9, on every backend in F32 to 1e-5 of the largest
/// value. Two layers in both directions over sequences of 3, 5 and 1 tokens. `tools/golden/recurrent.py`
/// makes the numbers.
class RecurrentTest {
    private static final Json.Obj GOLDEN =
            Json.readObject(SharedData.repository().resolve("core/src/test/resources/clearhead/nn/recurrent.json"));

    private static final Backend REFERENCE = new ReferenceBackend();

    static Stream<Arguments> cases() {
        Json.Arr cases = GOLDEN.array("cases");
        var all = new ArrayList<Arguments>();
        for (int n = 0; n < cases.size(); n++) {
            Json.Obj c = cases.object(n);
            all.add(Arguments.of(
                    "reference F64 " + c.text("name"), new Subject("reference", REFERENCE, REFERENCE), DType.F64, c));
            for (Subject subject : Subject.all()) {
                all.add(Arguments.of(subject + " " + c.text("name"), subject, DType.F32, c));
            }
        }
        return all.stream();
    }

    /// The weights of one case, in our order.
    private static final class Layers {
        final Arena arena = Arena.ofAuto();
        final DType type;
        final Cell cell;
        final Map<String, Tensor> parameters = new LinkedHashMap<>();

        Layers(Json.Obj c, DType type) {
            this.type = type;
            this.cell = switch (c.text("name")) {
                case "RNN" -> Cell.rnn();
                case "RELU" -> new Cell.Rnn(Squash.RELU, Double.POSITIVE_INFINITY);
                case "LSTM" -> Cell.lstm();
                default -> Cell.gru();
            };
            for (String side : List.of("", "_reverse")) {
                for (int layer = 0; layer < 2; layer++) {
                    for (String part : List.of("weight_ih", "weight_hh", "bias_ih", "bias_hh")) {
                        String name = part + "_l" + layer + side;
                        parameters.put(name, ours(c.object("parameters").object(name)));
                    }
                }
            }
        }

        Tensor ours(Json.Obj values) {
            return GateOrder.TORCH.toOurs(arena, cell, tensor(values));
        }

        Tensor tensor(Json.Obj values) {
            return Tensor.of(
                    arena,
                    type,
                    values.array("data").reals(),
                    values.array("shape").integers());
        }

        private Tensor part(String name) {
            return Objects.requireNonNull(parameters.get(name), name);
        }

        Recurrent.OneWay way(int layer, boolean reverse) {
            String end = "_l" + layer + (reverse ? "_reverse" : "");
            return new Recurrent.OneWay(
                    Linear.of(part("weight_ih" + end), part("bias_ih" + end)),
                    new Recurrence(
                            cell,
                            reverse,
                            part("weight_hh" + end),
                            Optional.of(part("bias_hh" + end)),
                            Optional.empty()));
        }

        Recurrent both(int layer) {
            return new Recurrent.BothWays(way(layer, false), way(layer, true));
        }
    }

    private static Sequences sequences() {
        int[] lengths = GOLDEN.array("lengths").integers();
        var starts = new int[lengths.length + 1];
        for (int n = 0; n < lengths.length; n++) {
            starts[n + 1] = starts[n] + lengths[n];
        }
        return new Sequences(starts);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void forwardAndBackward(String name, Subject subject, DType type, Json.Obj c) {
        double bound = type == DType.F64 ? 1e-9 : 1e-5;
        Backend backend = subject.two();
        try (var activations = new Workspace();
                var gradients = new Workspace()) {
            var layers = new Layers(c, type);
            var tape = new Tape(backend.ops(activations), backend, gradients);
            var accumulators = new LinkedHashMap<String, Tensor>();
            layers.parameters.forEach((part, t) -> accumulators.put(
                    part, Tensor.zeros(layers.arena, type, t.shape().dims())));
            accumulators.forEach((part, d) -> tape.watch(layers.part(part), d));
            Tensor x = layers.tensor(c.object("x"));
            Tensor dX = Tensor.zeros(layers.arena, type, x.shape().dims());
            tape.watch(x, dX);
            var stack = new Recurrent.Stacked(List.of(layers.both(0), layers.both(1)));
            Tensor y = stack.forward(tape, sequences(), x);
            near(name + " y", layers.tensor(c.object("y")), y, bound);
            tape.backward(y, layers.tensor(c.object("dY")));
            near(name + " dX", layers.tensor(c.object("dX")), dX, bound);
            accumulators.forEach((part, d) ->
                    near(name + " " + part, layers.ours(c.object("gradients").object(part)), d, bound));
        }
    }

    /// PyTorch's states are [layers·directions, sequences, hidden].
    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void fromStates(String name, Subject subject, DType type, Json.Obj c) {
        double bound = type == DType.F64 ? 1e-9 : 1e-5;
        Backend backend = subject.two();
        try (var workspace = new Workspace()) {
            var ops = backend.ops(workspace);
            var layers = new Layers(c, type);
            Tensor x = layers.tensor(c.object("x"));
            for (int layer = 0; layer < 2; layer++) {
                Recurred there = run(ops, layers, layer, false, x, c, name, bound);
                Recurred back = run(ops, layers, layer, true, x, c, name, bound);
                x = ops.join(there.out(), back.out());
            }
            near(name, layers.tensor(c.object("fromStart")), x, bound);
        }
    }

    private static Recurred run(
            Ops ops, Layers layers, int layer, boolean reverse, Tensor x, Json.Obj c, String name, double bound) {
        int at = 2 * layer + (reverse ? 1 : 0);
        CellState start = state(layers, c.array("start"), at);
        Recurred r = layers.way(layer, reverse).forward(ops, sequences(), x, Optional.of(start));
        CellState last = state(layers, c.array("last"), at);
        near(name + " h", last.hidden(), r.last().hidden(), bound);
        last.cell()
                .ifPresent(wanted -> near(name + " c", wanted, r.last().cell().orElseThrow(), bound));
        return r;
    }

    private static CellState state(Layers layers, Json.Arr all, int at) {
        Tensor[] parts = new Tensor[all.size()];
        for (int n = 0; n < parts.length; n++) {
            Tensor t = layers.tensor(all.object(n));
            parts[n] = t.rows(at, at + 1).reshape(t.dim(1), t.dim(2));
        }
        return parts.length == 1 ? CellState.of(parts[0]) : CellState.of(parts[0], parts[1]);
    }

    private static void near(String name, Tensor wanted, Tensor found, double bound) {
        assertEquals(wanted.shape(), found.shape(), name);
        double[] w = wanted.toDoubles();
        double largest = 1;
        for (double value : w) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertArrayEquals(w, found.toDoubles(), bound * largest, name);
    }

    @Test
    void gatesOfAnotherNumber() {
        var arena = Arena.ofAuto();
        Tensor rows = Tensor.zeros(arena, DType.F32, 10, 3);
        var e = assertThrows(IllegalArgumentException.class, () -> GateOrder.TORCH.toOurs(arena, Cell.lstm(), rows));
        assertTrue(String.valueOf(e.getMessage()).contains("multiple of 4"), e.getMessage());
    }
}
