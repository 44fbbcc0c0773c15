package clearhead.nn;

import clearhead.ops.Carried;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.Optional;

/// A causal convolution of each channel by itself, which carries the last inputs of a sequence on.
///
/// @param kernel [channels, kernel]; the last column is that of the token itself
/// @param bias [channels]
public record CausalFilter(Tensor kernel, Optional<Tensor> bias) {

    /// @param index number of its state in the layer
    /// @param x [tokens, channels]
    /// @return [tokens, channels]
    public Tensor forward(ForwardPass pass, int layer, int index, Tensor x) {
        var before = pass.keyValues().state(pass.ops(), layer, index);
        Carried y = pass.ops().causalConvolution(x, kernel, bias, pass.sequences(), before);
        pass.keyValues().keep(layer, index, y.state());
        return y.out();
    }

    /// The inputs that it carries.
    public Shape state() {
        return new Shape(kernel.dim(1) - 1, kernel.dim(0));
    }
}
