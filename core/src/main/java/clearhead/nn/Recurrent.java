package clearhead.nn;

import clearhead.ops.CellState;
import clearhead.ops.Ops;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// Layers that read a sequence token by token and carry a state of fixed size: what attention took the
/// place of. RNN, LSTM and GRU differ in their [clearhead.ops.Cell].
public sealed interface Recurrent {

    /// @param x [tokens, in]
    /// @return [tokens, out]
    Tensor forward(Ops ops, Sequences sequences, Tensor x);

    /// The same inside a model.
    default Tensor forward(ForwardPass pass, Tensor x) {
        return forward(pass.ops(), pass.sequences(), x);
    }

    /// One layer in one direction.
    ///
    /// @param input [gates·hidden, in]
    record OneWay(Linear input, Recurrence recurrence) implements Recurrent {
        /// @return [tokens, hidden]
        @Override
        public Tensor forward(Ops ops, Sequences sequences, Tensor x) {
            return forward(ops, sequences, x, Optional.empty()).out();
        }

        /// From states of earlier tokens, and with those after the last: token by token it gives the same
        /// bits as all at once.
        ///
        /// @param start state of each sequence before its first token
        public Recurred forward(Ops ops, Sequences sequences, Tensor x, Optional<CellState> start) {
            var sums = input.bias().isPresent() // [tokens, gates·hidden]
                    ? ops.linear(x, input.weight(), input.bias().get())
                    : ops.linear(x, input.weight());
            return ops.recur(sums, sequences, recurrence, start);
        }
    }

    /// One layer in both directions, side by side. Schuster and Paliwal 1997.
    record BothWays(OneWay there, OneWay back) implements Recurrent {
        /// @return [tokens, 2·hidden]
        @Override
        public Tensor forward(Ops ops, Sequences sequences, Tensor x) {
            return ops.join(there.forward(ops, sequences, x), back.forward(ops, sequences, x));
        }
    }

    /// One layer upon the other.
    record Stacked(List<Recurrent> layers) implements Recurrent {
        public Stacked {
            layers = List.copyOf(layers);
        }

        @Override
        public Tensor forward(Ops ops, Sequences sequences, Tensor x) {
            for (Recurrent layer : layers) {
                x = layer.forward(ops, sequences, x);
            }
            return x;
        }
    }
}
