package clearhead.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.ops.Data;
import clearhead.ops.Subject;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// RNN, LSTM and GRU with every attribute that the published cases leave out, against the operators'
/// equations written down once more, on padded batches: all directions, both layouts, lengths, initial
/// states, peepholes, clip, activations with their parameters, coupled gates, the reset before and after.
class RecurrentNodesTest {
    private static final int STEPS = 4;
    private static final int BATCH = 3;
    private static final int IN = 2;
    private static final int HIDDEN = 3;

    static Stream<Arguments> cases() {
        var all = new ArrayList<Arguments>();
        for (String type : List.of("RNN", "LSTM", "GRU")) {
            for (String direction : List.of("forward", "reverse", "bidirectional")) {
                for (int layout = 0; layout < 2; layout++) {
                    for (int options = 0; options < 4; options++) {
                        all.add(Arguments.of(type, direction, layout, options));
                    }
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyAttribute(String type, String direction, int layout, int options) {
        int directions = direction.equals("bidirectional") ? 2 : 1;
        int gates = type.equals("RNN") ? 1 : type.equals("LSTM") ? 4 : 3;
        var data = new Data(options);
        var inputs = new LinkedHashMap<String, Tensor>();
        inputs.put("X", layout == 1 ? data.normal(BATCH, STEPS, IN) : data.normal(STEPS, BATCH, IN));
        inputs.put("W", data.normal(directions, gates * HIDDEN, IN));
        inputs.put("R", data.normal(directions, gates * HIDDEN, HIDDEN));
        boolean whole = options > 0;
        var names = new ArrayList<>(List.of("X", "W", "R"));
        if (whole) {
            inputs.put("B", data.normal(directions, 2 * gates * HIDDEN));
            inputs.put("sequence_lens", data.ints(2, STEPS, 1));
            int[] states = layout == 1 ? new int[] {BATCH, directions, HIDDEN} : new int[] {directions, BATCH, HIDDEN};
            inputs.put("initial_h", data.normal(states));
            names.addAll(List.of("B", "sequence_lens", "initial_h"));
            if (type.equals("LSTM")) {
                inputs.put("initial_c", data.normal(states));
                inputs.put("P", data.normal(directions, 3 * HIDDEN));
                names.addAll(List.of(options == 2 ? "" : "initial_c", "P"));
            }
        }
        var attributes = new HashMap<String, Object>(
                Map.of("hidden_size", (long) HIDDEN, "direction", direction, "layout", (long) layout));
        if (options >= 2) {
            attributes.put("clip", 0.9f);
            if (type.equals("LSTM")) {
                attributes.put("input_forget", 1L);
            } else if (type.equals("GRU")) {
                attributes.put("linear_before_reset", 1L);
            }
        }
        if (options == 3) {
            List<String> each =
                    List.of("HardSigmoid", "ScaledTanh", "LeakyRelu").subList(0, squashes(type));
            var activations = new ArrayList<>(each);
            if (directions == 2) {
                activations.addAll(List.of("Sigmoid", "Elu", "Tanh").subList(0, squashes(type)));
            }
            attributes.put("activations", activations);
            attributes.put("activation_alpha", List.of(0.3f, 1.2f, 0.1f, 0.7f).subList(0, squashes(type)));
            attributes.put("activation_beta", List.of(0.4f, 0.8f).subList(0, Math.min(2, squashes(type))));
        }
        List<String> outputs = type.equals("LSTM") ? List.of("Y", "Y_h", "Y_c") : List.of("Y", "Y_h");
        var node = new OnnxCase.Node(type, names, outputs, Map.copyOf(attributes));
        var c = new OnnxCase("made", 22, List.of(node), inputs, Map.of(), Map.of());
        Map<String, double[]> wanted = new Padded(c, directions, gates).run();
        for (Subject subject : Subject.all()) {
            Map<String, Grid> found = NodeRunner.run(subject.two(), DType.F32, c, false);
            for (String name : outputs) {
                assertArrayEquals(
                        wanted.get(name),
                        Objects.requireNonNull(found.get(name)).values(),
                        1e-5,
                        name);
            }
        }
    }

    private static int squashes(String type) {
        return type.equals("RNN") ? 1 : type.equals("LSTM") ? 3 : 2;
    }

    /// The operator's text, step by step over the padded batch.
    private record Padded(OnnxCase c, int directions, int gates) {
        private double in(int n, int... at) {
            if (!c.has(n)) {
                return 0;
            }
            Tensor t = c.input(n);
            long index = 0;
            for (int axis = 0; axis < at.length; axis++) {
                index = index * t.dim(axis) + at[axis];
            }
            return t.at(index);
        }

        private boolean batchFirst() {
            return c.node().integer("layout", 0) == 1;
        }

        private double state(int n, int d, int b, int j) {
            return batchFirst() ? in(n, b, d, j) : in(n, d, b, j);
        }

        Map<String, double[]> run() {
            var y = new double[STEPS * BATCH * directions * HIDDEN];
            var yh = new double[directions * BATCH * HIDDEN];
            var yc = new double[directions * BATCH * HIDDEN];
            for (int d = 0; d < directions; d++) {
                boolean reverse = d == 1 || c.node().text("direction", "").equals("reverse");
                for (int b = 0; b < BATCH; b++) {
                    int length = c.has(4) ? c.input(4).intAt(b) : STEPS;
                    var h = new double[HIDDEN];
                    var cell = new double[HIDDEN];
                    for (int j = 0; j < HIDDEN; j++) {
                        h[j] = state(5, d, b, j);
                        cell[j] = state(6, d, b, j);
                    }
                    for (int k = 0; k < length; k++) {
                        int t = reverse ? length - 1 - k : k;
                        step(d, b, t, h, cell);
                        for (int j = 0; j < HIDDEN; j++) {
                            int at = batchFirst()
                                    ? ((b * STEPS + t) * directions + d) * HIDDEN
                                    : ((t * directions + d) * BATCH + b) * HIDDEN;
                            y[at + j] = h[j];
                        }
                    }
                    int at = (batchFirst() ? b * directions + d : d * BATCH + b) * HIDDEN;
                    System.arraycopy(h, 0, yh, at, HIDDEN);
                    System.arraycopy(cell, 0, yc, at, HIDDEN);
                }
            }
            return Map.of("Y", y, "Y_h", yh, "Y_c", yc);
        }

        /// X·Wᵀ + Wb of one row.
        private double input(int d, int b, int t, int row) {
            double sum = in(3, d, row);
            for (int i = 0; i < IN; i++) {
                sum += (batchFirst() ? in(0, b, t, i) : in(0, t, b, i)) * in(1, d, row, i);
            }
            return sum;
        }

        /// H·Rᵀ + Rb of one row.
        private double recurrent(int d, int row, double[] h) {
            double sum = in(3, d, gates * HIDDEN + row);
            for (int i = 0; i < HIDDEN; i++) {
                sum += h[i] * in(2, d, row, i);
            }
            return sum;
        }

        private void step(int d, int b, int t, double[] h, double[] cell) {
            double[] old = h.clone();
            switch (c.node().type()) {
                case "RNN" -> {
                    for (int j = 0; j < HIDDEN; j++) {
                        h[j] = squash(d, 0, input(d, b, t, j) + recurrent(d, j, old), true);
                    }
                }
                case "LSTM" -> {
                    for (int j = 0; j < HIDDEN; j++) {
                        double i = squash(d, 0, sum(d, b, t, j, old) + in(7, d, j) * cell[j], true);
                        double f = squash(
                                d, 0, sum(d, b, t, 2 * HIDDEN + j, old) + in(7, d, 2 * HIDDEN + j) * cell[j], true);
                        if (c.node().integer("input_forget", 0) == 1) {
                            f = 1 - i;
                        }
                        cell[j] = f * cell[j] + i * squash(d, 1, sum(d, b, t, 3 * HIDDEN + j, old), true);
                        double o = squash(d, 0, sum(d, b, t, HIDDEN + j, old) + in(7, d, HIDDEN + j) * cell[j], true);
                        h[j] = o * squash(d, 2, cell[j], false);
                    }
                }
                default -> {
                    var reset = new double[HIDDEN];
                    for (int j = 0; j < HIDDEN; j++) {
                        reset[j] = squash(d, 0, sum(d, b, t, HIDDEN + j, old), true);
                    }
                    var gated = new double[HIDDEN];
                    for (int j = 0; j < HIDDEN; j++) {
                        gated[j] = reset[j] * old[j];
                    }
                    for (int j = 0; j < HIDDEN; j++) {
                        double z = squash(d, 0, sum(d, b, t, j, old), true);
                        int row = 2 * HIDDEN + j;
                        double product = c.node().integer("linear_before_reset", 0) == 1
                                ? reset[j] * recurrent(d, row, old)
                                : recurrent(d, row, gated);
                        double n = squash(d, 1, input(d, b, t, row) + product, true);
                        h[j] = (1 - z) * n + z * old[j];
                    }
                }
            }
        }

        private double sum(int d, int b, int t, int row, double[] h) {
            return input(d, b, t, row) + recurrent(d, row, h);
        }

        /// @param which of f, g, h
        private double squash(int d, int which, double value, boolean bounded) {
            double clip = c.node().number("clip", Double.POSITIVE_INFINITY);
            double x = bounded ? Math.max(-clip, Math.min(clip, value)) : value;
            if (!c.node().attributes().containsKey("activations")) {
                return which == 0 && gates > 1 ? 1 / (1 + Math.exp(-x)) : Math.tanh(x);
            }
            // the lists are used up in the order of the activations that have the parameter
            return switch (3 * d + which) {
                case 0 -> Math.min(Math.max(0.3f * x + 0.4f, 0), 1);
                case 1 -> 1.2f * Math.tanh(0.8f * x);
                case 2 -> x < 0 ? 0.1f * x : x;
                case 3 -> 1 / (1 + Math.exp(-x));
                case 4 -> x < 0 ? 1.0 * Math.expm1(x) : x;
                default -> Math.tanh(x);
            };
        }
    }

    @Test
    void whatNobodyKnowsIsRefused() {
        var data = new Data(1);
        var node =
                new OnnxCase.Node("RNN", List.of("X", "W", "R"), List.of("Y"), Map.of("activations", List.of("Cosh")));
        var c = new OnnxCase(
                "made",
                22,
                List.of(node),
                Map.of("X", data.zeros(1, 1, 8), "W", data.zeros(1, 2, 8), "R", data.zeros(1, 2, 2)),
                Map.of(),
                Map.of());
        Subject subject = Subject.all().getFirst();
        assertThrows(IllegalArgumentException.class, () -> NodeRunner.run(subject.two(), DType.F32, c, false));
    }
}
