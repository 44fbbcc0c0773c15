package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.Optional;

/// One direction of a recurrent layer: its cell and the weights of its own past. (The weights of its
/// input are an ordinary `linear`.) With accumulators in place of weights, where their gradients go.
///
/// @param reverse whether it goes from the last token of each sequence to the first
/// @param weight [gates·hidden, hidden], any real type, in rows
/// @param bias [gates·hidden]; it adds to the input's bias, except inside a GRU's reset
/// @param peepholes [3·hidden], of i, o and f; of an LSTM only
public record Recurrence(Cell cell, boolean reverse, Tensor weight, Optional<Tensor> bias, Optional<Tensor> peepholes) {
    /// From the first token to the last, without bias and peepholes.
    public static Recurrence of(Cell cell, Tensor weight) {
        return new Recurrence(cell, false, weight, Optional.empty(), Optional.empty());
    }

    /// From the first token to the last.
    public static Recurrence of(Cell cell, Tensor weight, Tensor bias) {
        return new Recurrence(cell, false, weight, Optional.of(bias), Optional.empty());
    }

    /// Width of the state.
    public int hidden() {
        return weight.dim(1);
    }

    /// Row of the `step`-th token that this direction takes of a sequence.
    public int row(Sequences sequences, int sequence, int step) {
        return reverse ? sequences.start(sequence + 1) - 1 - step : sequences.start(sequence) + step;
    }
}
