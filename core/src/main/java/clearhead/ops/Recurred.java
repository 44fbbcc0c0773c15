package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// Result of one direction of a recurrent layer.
///
/// @param out [tokens, hidden]: h after each token, in the order of the tokens
/// @param cells [tokens, hidden]: c after each token; of an LSTM only
/// @param kept [tokens, kept·hidden]: for the way back: the gates (i, o, f, c; z, r, n; h of an RNN), and
///     for a GRU with the product before the reset that product
/// @param last state of each sequence at its end, to go on from; where it has no tokens, its initial state.
///     On a tape this is a copy without a gradient: take the rows of `out` and `cells` to learn through it
public record Recurred(Tensor out, Optional<Tensor> cells, Tensor kept, CellState last) {}
