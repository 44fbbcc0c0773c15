package clearhead.onnx;

import clearhead.ops.Activation;
import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Activations, gates and dropout.
record GateNodes(NodeRunner on) {
    Grid gelu(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        boolean tanh = c.node().text("approximate", "none").equals("tanh");
        Tensor y = on.ops().activate(tanh ? Activation.GELU_TANH : Activation.GELU, on.tensor(x, x.dims()));
        return NodeRunner.grid(y, x.dims());
    }

    /// x·σ(αx) = silu(αx)/α
    Grid swish(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        double alpha = c.node().number("alpha", 1);
        Tensor t = on.tensor(x, x.dims());
        if (alpha == 0) {
            return NodeRunner.grid(on.ops().scale(t, 0.5), x.dims());
        }
        Tensor y = on.ops().activate(Activation.SILU, on.ops().scale(t, alpha));
        return NodeRunner.grid(on.ops().scale(y, 1 / alpha), x.dims());
    }

    /// a·σ(αa)·b = silu(αa)·(b/α)
    Grid swiGlu(OnnxCase c) {
        Grid a = Grid.of(c.input(0));
        Grid b = Grid.of(c.input(1));
        if (!Arrays.equals(a.dims(), b.dims())) {
            throw new IllegalArgumentException("SwiGLU of " + Arrays.toString(a.dims()) + " and "
                    + Arrays.toString(b.dims()) + ": the shapes must be the same");
        }
        double alpha = c.node().number("alpha", 1);
        Tensor gate = on.tensor(a, a.dims());
        Tensor up = on.tensor(b, b.dims());
        Tensor y = alpha == 0
                ? on.ops().scale(on.times(gate, up), 0.5)
                : on.ops()
                        .gate(
                                Activation.SILU,
                                on.ops().scale(gate, alpha),
                                on.ops().scale(up, 1 / alpha));
        return NodeRunner.grid(y, a.dims());
    }

    /// Version 12 has ratio and training mode as inputs; before, a node's dropout is that of inference.
    List<Grid> dropout(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        double ratio = ratio(c);
        var factors = new double[x.values().length];
        var mask = new double[factors.length];
        var random = new SplittableRandom(c.node().integer("seed", 0));
        for (int i = 0; i < factors.length; i++) {
            mask[i] = ratio == 0 || random.nextDouble() >= ratio ? 1 : 0;
            factors[i] = mask[i] / (1 - ratio);
        }
        Tensor kept = on.tensor(new Grid(factors, x.dims()), x.dims());
        Tensor y = on.ops().gate(Activation.RELU, kept, on.tensor(x, x.dims()));
        return List.of(NodeRunner.grid(y, x.dims()), new Grid(mask, x.dims()));
    }

    /// What a node drops: 0 unless it trains.
    static double ratio(OnnxCase c) {
        boolean trains = c.opset() < 7
                ? c.node().integer("is_test", 0) == 0
                : c.has(2) && c.input(2).at(0) != 0;
        double otherwise = c.node().number("ratio", 0.5);
        return trains ? c.has(1) ? c.input(1).at(0) : otherwise : 0;
    }
}
