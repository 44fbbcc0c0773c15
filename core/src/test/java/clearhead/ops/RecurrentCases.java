package clearhead.ops;

import clearhead.ops.Cell.Gru;
import clearhead.ops.Cell.Lstm;
import clearhead.ops.Cell.Rnn;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Recurrences of every kind for tests.
public final class RecurrentCases {
    private static final double NONE = Double.POSITIVE_INFINITY;

    private RecurrentCases() {}

    /// Every cell with every option, and every squash somewhere.
    public static List<Cell> cells() {
        var cells = new ArrayList<Cell>(List.of(
                Cell.rnn(),
                new Rnn(Squash.RELU, NONE),
                new Rnn(Squash.TANH, 0.7),
                Cell.lstm(),
                new Lstm(Squash.SIGMOID, Squash.TANH, Squash.TANH, true, 0.9),
                new Lstm(Squash.SIGMOID, Squash.RELU, Squash.SIGMOID, false, NONE),
                Cell.gru(),
                new Gru(Squash.SIGMOID, Squash.TANH, false, NONE),
                new Gru(Squash.SIGMOID, Squash.TANH, false, 0.8),
                new Gru(Squash.SIGMOID, Squash.RELU, true, 0.9)));
        for (Squash.Kind kind : Squash.Kind.values()) {
            Squash squash = new Squash(kind, 0.4, 0.3);
            cells.add(new Rnn(squash, 1.1));
            cells.add(new Lstm(squash, squash, squash, false, 0.8)); // without a bound, some grow without end
        }
        return cells;
    }

    /// Whether gradients by differences have no kink to fall over, for random inputs.
    public static boolean isSmooth(Cell cell) {
        return cell.clip() == NONE
                && cell.squashes().stream().allMatch(s -> switch (s.kind()) {
                    case SIGMOID, TANH, AFFINE, SCALED_TANH, SOFTPLUS -> true;
                    case RELU, LEAKY_RELU, THRESHOLDED_RELU, HARD_SIGMOID, ELU, SOFTSIGN -> false;
                });
    }

    /// inputs, weight, bias, initial h and c, peepholes: of a cell with all parts.
    public static Tensor[] tensors(Data data, Cell cell, int hidden, Sequences sequences) {
        int wide = cell.gates() * hidden;
        return new Tensor[] {
            data.normal(sequences.tokens(), wide),
            data.around(0, 1 / Math.sqrt(hidden), wide, hidden),
            data.around(0, 0.3, wide),
            data.around(0, 0.5, sequences.count(), hidden),
            data.around(0, 0.5, sequences.count(), hidden),
            data.around(0, 0.3, 3 * hidden)
        };
    }

    /// The recurrence of [#tensors].
    public static Recurrence recurrence(Cell cell, boolean reverse, Tensor[] in, boolean whole) {
        return new Recurrence(
                cell,
                reverse,
                in[1],
                whole ? Optional.of(in[2]) : Optional.empty(),
                whole && cell instanceof Lstm ? Optional.of(in[5]) : Optional.empty());
    }

    /// The initial state of [#tensors].
    public static Optional<CellState> start(Cell cell, Tensor[] in, boolean whole) {
        return !whole
                ? Optional.empty()
                : Optional.of(cell instanceof Lstm ? CellState.of(in[3], in[4]) : CellState.of(in[3]));
    }
}
