package clearhead.onnx;

import clearhead.ops.Activation;
import clearhead.ops.AdamStep;
import clearhead.ops.Backend;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Runs ONNX nodes on our operations: axes are moved and batches looped here, the arithmetic is done
/// by a backend.
///
/// @param type of the activations: F32, or F64 on the reference for exact results
record NodeRunner(Backend backend, Ops ops, DType type, Arena arena) {
    static final List<String> TYPES = List.of(
            "LayerNormalization",
            "RMSNormalization",
            "Softmax",
            "LogSoftmax",
            "Gelu",
            "Gemm",
            "MatMul",
            "RotaryEmbedding",
            "SoftmaxCrossEntropyLoss",
            "Adam");

    /// Outputs by their names in the graph.
    static Map<String, Grid> run(Backend backend, DType type, OnnxCase c) {
        try (Workspace workspace = new Workspace();
                Arena arena = Arena.ofShared()) {
            var runner = new NodeRunner(backend, backend.ops(workspace), type, arena);
            List<Grid> results = runner.run(c);
            var outputs = new LinkedHashMap<String, Grid>();
            for (int n = 0; n < c.node().outputs().size(); n++) {
                outputs.put(c.node().outputs().get(n), results.get(n));
            }
            return outputs;
        }
    }

    private List<Grid> run(OnnxCase c) {
        return switch (c.node().type()) {
            case "LayerNormalization" -> layerNorm(c);
            case "RMSNormalization" -> List.of(rmsNorm(c));
            case "Softmax" -> List.of(softmax(c));
            case "LogSoftmax" -> List.of(logSoftmax(c));
            case "Gelu" -> List.of(gelu(c));
            case "Gemm" -> List.of(gemm(c));
            case "MatMul" -> List.of(matMul(Grid.of(c.input(0)), Grid.of(c.input(1))));
            case "RotaryEmbedding" -> List.of(rotary(c));
            case "SoftmaxCrossEntropyLoss" -> crossEntropy(c);
            case "Adam" -> adam(c);
            default -> throw new IllegalArgumentException(c.node().type());
        };
    }

    private Tensor tensor(Grid grid, int... dims) {
        return Tensor.of(arena, type, grid.values(), dims);
    }

    private Tensor filled(double value, int... dims) {
        var values = new double[Arrays.stream(dims).reduce(1, Math::multiplyExact)];
        Arrays.fill(values, value);
        return Tensor.of(arena, type, values, dims);
    }

    private static Grid grid(Tensor t, int... dims) {
        return new Grid(t.toDoubles(), dims);
    }

    private List<Grid> layerNorm(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        int rows = x.size(0, axis);
        int width = x.size(axis, x.rank());
        double eps = c.node().number("epsilon", 1e-5);
        Tensor flat = tensor(x, rows, width);
        Tensor weight = tensor(Grid.of(c.input(1)), width);
        Tensor bias = c.has(2) ? tensor(Grid.of(c.input(2)), width) : filled(0, width);
        Tensor y = ops.layerNorm(flat, weight, bias, eps);
        Tensor mean = ops.linear(flat, filled(1.0 / width, 1, width));
        // the factor itself: what the norm makes of a deviation, divided by that deviation
        Tensor plain = ops.layerNorm(flat, filled(1, width), filled(0, width), eps);
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
        return List.of(grid(y, x.dims()), grid(mean, reduced), new Grid(factor, reduced));
    }

    private Grid rmsNorm(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        int width = x.size(axis, x.rank());
        Tensor y = ops.rmsNorm(
                tensor(x, x.size(0, axis), width),
                tensor(Grid.of(c.input(1)).broadcast(Arrays.copyOfRange(x.dims(), axis, x.rank())), width),
                c.node().number("epsilon", 1e-5));
        return grid(y, x.dims());
    }

    private Grid softmax(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        Grid last = x.toLast(axis);
        Tensor y = ops.softmax(tensor(last, last.dims()));
        return grid(y, last.dims()).fromLast(axis);
    }

    private Grid logSoftmax(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        return logSoftmax(x, x.axis(c.node().integer("axis", -1)));
    }

