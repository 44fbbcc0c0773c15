package clearhead.ops;

import clearhead.tensor.Tensor;

/// Result of fused attention.
///
/// @param out [tokens, heads, valueDim]: Σ weight·value
/// @param lse [heads, tokens]: natural log of Σ exp(score) of each row, with the head's sink if it has one;
///     −∞ where a query sees no key.
///     A weight is exp(score − lse).
public record Attended(Tensor out, Tensor lse) {}
