package clearhead.nn;

import clearhead.tensor.Tensor;

/// Brings each token's vector to unit scale.
public sealed interface Norm {

    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, Tensor x);

    Norm NONE = new None();

    /// Leaves it as it is.
    record None() implements Norm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return x;
        }
    }

    /// x/√(mean(x²) + eps)·weight. Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4.
    record Rms(Tensor weight, double eps) implements Norm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().rmsNorm(x, weight, eps);
        }
    }

    /// (x − mean)/√(var + eps)·weight + bias. Ba, Kiros and Hinton 2016, arXiv:1607.06450.
    record Layer(Tensor weight, Tensor bias, double eps) implements Norm {
        @Override
        public Tensor forward(ForwardPass pass, Tensor x) {
            return pass.ops().layerNorm(x, weight, bias, eps);
        }
    }
}