    /// log softmax(x)[class] is minus the cross-entropy with that class as the target.
    private Grid logSoftmax(Grid x, int axis) {
        Grid last = x.toLast(axis);
        int classes = last.dims()[last.rank() - 1];
        int rows = last.values().length / classes;
        Tensor logits = tensor(last, rows, classes);
        var y = new double[last.values().length];
        for (int target = 0; target < classes; target++) {
            var targets = new int[rows];
            Arrays.fill(targets, target);
            Tensor loss = ops.crossEntropy(logits, Tensor.of(arena, targets, rows));
            for (int row = 0; row < rows; row++) {
                y[row * classes + target] = -loss.at(row);
            }
        }
        return new Grid(y, last.dims()).fromLast(axis);
    }

    private Grid gelu(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        boolean tanh = c.node().text("approximate", "none").equals("tanh");
        Tensor y = ops.activate(tanh ? Activation.GELU_TANH : Activation.GELU, tensor(x, x.dims()));
        return grid(y, x.dims());
    }

    /// alpha·A·B + beta·C
    private Grid gemm(OnnxCase c) {
        Grid a = Grid.of(c.input(0));
        Grid b = Grid.of(c.input(1));
        Grid x = c.node().integer("transA", 0) == 1 ? a.transpose(1, 0) : a;
        Grid w = c.node().integer("transB", 0) == 1 ? b : b.transpose(1, 0);
        double alpha = c.node().number("alpha", 1);
        double beta = c.node().number("beta", 1);
        int[] dims = {x.dims()[0], w.dims()[0]};
        Tensor rows = tensor(x, x.dims());
        Tensor weight = tensor(w, w.dims());
        if (!c.has(2)) {
            return grid(ops.scale(ops.linear(rows, weight), alpha), dims);
        }
        Grid bias = Grid.of(c.input(2));
        if (bias.values().length == dims[1] && alpha == 1 && beta == 1) {
            return grid(ops.linear(rows, weight, tensor(bias, dims[1])), dims);
        }
        Tensor product = ops.scale(ops.linear(rows, weight), alpha);
        Tensor other = tensor(bias.broadcast(dims), dims);
        return grid(ops.add(product, ops.scale(other, beta)), dims);
    }

    /// As numpy.matmul: vectors get an axis of 1 that is dropped again, batches are broadcast.
    private Grid matMul(Grid a, Grid b) {
        Grid left = a.rank() == 1 ? a.reshape(1, a.dims()[0]) : a;
        Grid right = b.rank() == 1 ? b.reshape(b.dims()[0], 1) : b;
        int rows = left.dims()[left.rank() - 2];
        int inner = left.dims()[left.rank() - 1];
        int columns = right.dims()[right.rank() - 1];
        int rank = Math.max(left.rank(), right.rank());
        var batch = new int[rank - 2];
        for (int n = 0; n < batch.length; n++) {
            batch[n] = Math.max(dim(left, n - rank), dim(right, n - rank));
        }
        left = left.broadcast(concat(batch, rows, inner));
        right = right.broadcast(concat(batch, inner, columns));
        int batches = left.size(0, batch.length);
        var values = new double[batches * rows * columns];
        for (int n = 0; n < batches; n++) {
            Grid x = left.reshape(batches, rows, inner).at(n);
            Grid w = right.reshape(batches, inner, columns).at(n).transpose(1, 0);
            Tensor y = ops.linear(tensor(x, rows, inner), tensor(w, columns, inner));
            System.arraycopy(y.toDoubles(), 0, values, n * rows * columns, rows * columns);
        }
        var dims = new ArrayList<Integer>();
        Arrays.stream(batch).forEach(dims::add);
        if (a.rank() > 1) {
            dims.add(rows);
        }
        if (b.rank() > 1) {
            dims.add(columns);
        }
        return new Grid(values, dims.stream().mapToInt(i -> i).toArray());
    }

    private static int dim(Grid grid, int fromEnd) {
        int axis = grid.rank() + fromEnd;
        return axis < 0 ? 1 : grid.dims()[axis];
    }

    private static int[] concat(int[] batch, int rows, int columns) {
        int[] all = Arrays.copyOf(batch, batch.length + 2);
        all[batch.length] = rows;
        all[batch.length + 1] = columns;
        return all;
    }

