package clearhead.onnx;

import clearhead.ops.AdamStep;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.List;

/// Steps of optimizers.
record UpdateNodes(NodeRunner on) {
    /// R, T, then all X, all G, all V, all H. The operator's own text gives the formula: its rate is
    /// corrected for the start of the averages, its epsilon is not.
    List<Grid> adam(OnnxCase c) {
        double alpha = c.node().number("alpha", 0.9);
        double beta = c.node().number("beta", 0.999);
        double rate = c.input(0).at(0);
        double step = c.input(1).at(0);
        if (step > 0) {
            rate *= Math.sqrt(1 - Math.pow(beta, step)) / (1 - Math.pow(alpha, step));
        }
        var adam = new AdamStep(
                alpha,
                beta,
                1,
                c.node().number("norm_coefficient", 0),
                1,
                rate,
                c.node().number("epsilon", 1e-6),
                1 - c.node().number("norm_coefficient_post", 0));
        int count = (c.node().inputs().size() - 2) / 4;
        var outputs = new Grid[3 * count];
        for (int n = 0; n < count; n++) {
            Tensor[] t = new Tensor[4];
            for (int k = 0; k < 4; k++) {
                Grid grid = Grid.of(c.input(2 + k * count + n));
                t[k] = on.tensor(grid, grid.values().length);
            }
            on.backend().updates().adam(t[0], t[1], t[2], t[3], adam);
            int[] dims = c.input(2 + n).shape().dims();
            outputs[n] = NodeRunner.grid(t[0], dims);
            outputs[count + n] = NodeRunner.grid(t[2], dims);
            outputs[2 * count + n] = NodeRunner.grid(t[3], dims);
        }
        return List.of(outputs);
    }

    /// R, T, then all X, all G, all V.
    List<Grid> momentum(OnnxCase c) {
        double alpha = c.node().number("alpha", Double.NaN);
        double beta = c.input(1).at(0) > 0 ? c.node().number("beta", Double.NaN) : 1;
        double rate = c.input(0).at(0);
        boolean nesterov = switch (c.node().text("mode", "")) {
            case "nesterov" -> true;
            case "standard" -> false;
            default -> throw new IllegalArgumentException("mode " + c.node().text("mode", ""));
        };
        Ops ops = on.ops();
        int count = (c.node().inputs().size() - 2) / 3;
        var outputs = new Grid[2 * count];
        for (int n = 0; n < count; n++) {
            int[] dims = c.input(2 + n).shape().dims();
            Tensor x = on.tensor(Grid.of(c.input(2 + n)), dims);
            Tensor g = on.tensor(Grid.of(c.input(2 + count + n)), dims);
            Tensor v = on.tensor(Grid.of(c.input(2 + 2 * count + n)), dims);
            g = ops.add(ops.scale(x, c.node().number("norm_coefficient", Double.NaN)), g);
            v = ops.add(ops.scale(v, alpha), ops.scale(g, beta));
            Tensor direction = nesterov ? ops.add(g, ops.scale(v, alpha)) : v;
            outputs[n] = NodeRunner.grid(ops.add(x, ops.scale(direction, -rate)), dims);
            outputs[count + n] = NodeRunner.grid(v, dims);
        }
        return List.of(outputs);
    }
}
