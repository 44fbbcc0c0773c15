package clearhead.nn;

import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// A convolution over a few tokens between two gates: after·filter(before·x). LFM2, Liquid AI 2025,
/// arXiv:2511.23404.
///
/// @param before [dim, dim], the gate B
/// @param after [dim, dim], the gate C
/// @param input [dim, dim]
/// @param output [dim, dim]
public record ShortConvolution(Linear before, Linear after, Linear input, CausalFilter filter, Linear output)
        implements Mixer {
    @Override
    public Tensor forward(ForwardPass pass, int layer, Tensor x) {
        var gated = pass.ops().multiply(before.forward(pass, x), input.forward(pass, x)); // [tokens, dim]
        var mixed = filter.forward(pass, layer, 0, gated);
        return output.forward(pass, pass.ops().multiply(after.forward(pass, x), mixed));
    }

    @Override
    public List<Shape> states() {
        return List.of(filter.state());
    }
}
