package clearhead.onnx;

import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.Squash;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// RNN, LSTM and GRU: padding is taken out, each direction runs by itself, and both are put together.
record RecurrentNodes(NodeRunner runner) {
    /// @param cell the node's cell, by the squashes of one direction
    private interface Cells {
        Cell of(List<Squash> squashes);
    }

    List<Grid> rnn(OnnxCase c) {
        double clip = c.node().number("clip", Double.POSITIVE_INFINITY);
        return run(c, List.of("Tanh"), s -> new Cell.Rnn(s.get(0), clip), false);
    }

    List<Grid> lstm(OnnxCase c) {
        double clip = c.node().number("clip", Double.POSITIVE_INFINITY);
        boolean coupled = c.node().integer("input_forget", 0) != 0;
        return run(
                c,
                List.of("Sigmoid", "Tanh", "Tanh"),
                s -> new Cell.Lstm(s.get(0), s.get(1), s.get(2), coupled, clip),
                true);
    }

    List<Grid> gru(OnnxCase c) {
        double clip = c.node().number("clip", Double.POSITIVE_INFINITY);
        boolean before = c.node().integer("linear_before_reset", 0) != 0;
        return run(c, List.of("Sigmoid", "Tanh"), s -> new Cell.Gru(s.get(0), s.get(1), before, clip), false);
    }

    /// Y [steps, directions, batch, hidden], Y_h and Y_c [directions, batch, hidden]; batch first where
    /// the layout is 1.
    private List<Grid> run(OnnxCase c, List<String> usual, Cells cells, boolean lstm) {
        boolean batchFirst = c.node().integer("layout", 0) == 1;
        Grid x = Grid.of(c.input(0));
        x = batchFirst ? x : x.transpose(1, 0, 2); // [batch, steps, in]
        int batch = x.dims()[0];
        int steps = x.dims()[1];
        int in = x.dims()[2];
        Grid w = Grid.of(c.input(1)); // [directions, gates·hidden, in]
        Grid r = Grid.of(c.input(2)); // [directions, gates·hidden, hidden]
        int directions = w.dims()[0];
        int wide = w.dims()[1];
        int hidden = c.node().integer("hidden_size", r.dims()[2]);
        String direction = c.node().text("direction", "forward");
        if (directions != (direction.equals("bidirectional") ? 2 : 1)) {
            throw new IllegalArgumentException(direction + " with weights for " + directions + " directions");
        }
        var starts = new int[batch + 1];
        for (int b = 0; b < batch; b++) {
            starts[b + 1] = starts[b] + (c.has(4) ? c.input(4).intAt(b) : steps);
        }
        var sequences = new Sequences(starts);
        var packed = new double[sequences.tokens() * in];
        for (int b = 0; b < batch; b++) {
            System.arraycopy(x.values(), b * steps * in, packed, starts[b] * in, sequences.length(b) * in);
        }
        Tensor tokens = runner.tensor(new Grid(packed, sequences.tokens(), in), sequences.tokens(), in);
        List<Squash> squashes = squashes(c, usual, directions);
        var y = new double[batch * steps * directions * hidden];
        var last = new double[directions * batch * hidden];
        var lastCell = new double[directions * batch * hidden];
        for (int d = 0; d < directions; d++) {
            Optional<Grid> bias = optional(c, 3, d);
            Tensor weight = runner.tensor(w.at(d), wide, in);
            Tensor inputs = bias.isPresent()
                    ? runner.ops().linear(tokens, weight, half(bias.get(), 0, wide))
                    : runner.ops().linear(tokens, weight);
            int each = usual.size();
            var recurrence = new Recurrence(
                    cells.of(squashes.subList(d * each, (d + 1) * each)),
                    direction.equals("reverse") || d == 1,
                    runner.tensor(r.at(d), wide, hidden),
                    bias.map(b -> half(b, wide, wide)),
                    optional(c, 7, d).map(p -> half(p, 0, 3 * hidden)));
            Recurred result =
                    runner.ops().recur(inputs, sequences, recurrence, start(c, lstm, d, batch, hidden, batchFirst));
            for (int b = 0; b < batch; b++) {
                for (int t = 0; t < sequences.length(b); t++) {
                    double[] row =
                            result.out().rows(starts[b] + t, starts[b] + t + 1).toDoubles();
                    System.arraycopy(row, 0, y, ((b * steps + t) * directions + d) * hidden, hidden);
                }
            }
            System.arraycopy(result.last().hidden().toDoubles(), 0, last, d * batch * hidden, batch * hidden);
            if (lstm) {
                double[] states = result.last().cell().orElseThrow().toDoubles();
                System.arraycopy(states, 0, lastCell, d * batch * hidden, batch * hidden);
            }
        }
        Grid all = new Grid(y, batch, steps, directions, hidden);
        var results = new ArrayList<>(List.of(
                batchFirst ? all : all.transpose(1, 2, 0, 3), states(last, directions, batch, hidden, batchFirst)));
        if (lstm) {
            results.add(states(lastCell, directions, batch, hidden, batchFirst));
        }
        return results;
    }

