package clearhead.nn;

import clearhead.tensor.Tensor;

/// What happens to the heads' weighted sums before Wo.
public sealed interface OutputGate {
    OutputGate NONE = new None();

    /// @param x [tokens, dim]: what entered attention
    /// @param z [tokens, heads·valueDim]
    /// @return the same shape as z
    Tensor forward(ForwardPass pass, Tensor x, Tensor z);

    /// Nothing.
    record None() implements OutputGate {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x, Tensor z) {
            return z;
        }
    }
}
