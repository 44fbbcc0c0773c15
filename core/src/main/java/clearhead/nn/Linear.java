package clearhead.nn;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// x·Wᵀ + b.
///
/// @param weight [out, in]
/// @param bias [out]
public record Linear(Tensor weight, Optional<Tensor> bias) {

    public static Linear of(Tensor weight) {
        return new Linear(weight, Optional.empty());
    }

    public static Linear of(Tensor weight, Tensor bias) {
        return new Linear(weight, Optional.of(bias));
    }

    /// @param x [tokens, in]
    /// @return [tokens, out]
    public Tensor forward(ForwardPass pass, Tensor x) {
        return bias.isPresent()
                ? pass.ops().linear(x, weight, bias.get())
                : pass.ops().linear(x, weight);
    }
}
