package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/// Norms.
record NormNodes(NodeRunner on) {
    List<Grid> layerNorm(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        int rows = x.size(0, axis);
        int width = x.size(axis, x.rank());
        double eps = c.node().number("epsilon", 1e-5);
        Tensor flat = on.tensor(x, rows, width);
        Tensor weight = on.tensor(Grid.of(c.input(1)), width);
        Tensor bias = c.has(2) ? on.tensor(Grid.of(c.input(2)), width) : on.filled(0, width);
        Tensor y = on.ops().layerNorm(flat, weight, bias, eps);
        Tensor mean = on.ops().linear(flat, on.filled(1.0 / width, 1, width));
        // the factor itself: what the norm makes of a deviation, divided by that deviation
        Tensor plain = on.ops().layerNorm(flat, on.filled(1, width), on.filled(0, width), eps);
        var factor = new double[rows];
        for (int row = 0; row < rows; row++) {
            double largest = 0;
            for (int i = row * width; i < (row + 1) * width; i++) {
                double deviation = flat.at(i) - mean.at(row);
                if (Math.abs(deviation) > Math.abs(largest)) {
                    largest = deviation;
                    factor[row] = plain.at(i) / deviation;
                }
            }
        }
        int[] reduced = x.dims().clone();
        Arrays.fill(reduced, axis, reduced.length, 1);
        return List.of(NodeRunner.grid(y, x.dims()), NodeRunner.grid(mean, reduced), new Grid(factor, reduced));
    }

    Grid rmsNorm(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        int width = x.size(axis, x.rank());
        Tensor y = on.ops()
                .rmsNorm(
                        on.tensor(x, x.size(0, axis), width),
                        on.tensor(Grid.of(c.input(1)).broadcast(Arrays.copyOfRange(x.dims(), axis, x.rank())), width),
                        c.node().number("epsilon", 1e-5));
        return NodeRunner.grid(y, x.dims());
    }

    /// x [batch, channels, …]: each group of channels is one row of a layer norm, whose weights are the
    /// channels'. Before version 21 scale and bias are those of groups.
    Grid groupNorm(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int groups = c.node().integer("num_groups", 1);
        int batch = x.dims()[0];
        int channels = x.dims()[1];
        int inGroup = channels / groups;
        int pixels = x.size(2, x.rank());
        int width = inGroup * pixels;
        Grid scale = Grid.of(c.input(1));
        Grid bias = Grid.of(c.input(2));
        boolean perGroup = c.opset() < 21;
        var y = new double[x.values().length];
        for (int group = 0; group < groups; group++) {
            var rows = new double[batch * width];
            var weights = new double[width];
            var biases = new double[width];
            for (int i = 0; i < width; i++) {
                int at = perGroup ? group : group * inGroup + i / pixels;
                weights[i] = scale.values()[at];
                biases[i] = bias.values()[at];
            }
            for (int n = 0; n < batch; n++) {
                System.arraycopy(x.values(), (n * groups + group) * width, rows, n * width, width);
            }
            double[] found = on.ops()
                    .layerNorm(
                            on.tensor(new Grid(rows, batch, width), batch, width),
                            on.tensor(new Grid(weights, width), width),
                            on.tensor(new Grid(biases, width), width),
                            c.node().number("epsilon", 1e-5))
                    .toDoubles();
            for (int n = 0; n < batch; n++) {
                System.arraycopy(found, n * width, y, (n * groups + group) * width, width);
            }
        }
        return new Grid(y, x.dims());
    }
}
