package clearhead.nn;

import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// The part of a block through which tokens learn of one another.
public sealed interface Mixer
        permits Attention, ShortConvolution, GatedDelta, SelectiveState, StateSpaceDual, TimeMixing {

    /// @param x [tokens, dim], after its norm
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x);

    /// What a sequence carries from token to token in this layer beside keys and values, in F32: the shape of
    /// each state, see [KeyValues#state].
    default List<Shape> states() {
        return List.of();
    }
}