    private static Grid states(double[] values, int directions, int batch, int hidden, boolean batchFirst) {
        Grid grid = new Grid(values, directions, batch, hidden);
        return batchFirst ? grid.transpose(1, 0, 2) : grid;
    }

    /// Part `d` of an optional input.
    private static Optional<Grid> optional(OnnxCase c, int n, int d) {
        return c.has(n) ? Optional.of(Grid.of(c.input(n)).at(d)) : Optional.empty();
    }

    private Tensor half(Grid both, int from, int count) {
        double[] part = Arrays.copyOfRange(both.values(), from, from + count);
        return runner.tensor(new Grid(part, count), count);
    }

    private Optional<CellState> start(OnnxCase c, boolean lstm, int d, int batch, int hidden, boolean batchFirst) {
        if (!c.has(5) && !(lstm && c.has(6))) {
            return Optional.empty();
        }
        Tensor h = initial(c, 5, d, batch, hidden, batchFirst);
        return Optional.of(lstm ? CellState.of(h, initial(c, 6, d, batch, hidden, batchFirst)) : CellState.of(h));
    }

    private Tensor initial(OnnxCase c, int n, int d, int batch, int hidden, boolean batchFirst) {
        if (!c.has(n)) {
            return runner.filled(0, batch, hidden);
        }
        Grid all = Grid.of(c.input(n));
        return runner.tensor((batchFirst ? all.transpose(1, 0, 2) : all).at(d), batch, hidden);
    }

    /// The node's nonlinearities, of all directions. Parameters are taken from the lists in turn by those
    /// that have them, or by all where the list has one for each.
    private static List<Squash> squashes(OnnxCase c, List<String> usual, int directions) {
        List<String> names = c.node().attributes().get("activations") instanceof List<?> given
                ? given.stream().map(Object::toString).toList()
                : Stream.generate(() -> usual)
                        .limit(directions)
                        .flatMap(List::stream)
                        .toList();
        if (names.size() != usual.size() * directions) {
            throw new IllegalArgumentException("activations " + names + " for " + directions + " directions");
        }
        var alphas = numbers(c, "activation_alpha");
        var betas = numbers(c, "activation_beta");
        boolean alphaEach = alphas.size() == names.size();
        boolean betaEach = betas.size() == names.size();
        var squashes = new ArrayList<Squash>();
        int alpha = 0;
        int beta = 0;
        for (int n = 0; n < names.size(); n++) {
            Squash squash = squash(names.get(n));
            boolean hasAlpha = !Double.isNaN(squash.alpha());
            boolean hasBeta = !Double.isNaN(squash.beta());
            int a = alphaEach ? n : alpha;
            int b = betaEach ? n : beta;
            squashes.add(new Squash(
                    squash.kind(),
                    hasAlpha && a < alphas.size() ? alphas.get(a) : squash.alpha(),
                    hasBeta && b < betas.size() ? betas.get(b) : squash.beta()));
            alpha += hasAlpha ? 1 : 0;
            beta += hasBeta ? 1 : 0;
        }
        return squashes;
    }

    private static List<Double> numbers(OnnxCase c, String attribute) {
        return c.node().attributes().get(attribute) instanceof List<?> given
                ? given.stream().map(n -> ((Number) n).doubleValue()).toList()
                : List.of();
    }

    /// With the operator's own parameters; NaN for one that it does not have.
    private static Squash squash(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "sigmoid" -> new Squash(Squash.Kind.SIGMOID, Double.NaN, Double.NaN);
            case "tanh" -> new Squash(Squash.Kind.TANH, Double.NaN, Double.NaN);
            case "relu" -> new Squash(Squash.Kind.RELU, Double.NaN, Double.NaN);
            case "affine" -> new Squash(Squash.Kind.AFFINE, 1, 0);
            case "leakyrelu" -> new Squash(Squash.Kind.LEAKY_RELU, 0.01, Double.NaN);
            case "thresholdedrelu" -> new Squash(Squash.Kind.THRESHOLDED_RELU, 1, Double.NaN);
            case "scaledtanh" -> new Squash(Squash.Kind.SCALED_TANH, 1, 1);
            case "hardsigmoid" -> new Squash(Squash.Kind.HARD_SIGMOID, 0.2, 0.5);
            case "elu" -> new Squash(Squash.Kind.ELU, 1, Double.NaN);
            case "softsign" -> new Squash(Squash.Kind.SOFTSIGN, Double.NaN, Double.NaN);
            case "softplus" -> new Squash(Squash.Kind.SOFTPLUS, Double.NaN, Double.NaN);
            default -> throw new IllegalArgumentException("no activation of a recurrent cell is named " + name);
        };
    }
}
