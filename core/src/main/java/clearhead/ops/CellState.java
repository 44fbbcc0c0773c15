package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// State of a recurrent cell between two tokens.
///
/// @param hidden [sequences, hidden]
/// @param cell [sequences, hidden]; of an LSTM only
public record CellState(Tensor hidden, Optional<Tensor> cell) {
    /// Of an RNN or a GRU.
    public static CellState of(Tensor hidden) {
        return new CellState(hidden, Optional.empty());
    }

    /// Of an LSTM.
    public static CellState of(Tensor hidden, Tensor cell) {
        return new CellState(hidden, Optional.of(cell));
    }
}
