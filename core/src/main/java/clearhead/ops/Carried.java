package clearhead.ops;

import clearhead.tensor.Tensor;

/// Result of an operation that carries a state along each sequence.
///
/// @param out one row a token
/// @param state of each sequence at its end, to go on from; where it has no tokens, its initial state. On a
///     tape it has no gradient
public record Carried(Tensor out, Tensor state) {}
