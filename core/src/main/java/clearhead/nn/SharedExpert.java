package clearhead.nn;

import clearhead.ops.Routing;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// What every token goes through besides the experts that it chose. Dai et al. 2024,
/// arXiv:2401.06066.
public sealed interface SharedExpert {
    SharedExpert NONE = new None();

    /// @param x [tokens, dim]: what entered the mixture
    /// @param mixed [tokens, dim]: what left the chosen experts
    /// @return [tokens, dim]: both together
    Tensor add(ForwardPass pass, int layer, Tensor x, Tensor mixed);

    /// Nothing.
    record None() implements SharedExpert {
        @Override
        public Tensor add(ForwardPass pass, int layer, Tensor x, Tensor mixed) {
            return mixed;
        }
    }

    /// One MLP. DeepSeek, GLM 4, Llama 4.
    record Always(Mlp mlp) implements SharedExpert {
        @Override
        public Tensor add(ForwardPass pass, int layer, Tensor x, Tensor mixed) {
            return pass.ops().add(mixed, mlp.forward(pass.with(Probe.NONE), layer, x));
        }
    }

    /// One MLP, times σ(gate x). Qwen 2 MoE, Qwen3-Next.
    ///
    /// @param gate [1, dim]
    record Gated(Mlp mlp, Linear gate) implements SharedExpert {
        @Override
        public Tensor add(ForwardPass pass, int layer, Tensor x, Tensor mixed) {
            var out = mlp.forward(pass.with(Probe.NONE), layer, x); // [tokens, dim]
            var open =
                    pass.ops().route(gate.forward(pass, x), Routing.sigmoid(1)).weights(); // [tokens, 1]
            Tensor rows = pass.ops().workspace().take(DType.I32, x.dim(0), 1);
            for (int row = 0; row < x.dim(0); row++) {
                rows.set(row, row);
            }
            return pass.ops().add(mixed, pass.ops().combine(List.of(out), rows, open));
        }
    }
}
