package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Recurrent layers, forward and backward, on every backend: errors and same bits for 1 and 2 threads as
/// in [Kit]; a sequence's result does not depend on the sequences beside it.
class RecurrentConformanceTest {
    private static final int[] WIDTHS = {1, 8, 15, 16, 17, 33, 80};

    /// Lengths of a batch; with none, some that end early, and one alone.
    private static final List<Sequences> BATCHES =
            List.of(Sequences.one(5), new Sequences(0, 3, 3, 10, 11), Sequences.equal(9, 4));

    static List<Subject> subjects() {
        return Subject.all();
    }

    private static List<Tensor> all(Recurred r) {
        var tensors = new ArrayList<>(List.of(r.out(), r.kept(), r.last().hidden()));
        r.cells().ifPresent(tensors::add);
        r.last().cell().ifPresent(tensors::add);
        return tensors;
    }

    /// Widths for the usual cells, one width for the rest.
    private static int[] widths(Cell cell) {
        boolean usual = List.of(Cell.rnn(), Cell.lstm(), Cell.gru()).contains(cell);
        return usual ? WIDTHS : new int[] {19};
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void forward(Subject subject) {
        for (Cell cell : RecurrentCases.cells()) {
            for (int hidden : widths(cell)) {
                for (Sequences batch : BATCHES) {
                    for (boolean whole : new boolean[] {false, true}) {
                        Tensor[] t = RecurrentCases.tensors(new Data(hidden), cell, hidden, batch);
                        Kit.check(
                                subject,
                                cell + " of width " + hidden + ", " + batch.count() + " sequences, whole " + whole,
                                4,
                                (d, in) -> all(d.ops()
                                        .recur(
                                                in[0],
                                                batch,
                                                RecurrentCases.recurrence(cell, whole, in, whole),
                                                RecurrentCases.start(cell, in, whole))),
                                t);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void gradients(Subject subject) {
        for (Cell cell : RecurrentCases.cells()) {
            for (int hidden : widths(cell)) {
                for (Sequences batch : BATCHES) {
                    for (boolean whole : new boolean[] {false, true}) {
                        gradients(subject, cell, hidden, batch, whole);
                    }
                }
            }
        }
    }

    /// Wide enough for cores to share one step's product.
    @ParameterizedTest
    @MethodSource("subjects")
    void oneWideSequence(Subject subject) {
        if (subject.name().startsWith("vector")) {
            for (Cell cell : List.of(Cell.lstm(), Cell.gru(), new Cell.Gru(Squash.SIGMOID, Squash.TANH, false, 2))) {
                gradients(subject, cell, 300, Sequences.one(3), true);
            }
        }
    }

    private static void gradients(Subject subject, Cell cell, int hidden, Sequences batch, boolean whole) {
        var data = new Data(hidden + 7);
        Tensor[] t = RecurrentCases.tensors(data, cell, hidden, batch);
        int wide = cell.gates() * hidden;
        Tensor[] inputs = Arrays.copyOf(t, 11);
        inputs[6] = data.normal(batch.tokens(), hidden);
        inputs[7] = data.normal(batch.tokens(), hidden);
        inputs[8] = data.normal(wide, hidden);
        inputs[9] = data.normal(wide);
        inputs[10] = data.normal(3 * hidden);
        Kit.checkGradient(
                subject,
                "gradients of " + cell + " of width " + hidden + ", " + batch.count() + " sequences, whole " + whole,
                8,
                (d, in) -> {
                    Recurrence r = RecurrentCases.recurrence(cell, whole, in, whole);
                    Optional<CellState> start = RecurrentCases.start(cell, in, whole);
                    Recurred forward = d.ops().recur(in[0], batch, r, start);
                    var into = new Recurrence(
                            cell,
                            whole,
                            in[8],
                            r.bias().map(_ -> in[9]),
                            r.peepholes().map(_ -> in[10]));
                    Optional<Tensor> dCells =
                            whole && forward.cells().isPresent() ? Optional.of(in[7]) : Optional.empty();
                    Adjoints.Recurrent g = d.adjoints().recur(batch, r, start, forward, in[6], dCells, into);
                    var outputs = new ArrayList<>(all(forward));
                    outputs.addAll(List.of(g.dInputs(), g.dStart().hidden(), in[8]));
                    g.dStart().cell().ifPresent(outputs::add);
                    into.bias().ifPresent(outputs::add);
                    into.peepholes().ifPresent(outputs::add);
                    return outputs;
                },
                inputs);
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void weightsOfOtherTypes(Subject subject) {
        for (DType type : List.of(DType.F16, DType.BF16, DType.Q8_0)) {
            var data = new Data(3);
            Kit.check(
                    subject,
                    "recurrent weight " + type,
                    4,
                    (d, in) -> all(
                            d.ops().recur(in[0], Sequences.one(6), Recurrence.of(Cell.gru(), in[1]), Optional.empty())),
                    data.normal(6, 96),
                    data.weight(type, 0.2, 96, 32));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void joinAndSplit(Subject subject) {
        for (int[] s : new int[][] {{1, 1, 1}, {5, 7, 16}, {33, 64, 3}, {4, 0, 5}}) {
            var data = new Data(s[0]);
            Kit.checkGradient(
                    subject,
                    "join " + Arrays.toString(s),
                    0,
                    (d, in) -> {
                        Adjoints.Joined g = d.adjoints().split(in[2], s[1]);
                        return List.of(d.ops().join(in[0], in[1]), g.dLeft(), g.dRight());
                    },
                    data.normal(s[0], s[1]),
                    data.normal(s[0], s[2]),
                    data.normal(s[0], s[1] + s[2]));
        }
    }

    /// Every sequence alone, and after 3 tokens from its state.
    @ParameterizedTest
    @MethodSource("subjects")
    void aBatchAloneAndInPieces(Subject subject) {
        for (Cell cell :
                List.of(Cell.rnn(), Cell.lstm(), Cell.gru(), new Cell.Gru(Squash.SIGMOID, Squash.TANH, false, 2))) {
            for (int hidden : new int[] {5, 16, 48}) {
                for (boolean reverse : new boolean[] {false, true}) {
                    for (Backend backend : List.of(subject.one(), subject.two())) {
                        try (var workspace = new Workspace()) {
                            alone(backend, backend.ops(workspace), cell, hidden, reverse);
                        }
                    }
                }
            }
        }
    }

    private static void alone(Backend backend, Ops ops, Cell cell, int hidden, boolean reverse) {
        String name = backend.name() + ": " + cell + " of width " + hidden;
        var batch = new Sequences(0, 7, 7, 12, 13, 20, 30, 31, 32, 40, 44, 51, 58, 59, 66, 67, 75, 81, 81, 90);
        Tensor[] t = RecurrentCases.tensors(new Data(1), cell, hidden, batch);
        Recurrence r = RecurrentCases.recurrence(cell, reverse, t, true);
        Recurred together = ops.recur(t[0], batch, r, RecurrentCases.start(cell, t, true));
        for (int s = 0; s < batch.count(); s++) {
            int row = s;
            int from = batch.start(s);
            int to = batch.start(s + 1);
            var state = RecurrentCases.start(cell, t, true).map(all -> rows(all, row));
            Recurred alone = ops.recur(t[0].rows(from, to), Sequences.one(to - from), r, state);
            Kit.sameBits(
                    name, together.out().rows(from, to).toFloats(), alone.out().toFloats());
            Kit.sameBits(
                    name,
                    rows(together.last(), s).hidden().toFloats(),
                    alone.last().hidden().toFloats());
            if (to - from > 3) {
                int cut = reverse ? to - 3 : from + 3;
                Tensor first = reverse ? t[0].rows(cut, to) : t[0].rows(from, cut);
                Tensor second = reverse ? t[0].rows(from, cut) : t[0].rows(cut, to);
                CellState half = ops.recur(first, Sequences.one(3), r, state).last();
                Recurred rest = ops.recur(second, Sequences.one(to - from - 3), r, Optional.of(half));
                Kit.sameBits(
                        name + " in pieces",
                        alone.last().hidden().toFloats(),
                        rest.last().hidden().toFloats());
            }
        }
    }

    private static CellState rows(CellState s, int row) {
        return new CellState(s.hidden().rows(row, row + 1), s.cell().map(c -> c.rows(row, row + 1)));
    }

    /// What is not a number stays in its sequence, and behind its token.
    @ParameterizedTest
    @MethodSource("subjects")
    void notANumberStaysInItsSequence(Subject subject) {
        for (Cell cell : List.of(Cell.rnn(), Cell.lstm(), Cell.gru(), new Cell.Rnn(Squash.RELU, 0.5))) {
            try (var workspace = new Workspace()) {
                Ops ops = subject.two().ops(workspace);
                var batch = Sequences.equal(12, 4);
                Tensor[] t = RecurrentCases.tensors(new Data(1), cell, 20, batch);
                t[0].set(17L * t[0].dim(1) + 2, Double.NaN); // second token of sequence 4
                Recurred r = ops.recur(t[0], batch, RecurrentCases.recurrence(cell, false, t, true), Optional.empty());
                for (int row = 0; row < batch.tokens(); row++) {
                    boolean bad = false;
                    for (double value : r.out().rows(row, row + 1).toDoubles()) {
                        bad |= Double.isNaN(value);
                    }
                    assertEquals(row >= 17 && row < 20, bad, subject + ": " + cell + ", row " + row);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void nothingAtAll(Subject subject) {
        try (var workspace = new Workspace()) {
            Ops ops = subject.two().ops(workspace);
            var data = new Data(1);
            Recurrence r = Recurrence.of(Cell.lstm(), data.normal(32, 8));
            Recurred none = ops.recur(data.zeros(0, 32), new Sequences(0), r, Optional.empty());
            assertEquals(0, none.out().dim(0));
            Tensor h = data.normal(2, 8);
            Recurred empty = ops.recur(
                    data.zeros(0, 32), new Sequences(0, 0, 0), r, Optional.of(CellState.of(h, data.normal(2, 8))));
            Kit.sameBits("last", h.toFloats(), empty.last().hidden().toFloats());
            Tensor into = data.zeros(32, 8);
            Adjoints.Recurrent g = subject.two()
                    .adjoints(workspace)
                    .recur(
                            new Sequences(0, 0, 0),
                            r,
                            Optional.empty(),
                            ops.recur(data.zeros(0, 32), new Sequences(0, 0, 0), r, Optional.empty()),
                            data.zeros(0, 8),
                            Optional.empty(),
                            Recurrence.of(Cell.lstm(), into));
            assertTrue(Arrays.stream(g.dStart().hidden().toDoubles()).allMatch(d -> d == 0));
            assertTrue(Arrays.stream(into.toDoubles()).allMatch(d -> d == 0));
        }
    }

    private final Data data = new Data(1);

    private void refused(String part, Tensor inputs, Sequences s, Recurrence r, Optional<CellState> start) {
        var e = assertThrows(IllegalArgumentException.class, () -> RecurrenceChecks.recur(inputs, s, r, start));
        assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
    }

    @Test
    void whatDoesNotFitIsNamed() {
        Recurrence gru = Recurrence.of(Cell.gru(), data.normal(12, 4));
        var one = Sequences.one(3);
        Optional<CellState> none = Optional.empty();
        refused(
                "gates·hidden of inputs [tokens, gates·hidden] must be 12 as in weight, found 16",
                data.normal(3, 16),
                one,
                gru,
                none);
        refused("tokens of inputs [tokens, …] must be 3 as in sequences, found 2", data.normal(2, 12), one, gru, none);
        refused(
                "must have 4·4 = 16 rows for an LSTM, found 12",
                data.normal(3, 12),
                one,
                Recurrence.of(Cell.lstm(), data.normal(12, 4)),
                none);
        refused(
                "gates·hidden of bias must be 12 as in weight, found 4",
                data.normal(3, 12),
                one,
                Recurrence.of(Cell.gru(), data.normal(12, 4), data.normal(4)),
                none);
        refused(
                "only an LSTM has peepholes, the cell is a GRU",
                data.normal(3, 12),
                one,
                new Recurrence(Cell.gru(), false, data.normal(12, 4), Optional.empty(), Optional.of(data.normal(12))),
                none);
        refused(
                "sequences of start.hidden [sequences, hidden] must be 1 as in sequences, found 2",
                data.normal(3, 12),
                one,
                gru,
                Optional.of(CellState.of(data.normal(2, 4))));
        refused(
                "start must have a cell state for an LSTM and only there, the cell is a GRU",
                data.normal(3, 12),
                one,
                gru,
                Optional.of(CellState.of(data.normal(1, 4), data.normal(1, 4))));
        var e = assertThrows(IllegalArgumentException.class, () -> new Cell.Rnn(Squash.TANH, 0));
        assertTrue(String.valueOf(e.getMessage()).contains("above 0"), e.getMessage());
        assertFalse(new Squash(Squash.Kind.ELU, -1, 0).hasSlope());
    }
}
