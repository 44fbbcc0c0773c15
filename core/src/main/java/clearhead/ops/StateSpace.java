package clearhead.ops;

import clearhead.tensor.Tensor;

/// What is learned of a selective state space, see [Ops#selectiveScan]. Mamba: Gu and Dao 2023,
/// arXiv:2312.00752, algorithm 2; Mamba 2: Dao and Gu 2024, arXiv:2405.21060.
///
/// @param decay A, below 0: [heads, stateDim], or [heads] for one factor of the whole state
/// @param skip D [heads]
/// @param bias [heads], added to the step before softplus
/// @param least step size
/// @param most step size
public record StateSpace(Tensor decay, Tensor skip, Tensor bias, double least, double most) {

    /// Steps of any size.
    public StateSpace(Tensor decay, Tensor skip, Tensor bias) {
        this(decay, skip, bias, 0, Double.POSITIVE_INFINITY);
    }
}
