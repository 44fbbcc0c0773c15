package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.ops.Ops;
import clearhead.ops.StateUpdate;
import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// Gated DeltaNet: linear attention whose state forgets, and corrects what a key recalls. Yang et al. 2024,
/// arXiv:2412.06464; as Qwen3-Next has it, with short convolutions before and a gated norm behind.
///
/// @param query [kvHeads·keyDim, dim], key alike
/// @param value [heads·valueDim, dim]; heads is a multiple of kvHeads
/// @param gate [heads·valueDim, dim]
/// @param rate [heads, dim]: how much of the difference is corrected, before its sigmoid
/// @param step [heads, dim], with its bias: how fast it forgets, before softplus
/// @param decay [heads], below 0
/// @param unit norm over keyDim that makes vectors of length 1
/// @param norm over valueDim
public record GatedDelta(
        int heads,
        int kvHeads,
        Filtered query,
        Filtered key,
        Filtered value,
        Linear gate,
        Linear rate,
        Linear step,
        Tensor decay,
        Norm unit,
        Norm norm,
        Linear output)
        implements Mixer {

    /// A projection, a short convolution and SiLU.
    public record Filtered(Linear linear, CausalFilter filter) {
        Tensor forward(ForwardPass pass, int layer, int index, Tensor x) {
            return pass.ops().activate(Activation.SILU, filter.forward(pass, layer, index, linear.forward(pass, x)));
        }

        int width() {
            return linear.weight().dim(0);
        }
    }

    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        Ops ops = pass.ops();
        int tokens = x.dim(0);
        int valueDim = value.width() / heads;
        var q = each(pass, query.forward(pass, layer, 0, x)); // [tokens, heads, keyDim]
        var k = each(pass, key.forward(pass, layer, 1, x)); // [tokens, heads, keyDim]
        var v = value.forward(pass, layer, 2, x).reshape(tokens, heads, valueDim);
        var update = new StateUpdate.GatedDelta(
                ops.multiply(ops.activate(Activation.SOFTPLUS, step.forward(pass, x)), decay),
                ops.activate(Activation.SIGMOID, rate.forward(pass, x)));
        var before = pass.keyValues().state(ops, layer, 3);
        double scale = 1 / Math.sqrt(q.dim(2));
        Carried y = ops.linearAttention(q, k, v, update, scale, pass.sequences(), before);
        pass.keyValues().keep(layer, 3, y.state());
        var normed = norm.forward(pass, y.out().reshape(tokens * heads, valueDim));
        var gated = ops.gate(Activation.SILU, gate.forward(pass, x), normed.reshape(tokens, heads * valueDim));
        return output.forward(pass, gated);
    }

    /// Vectors of length 1, one for every value head.
    ///
    /// @param x [tokens, kvHeads·keyDim]
    /// @return [tokens, heads, keyDim]
    private Tensor each(ForwardPass pass, Tensor x) {
        int tokens = x.dim(0);
        int keyDim = x.dim(1) / kvHeads;
        var one = unit.forward(pass, x.reshape(tokens * kvHeads, keyDim));
        if (heads == kvHeads) {
            return one.reshape(tokens, heads, keyDim);
        }
        Tensor rows = pass.ops().workspace().take(DType.I32, tokens * heads);
        for (int i = 0; i < tokens * heads; i++) {
            rows.set(i, i / (heads / kvHeads));
        }
        return pass.ops().select(one, rows).reshape(tokens, heads, keyDim);
    }

    @Override
    public List<Shape> states() {
        return List.of(
                query.filter.state(),
                key.filter.state(),
                value.filter.state(),
                new Shape(heads, query.width() / kvHeads, value.width() / heads));
    }
}
