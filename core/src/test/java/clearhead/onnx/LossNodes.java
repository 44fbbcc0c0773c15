package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Softmax and losses.
record LossNodes(NodeRunner on) {
    Grid softmax(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        if (c.opset() < 13) {
            return NodeRunner.grid(on.ops().softmax(on.tensor(x, flattened(c, x))), x.dims());
        }
        int axis = x.axis(c.node().integer("axis", -1));
        Grid last = x.toLast(axis);
        Tensor y = on.ops().softmax(on.tensor(last, last.dims()));
        return NodeRunner.grid(y, last.dims()).fromLast(axis);
    }

    Grid logSoftmax(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        if (c.opset() < 13) {
            return logSoftmax(x.reshape(flattened(c, x)), 1).reshape(x.dims());
        }
        return logSoftmax(x, x.axis(c.node().integer("axis", -1)));
    }

    /// log softmax(x)[class] is minus the cross-entropy with that class as the target.
    Grid logSoftmax(Grid x, int axis) {
        Grid last = x.toLast(axis);
        int classes = last.dims()[last.rank() - 1];
        int rows = last.values().length / classes;
        Tensor logits = on.tensor(last, rows, classes);
        var y = new double[last.values().length];
        for (int target = 0; target < classes; target++) {
            var targets = new int[rows];
            Arrays.fill(targets, target);
            Tensor loss = on.ops().crossEntropy(logits, Tensor.of(on.arena(), targets, rows));
            for (int row = 0; row < rows; row++) {
                y[row * classes + target] = -loss.at(row);
            }
        }
        return new Grid(y, last.dims()).fromLast(axis);
    }

    /// x [batch, classes, d₁, …], y [batch, d₁, …], w [classes].
    List<Grid> crossEntropy(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        Grid last = x.toLast(1);
        int classes = x.dims()[1];
        int rows = x.values().length / classes;
        Targets targets = targets(c, c.has(2) ? c.input(2) : null, rows);
        Tensor loss = on.ops().crossEntropy(on.tensor(last, rows, classes), Tensor.of(on.arena(), targets.of, rows));
        Grid result = reduce(c, loss, targets.weights);
        return c.node().outputs().size() == 1 ? List.of(result) : List.of(result, logSoftmax(x, 1));
    }

    /// x [batch, classes, d₁, …] of log-probabilities, y [batch, d₁, …], w [classes]: −w[y]·x[y].
    Grid negativeLogLikelihood(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        Grid last = x.toLast(1);
        int classes = x.dims()[1];
        int rows = x.values().length / classes;
        Targets targets = targets(c, c.has(2) ? c.input(2) : null, rows);
        var chosen = new int[rows];
        for (int row = 0; row < rows; row++) {
            chosen[row] = row * classes + Math.max(0, targets.of[row]);
        }
        Tensor picked = on.ops().select(on.tensor(last, rows * classes, 1), Tensor.of(on.arena(), chosen, rows));
        return reduce(c, on.ops().scale(picked.reshape(rows), -1), targets.weights);
    }

    /// @param of class of each row, −1 where it is ignored
    /// @param weights of each row, 0 where it is ignored
    @SuppressWarnings("ArrayRecordComponent")
    private record Targets(int[] of, double[] weights) {}

    private static Targets targets(OnnxCase c, @Nullable Tensor classWeights, int rows) {
        boolean ignores = c.node().attributes().containsKey("ignore_index");
        int ignored = c.node().integer("ignore_index", -1);
        var targets = new int[rows];
        var weights = new double[rows];
        for (int row = 0; row < rows; row++) {
            int target = c.input(1).intAt(row);
            boolean counts = !ignores || target != ignored;
            targets[row] = counts ? target : -1;
            weights[row] = !counts ? 0 : classWeights == null ? 1 : classWeights.at(target);
        }
        return new Targets(targets, weights);
    }

    private Grid reduce(OnnxCase c, Tensor loss, double[] weights) {
        Tensor weight = Tensor.of(on.arena(), on.type(), weights, weights.length);
        Tensor weighted = on.times(weight, loss);
        return switch (c.node().text("reduction", "mean")) {
            case "none" -> NodeRunner.grid(weighted, Grid.of(c.input(1)).dims());
            case "sum" -> NodeRunner.grid(on.sum(weighted));
            case "mean" ->
                NodeRunner.grid(
                        on.ops().scale(on.sum(weighted), 1 / on.sum(weight).at(0)));
            default ->
                throw new IllegalArgumentException("reduction " + c.node().text("reduction", ""));
        };
    }

    /// Before version 13 all axes from one on are one.
    private static int[] flattened(OnnxCase c, Grid x) {
        int axis = x.axis(c.node().integer("axis", 1));
        return new int[] {x.size(0, axis), x.size(axis, x.rank())};
    }
}
