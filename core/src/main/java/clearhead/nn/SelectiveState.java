package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.ops.StateSpace;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// Mamba: every channel has a state of its own, and the token decides what enters it, what leaves it and
/// how fast it fades. Gu and Dao 2023, arXiv:2312.00752, section 3.
///
/// @param input [channels, dim]
/// @param gate [channels, dim]
/// @param rank [rank, channels], the first half of the step's projection
/// @param step [channels, rank]; its bias is in `space`
/// @param enters [stateDim, channels], B
/// @param leaves [stateDim, channels], C
/// @param space with a decay [channels, stateDim]
/// @param output [dim, channels]
public record SelectiveState(
        Linear input,
        Linear gate,
        CausalFilter filter,
        Activation act,
        Linear rank,
        Linear step,
        Linear enters,
        Linear leaves,
        StateSpace space,
        Linear output)
        implements Mixer {
    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        var ops = pass.ops();
        int tokens = x.dim(0);
        int stateDim = enters.weight().dim(0);
        var u = ops.activate(act, filter.forward(pass, layer, 0, input.forward(pass, x))); // [tokens, channels]
        int channels = u.dim(1);
        Carried y = ops.selectiveScan(
                u.reshape(tokens, channels, 1),
                step.forward(pass, rank.forward(pass, u)),
                enters.forward(pass, u).reshape(tokens, 1, stateDim),
                leaves.forward(pass, u).reshape(tokens, 1, stateDim),
                space,
                pass.sequences(),
                pass.keyValues().state(ops, layer, 1));
        pass.keyValues().keep(layer, 1, y.state());
        var read = y.out().reshape(tokens, channels);
        return output.forward(pass, ops.gate(Activation.SILU, gate.forward(pass, x), read));
    }

    @Override
    public List<Shape> states() {
        return List.of(
                filter.state(),
                new Shape(input.weight().dim(0), 1, enters.weight().dim(0)));
    }
}
