package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/// Encoder and decoder layers with parameters in PyTorch's order, as its tests fill them.
///
/// @param fill values of parameters
record TorchLayers(
        Arena arena, int dim, int heads, int hidden, boolean normFirst, Activation act, Parameters fill, Masks masks) {

    /// Element `i` of the `n`-th parameter of a layer.
    @FunctionalInterface
    interface Parameters {
        double at(int n, int i, boolean normWeight);
    }

    /// What a layer's attentions may see.
    record Masks(Mask own, Mask cross) {}

    /// Parameters are handed out in order; a norm has two.
    private final class Order {
        private int n;

        Tensor next(boolean normWeight, int... dims) {
            Tensor t = Tensor.zeros(arena, DType.F32, dims);
            for (int i = 0; i < t.size(); i++) {
                t.set(i, fill.at(n, i, normWeight));
            }
            n++;
            return t;
        }

        Linear linear(int out, int in) {
            Tensor weight = next(false, out, in);
            return Linear.of(weight, next(false, out));
        }

        Norm norm() {
            Tensor weight = next(true, dim);
            return new Norm.Layer(weight, next(false, dim), 1e-5);
        }

        /// Queries, keys and values lie in one matrix.
        Linear[] attention() {
            Linear in = linear(3 * dim, dim);
            Tensor bias = in.bias().orElseThrow();
            var parts = new Linear[4];
            for (int i = 0; i < 3; i++) {
                parts[i] = Linear.of(
                        in.weight().rows(i * dim, (i + 1) * dim),
                        bias.reshape(3, dim).rows(i, i + 1).reshape(dim));
            }
            parts[3] = linear(dim, dim);
            return parts;
        }
    }

    private AttentionSpec spec(Mask mask) {
        int headDim = dim / heads;
        return new AttentionSpec(heads, heads, headDim, 1 / Math.sqrt(headDim), mask);
    }

    private Attention own(Linear[] p) {
        return new Attention(spec(masks.own), new Positions.None(), p[0], p[1], p[2], p[3]);
    }

    Block encoder() {
        var order = new Order();
        Attention attention = own(order.attention());
        Mlp mlp = new Mlp.Dense(order.linear(hidden, dim), order.linear(dim, hidden), act);
        Norm first = order.norm();
        Norm second = order.norm();
        return normFirst
                ? new Block.PreNorm(first, attention, second, mlp)
                : new Block.PostNorm(attention, first, mlp, second);
    }

    Block.Reading decoder(int layer) {
        var order = new Order();
        Attention attention = own(order.attention());
        Linear[] p = order.attention();
        var cross = new CrossAttention(layer, spec(masks.cross), p[0], p[1], p[2], p[3]);
        Mlp mlp = new Mlp.Dense(order.linear(hidden, dim), order.linear(dim, hidden), act);
        Norm first = order.norm();
        Norm second = order.norm();
        Norm third = order.norm();
        return normFirst
                ? new Block.Reading(new Block.PreNorm(first, attention, third, mlp), second, cross, Norm.NONE)
                : new Block.Reading(new Block.PostNorm(attention, first, mlp, third), Norm.NONE, cross, second);
    }

    /// @param x [tokens, dim]
    Tensor encode(Ops ops, int layers, Tensor x, Sequences rows) {
        var pass = pass(ops, rows);
        Block block = encoder();
        for (int layer = 0; layer < layers; layer++) {
            x = block.forward(pass, layer, x);
        }
        return x;
    }

    /// @param x [tokens, dim]
    /// @param memory [memoryTokens, dim]
    Tensor decode(Ops ops, int layers, Tensor x, Sequences rows, Tensor memory, Sequences memoryRows) {
        var pass = pass(ops, rows);
        Block.Reading block = decoder(0); // the same weights in all layers
        var read = new ReadText(List.of(block.cross().remember(pass, memory, memoryRows)), memoryRows);
        pass = ForwardPass.at(ops, new int[rows.tokens()], rows, new int[rows.count()], read.with(KeyValues.NONE));
        for (int layer = 0; layer < layers; layer++) {
            x = block.forward(pass, layer, x);
        }
        return x;
    }

    private static ForwardPass pass(Ops ops, Sequences rows) {
        return ForwardPass.of(ops, new int[rows.tokens()], rows);
    }

    /// PyTorch's key padding as a mask: true there hides.
    ///
    /// @param hidden [batch][keys], where there is one
    static Mask seen(Arena arena, Optional<int[][]> hidden) {
        if (hidden.isEmpty()) {
            return Mask.BIDIRECTIONAL;
        }
        int[][] keys = hidden.get();
        Tensor allowed = Tensor.zeros(arena, DType.BOOL, keys.length, 1, 1, keys[0].length);
        for (int b = 0; b < keys.length; b++) {
            for (int k = 0; k < keys[b].length; k++) {
                allowed.set((long) b * keys[b].length + k, keys[b][k] == 0 ? 1 : 0);
            }
        }
        return new Mask.Allowed(allowed);
    }
}
