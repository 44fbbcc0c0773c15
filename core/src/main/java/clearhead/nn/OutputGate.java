package clearhead.nn;

import clearhead.ops.Activation;
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

    /// σ(gate x)·z: Qwen3-Next. Qiu et al. 2025, arXiv:2505.06708.
    ///
    /// @param gate [heads·valueDim, dim]
    record Sigmoid(Linear gate) implements OutputGate {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x, Tensor z) {
            return pass.ops().gate(Activation.SIGMOID, gate.forward(pass, x), z);
        }
    }
}
