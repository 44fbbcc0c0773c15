package clearhead.onnx;

import clearhead.ops.Pairing;
import clearhead.tensor.Tensor;

/// Rotary positions.
record RotaryNodes(NodeRunner on) {
    /// input [batch, heads, tokens, headDim], or [batch, tokens, heads·headDim].
    Grid rotary(OnnxCase c) {
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
        Tensor y = on.ops()
                .rope(
                        on.tensor(x, tokens, x.dims()[2], x.dims()[3]),
                        on.tensor(cos, rows, pairs),
                        on.tensor(sin, rows, pairs),
                        Tensor.of(on.arena(), positions, tokens),
                        interleaved ? Pairing.INTERLEAVED : Pairing.HALVES);
        Grid turned = NodeRunner.grid(y, x.dims());
        return flat ? turned.reshape(input.dims()) : turned.transpose(0, 2, 1, 3);
    }
}
