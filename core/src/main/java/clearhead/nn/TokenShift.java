package clearhead.nn;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Lets every channel look one token back: RWKV's inputs are mix·x[t] + (1 − mix)·x[t − 1], which is
/// x[t − 1] + mix·(x[t] − x[t − 1]). Peng et al. 2023, arXiv:2305.13048, eq. 11.
///
/// @param previous picks x[t − 1]
/// @param change picks x[t] − x[t − 1]
public record TokenShift(CausalFilter previous, CausalFilter change) {

    public static TokenShift of(Arena arena, DType type, int dim) {
        return new TokenShift(filter(arena, type, dim, 1, 0), filter(arena, type, dim, -1, 1));
    }

    private static CausalFilter filter(Arena arena, DType type, int dim, double before, double now) {
        Tensor kernel = Tensor.zeros(arena, type, dim, 2);
        for (int i = 0; i < dim; i++) {
            kernel.set(2L * i, before);
            kernel.set(2L * i + 1, now);
        }
        return new CausalFilter(kernel, Optional.empty());
    }

    /// @param index number of its state in the layer
    /// @param x [tokens, dim]
    Shifted forward(ForwardPass pass, int layer, int index, Tensor x) {
        // both carry x[t − 1]: the second must see the state before the first replaces it
        var before = pass.keyValues().state(pass.ops(), layer, index);
        var back = pass.ops().causalConvolution(x, previous.kernel(), Optional.empty(), pass.sequences(), before);
        var by = pass.ops().causalConvolution(x, change.kernel(), Optional.empty(), pass.sequences(), before);
        pass.keyValues().keep(layer, index, back.state());
        return new Shifted(back.out(), by.out());
    }

    Shape state() {
        return previous.state();
    }

    /// @param previous [tokens, dim]
    /// @param change [tokens, dim]
    record Shifted(Tensor previous, Tensor change) {

        /// @param mix [dim]: how much of each channel is the token's own
        /// @return [tokens, dim]
        Tensor mixed(ForwardPass pass, Tensor mix) {
            return pass.ops().add(previous, pass.ops().multiply(change, mix));
        }
    }
}