    /// input [batch, heads, tokens, headDim], or [batch, tokens, heads·headDim].
    private Grid rotary(OnnxCase c) {
        Grid input = Grid.of(c.input(0));
        boolean flat = input.rank() == 3;
        Grid x = input;
        if (!flat) {
            x = input.transpose(0, 2, 1, 3); // [batch, tokens, heads, headDim]
        } else {
            int heads = c.node().integer("num_heads", 1);
            int[] d = input.dims();
            x = input.reshape(d[0], d[1], heads, d[2] / heads);
        }
        int tokens = x.dims()[0] * x.dims()[1];
        Grid cos = Grid.of(c.input(1));
        Grid sin = Grid.of(c.input(2));
        int pairs = cos.dims()[cos.rank() - 1];
        int rows = cos.values().length / pairs;
        var positions = new int[tokens];
        for (int t = 0; t < tokens; t++) {
            positions[t] = c.has(3) ? c.input(3).intAt(t) : t;
        }
        boolean interleaved = c.node().integer("interleaved", 0) == 1;
        Tensor y = ops.rope(
                tensor(x, tokens, x.dims()[2], x.dims()[3]),
                tensor(cos, rows, pairs),
                tensor(sin, rows, pairs),
                Tensor.of(arena, positions, tokens),
                interleaved ? Pairing.INTERLEAVED : Pairing.HALVES);
        Grid turned = grid(y, x.dims());
        return flat ? turned.reshape(input.dims()) : turned.transpose(0, 2, 1, 3);
    }

    /// x [batch, classes, d₁, …], y [batch, d₁, …], w [classes].
    private List<Grid> crossEntropy(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        Grid last = x.toLast(1);
        int classes = x.dims()[1];
        int rows = x.values().length / classes;
        boolean ignores = c.node().attributes().containsKey("ignore_index");
        int ignored = c.node().integer("ignore_index", -1);
        var targets = new int[rows];
        var weights = new double[rows];
        for (int row = 0; row < rows; row++) {
            int target = c.input(1).intAt(row);
            boolean counts = !ignores || target != ignored;
            targets[row] = counts ? target : -1;
            weights[row] = !counts ? 0 : c.has(2) ? c.input(2).at(target) : 1;
        }
        Tensor loss = ops.crossEntropy(tensor(last, rows, classes), Tensor.of(arena, targets, rows));
        // relu(weight)·loss is the product: class weights are not negative
        Tensor weight = Tensor.of(arena, type, weights, rows);
        Tensor weighted = ops.gate(Activation.RELU, weight, loss);
        Grid result = switch (c.node().text("reduction", "mean")) {
            case "none" -> grid(weighted, Grid.of(c.input(1)).dims());
            case "sum" -> grid(sum(weighted));
            default -> grid(ops.scale(sum(weighted), 1 / sum(weight).at(0)));
        };
        return c.node().outputs().size() == 1 ? List.of(result) : List.of(result, logSoftmax(x, 1));
    }

    /// In two steps, rows first: the error of one long running sum in float grows with its length.
    private Tensor sum(Tensor values) {
        int count = values.dim(0);
        int width = (int) Math.ceil(Math.sqrt(count));
        int rows = Math.ceilDiv(count, width);
        double[] padded = Arrays.copyOf(values.toDoubles(), rows * width);
        Tensor sums = ops.linear(Tensor.of(arena, type, padded, rows, width), filled(1, 1, width));
        return ops.linear(sums.reshape(1, rows), filled(1, 1, rows));
    }

    /// R, T, then all X, all G, all V, all H. The operator's own text gives the formula: its rate is
    /// corrected for the start of the averages, its epsilon is not.
    private List<Grid> adam(OnnxCase c) {
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
                t[k] = tensor(grid, grid.values().length);
            }
            backend.updates().adam(t[0], t[1], t[2], t[3], adam);
            int[] dims = c.input(2 + n).shape().dims();
            outputs[n] = grid(t[0], dims);
            outputs[count + n] = grid(t[2], dims);
            outputs[2 * count + n] = grid(t[3], dims);
        }
        return List.of(outputs);
    }
}
