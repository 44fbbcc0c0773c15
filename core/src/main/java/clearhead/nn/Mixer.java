package clearhead.nn;

import clearhead.tensor.Tensor;

/// The part of a block through which tokens learn of one another.
public sealed interface Mixer permits Attention {

    /// @param x [tokens, dim], after its norm
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x);
}
