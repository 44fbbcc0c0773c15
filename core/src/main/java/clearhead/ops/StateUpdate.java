package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// What a token does to the state S [keyDim, valueDim] of linear attention before it is read, with
/// A = exp(decay)·S where there is a decay, else A = S:
///
///     S ← A + key ⊗ u,  u = value, or rate·(value − Aᵀ·key) for the delta rules
///
/// decay is the logarithm of the factor that is kept, [tokens, kvHeads] for one factor a head or
/// [tokens, kvHeads, keyDim] for one a row of the state; rate is [tokens, kvHeads].
public sealed interface StateUpdate {
    /// Adds every value under its key. Katharopoulos et al. 2020, arXiv:2006.16236, eq. 18.
    record Sum() implements StateUpdate {}

    /// Forgets as it goes: RetNet (arXiv:2307.08621), gated linear attention (arXiv:2312.06635, eq. 3).
    record Gated(Tensor decay) implements StateUpdate {}

    /// Corrects what the key recalls so far: DeltaNet, Schlag et al. 2021, arXiv:2102.11174, eq. 23.
    record Delta(Tensor rate) implements StateUpdate {}

    /// Both: Gated DeltaNet, Yang et al. 2024, arXiv:2412.06464, eq. 10.
    record GatedDelta(Tensor decay, Tensor rate) implements StateUpdate {}

    /// The logarithm of what is kept, if anything is forgotten.
    default Optional<Tensor> optionalDecay() {
        return switch (this) {
            case Gated(var decay) -> Optional.of(decay);
            case GatedDelta(var decay, var _) -> Optional.of(decay);
            case Sum _, Delta _ -> Optional.empty();
        };
    }

    /// How much of the difference is corrected, if it is a delta rule.
    default Optional<Tensor> optionalRate() {
        return switch (this) {
            case Delta(var rate) -> Optional.of(rate);
            case GatedDelta(var _, var rate) -> Optional.of(rate);
            case Sum _, Gated _ -> Optional.empty();
        };
    }
}
