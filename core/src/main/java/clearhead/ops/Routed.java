package clearhead.ops;

import clearhead.tensor.Tensor;

/// What every token chose.
///
/// @param experts I32 [tokens, chosen]: numbers of experts, ascending
/// @param weights [tokens, chosen]: how much of each
public record Routed(Tensor experts, Tensor weights) {}
