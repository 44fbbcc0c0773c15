package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.ops.StateSpace;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// Mamba 2: heads whose states fade by one factor each, as linear attention does; groups of heads share
/// what enters and what leaves. Dao and Gu 2024, arXiv:2405.21060, section 7.
///
/// @param groups of heads, and of the channels that are normed together
/// @param input [heads·headDim, dim]
/// @param enters [groups·stateDim, dim], B
/// @param leaves [groups·stateDim, dim], C
/// @param step [heads, dim]
/// @param gate [heads·headDim, dim]
/// @param space with a decay [heads]
/// @param norm over heads·headDim / groups, without weights
/// @param weight [heads·headDim] of that norm
/// @param output [dim, heads·headDim]
public record StateSpaceDual(
        int heads,
        int groups,
        Filtered input,
        Filtered enters,
        Filtered leaves,
        Linear step,
        Linear gate,
        StateSpace space,
        Norm norm,
        Tensor weight,
        Linear output)
        implements Mixer {

    /// A projection, a short convolution and an activation.
    public record Filtered(Linear linear, CausalFilter filter, Activation act) {
        Tensor forward(ForwardPass pass, int layer, int index, Tensor x) {
            return pass.ops().activate(act, filter.forward(pass, layer, index, linear.forward(pass, x)));
        }

        int width() {
            return linear.weight().dim(0);
        }
    }

    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        var ops = pass.ops();
        int tokens = x.dim(0);
        int width = input.width();
        int stateDim = enters.width() / groups;
        Carried y = ops.selectiveScan(
                input.forward(pass, layer, 0, x).reshape(tokens, heads, width / heads),
                step.forward(pass, x),
                enters.forward(pass, layer, 1, x).reshape(tokens, groups, stateDim),
                leaves.forward(pass, layer, 2, x).reshape(tokens, groups, stateDim),
                space,
                pass.sequences(),
                pass.keyValues().state(ops, layer, 3));
        pass.keyValues().keep(layer, 3, y.state());
        var gated = ops.gate(Activation.SILU, gate.forward(pass, x), y.out().reshape(tokens, width));
        var normed = norm.forward(pass, gated.reshape(tokens * groups, width / groups));
        return output.forward(pass, ops.multiply(normed.reshape(tokens, width), weight));
    }

    @Override
    public List<Shape> states() {
        return List.of(
                input.filter.state(),
                enters.filter.state(),
                leaves.filter.state(),
                new Shape(heads, input.width() / heads, enters.width() / groups));
    }
}
