package clearhead.ops;

import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.util.Optional;

/// Arguments of [Ops#recur] and its adjoint, and of [Ops#join]; see [Checks].
public final class RecurrenceChecks {
    private RecurrenceChecks() {}

    /// left [tokens, m], right [tokens, n].
    public static void join(Tensor left, Tensor right) {
        Checks.activation("join", "left", left, 2, "[tokens, m]");
        Checks.activation("join", "right", right, 2, "[tokens, n]");
        Checks.type("join", "right", right, left.type());
        Checks.axis("join", "right [tokens, n]", "tokens", right.dim(0), left.dim(0), "left");
    }

    /// dOut [tokens, m + n], of which `left` columns are the left's.
    public static void split(Tensor dOut, int left) {
        Checks.activation("join adjoint", "dOut", dOut, 2, "[tokens, m + n]");
        if (left < 0 || left > dOut.dim(1)) {
            throw new IllegalArgumentException(
                    "join adjoint: the left part has " + left + " columns, dOut has " + dOut.dim(1));
        }
    }

    /// inputs [tokens, gates·hidden]; states [sequences, hidden].
    public static void recur(Tensor inputs, Sequences sequences, Recurrence r, Optional<CellState> start) {
        Checks.activation("recur", "inputs", inputs, 2, "[tokens, gates·hidden]");
        int wide = parts("recur", r);
        Checks.axis("recur", "inputs [tokens, gates·hidden]", "gates·hidden", inputs.dim(1), wide, "weight");
        Checks.axis("recur", "inputs [tokens, …]", "tokens", inputs.dim(0), sequences.tokens(), "sequences");
        start.ifPresent(s -> state("recur", "start", s, sequences, r, inputs));
    }

    /// @return gates·hidden
    private static int parts(String op, Recurrence r) {
        Tensor weight = r.weight();
        Checks.real(op, "weight", weight, 2, "[gates·hidden, hidden]");
        if (weight.layout() != Layout.ROWS) {
            throw new IllegalArgumentException(
                    op + ": weight is packed for products (" + weight + "); a recurrence needs it in rows");
        }
        int gates = r.cell().gates();
        int wide = weight.dim(0);
        if ((long) gates * weight.dim(1) != wide) {
            throw new IllegalArgumentException(op + ": weight [gates·hidden, hidden] must have " + gates + "·"
                    + weight.dim(1) + " = " + (long) gates * weight.dim(1) + " rows for " + name(r.cell()) + ", found "
                    + wide);
        }
        r.bias().ifPresent(b -> Checks.vector(op, "bias", b, "gates·hidden", wide, "weight"));
        r.peepholes().ifPresent(p -> {
            if (!(r.cell() instanceof Cell.Lstm)) {
                throw new IllegalArgumentException(op + ": only an LSTM has peepholes, the cell is " + name(r.cell()));
            }
            Checks.vector(op, "peepholes", p, "3·hidden", 3 * r.hidden(), "weight");
        });
        return wide;
    }

    private static String name(Cell cell) {
        return switch (cell) {
            case Cell.Rnn _ -> "an RNN";
            case Cell.Lstm _ -> "an LSTM";
            case Cell.Gru _ -> "a GRU";
        };
    }

    private static void state(String op, String name, CellState s, Sequences sequences, Recurrence r, Tensor like) {
        if (s.cell().isPresent() != (r.cell() instanceof Cell.Lstm)) {
            throw new IllegalArgumentException(op + ": " + name + " must have a cell state for an LSTM and only there, "
                    + "the cell is " + name(r.cell()));
        }
        matrix(op, name + ".hidden", s.hidden(), sequences.count(), r.hidden(), like);
        s.cell().ifPresent(c -> matrix(op, name + ".cell", c, sequences.count(), r.hidden(), like));
    }

    private static void matrix(String op, String name, Tensor t, int sequences, int hidden, Tensor like) {
        Checks.activation(op, name, t, 2, "[sequences, hidden]");
        Checks.type(op, name, t, like.type());
        Checks.axis(op, name + " [sequences, hidden]", "sequences", t.dim(0), sequences, "sequences");
        Checks.axis(op, name + " [sequences, hidden]", "hidden", t.dim(1), hidden, "weight");
    }

    /// What [Ops#recur] saw and returned, dOut [tokens, hidden], accumulators like the weights.
    public static void recurAdjoint(
            Sequences sequences,
            Recurrence r,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into) {
        String op = "recur adjoint";
        parts(op, r);
        Tensor out = forward.out();
        Checks.activation(op, "out", out, 2, "[tokens, hidden]");
        Checks.axis(op, "out", "tokens", out.dim(0), sequences.tokens(), "sequences");
        Checks.axis(op, "out", "hidden", out.dim(1), r.hidden(), "weight");
        Checks.activation(op, "kept", forward.kept(), 2, "[tokens, kept·hidden]");
        Checks.axis(op, "kept", "tokens", forward.kept().dim(0), sequences.tokens(), "sequences");
        Checks.axis(op, "kept", "kept·hidden", forward.kept().dim(1), r.cell().kept() * r.hidden(), "the cell");
        start.ifPresent(s -> state(op, "start", s, sequences, r, out));
        Checks.like(op, "dOut", dOut, "out", out);
        if (forward.cells().isPresent() != (r.cell() instanceof Cell.Lstm)) {
            throw new IllegalArgumentException(op + ": only an LSTM has cells, and it must have them");
        }
        forward.cells().ifPresent(c -> Checks.like(op, "cells", c, "out", out));
        dCells.ifPresent(
                d -> Checks.like(op, "dCells", d, "cells", forward.cells().orElseThrow()));
        Checks.activation(op, "into.weight", into.weight());
        Checks.shape(op, "into.weight", into.weight(), "weight", r.weight());
        vectors(op, "bias", into.bias(), r.bias());
        vectors(op, "peepholes", into.peepholes(), r.peepholes());
        for (Squash squash : r.cell().squashes()) {
            if (!squash.hasSlope()) {
                throw new IllegalArgumentException(op + ": " + squash
                        + " has no gradient here: with a negative alpha its slope does not follow from its value");
            }
        }
    }

    private static void vectors(String op, String name, Optional<Tensor> into, Optional<Tensor> of) {
        if (into.isPresent() != of.isPresent()) {
            throw new IllegalArgumentException(
                    op + ": an accumulator for " + name + " is needed where there is " + name + ", and only there");
        }
        if (into.isPresent()) {
            Checks.activation(op, "into." + name, into.get());
            Checks.shape(op, "into." + name, into.get(), name, of.orElseThrow());
        }
    }
}
