package clearhead.ops.cpu.reference;

import clearhead.ops.Adjoints;
import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.Squash;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Backpropagation through time of one sequence after the other, from its last token to its first.
final class RecurrentAdjoint {
    private final Recurrence r;
    private final Recurrent.Weights w;
    private final boolean narrow;
    private final int n;

    /// Gradients of the weights, over all tokens.
    private final double[] dWeight;

    private final double[] dBias;
    private final double[] dPeepholes;

    private RecurrentAdjoint(Recurrence r, boolean narrow) {
        this.r = r;
        this.w = new Recurrent.Weights(r);
        this.narrow = narrow;
        this.n = r.hidden();
        this.dWeight = new double[w.weight().length];
        this.dBias = new double[w.bias().length];
        this.dPeepholes = new double[w.peepholes().length];
    }

    static Adjoints.Recurrent recur(
            Workspace workspace,
            Sequences sequences,
            Recurrence r,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into) {
        var type = dOut.type();
        var adjoint = new RecurrentAdjoint(r, type == DType.F32);
        int n = r.hidden();
        Tensor dInputs = workspace.take(type, sequences.tokens(), r.weight().dim(0));
        Tensor dHidden = workspace.take(type, sequences.count(), n);
        Optional<Tensor> dCell = forward.cells().isPresent()
                ? Optional.of(workspace.take(type, sequences.count(), n))
                : Optional.empty();
        for (int s = 0; s < sequences.count(); s++) {
            var dh = new double[n];
            var dc = new double[n];
            for (int step = sequences.length(s) - 1; step >= 0; step--) {
                int row = r.row(sequences, s, step);
                double[] h;
                double[] c;
                if (step == 0) {
                    h = Recurrent.row(start.map(CellState::hidden), s, n);
                    c = Recurrent.row(start.flatMap(CellState::cell), s, n);
                } else {
                    int before = r.row(sequences, s, step - 1);
                    h = Recurrent.row(Optional.of(forward.out()), before, n);
                    c = Recurrent.row(forward.cells(), before, n);
                }
                double[] kept = Recurrent.row(
                        Optional.of(forward.kept()), row, forward.kept().dim(1));
                double[] next = Recurrent.row(forward.cells(), row, n);
                add(dh, dOut, row);
                dCells.ifPresent(d -> add(dc, d, row));
                Recurrent.store(dInputs, row, adjoint.step(kept, h, c, next, dh, dc));
            }
            Recurrent.store(dHidden, s, dh);
            int at = s;
            dCell.ifPresent(d -> Recurrent.store(d, at, dc));
        }
        addInto(into.weight(), adjoint.dWeight);
        into.bias().ifPresent(d -> addInto(d, adjoint.dBias));
        into.peepholes().ifPresent(d -> addInto(d, adjoint.dPeepholes));
        return new Adjoints.Recurrent(dInputs, new CellState(dHidden, dCell));
    }

    private static void add(double[] sum, Tensor t, int row) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] += t.at((long) row * sum.length + i);
        }
    }

    private static void addInto(Tensor into, double[] d) {
        for (int i = 0; i < d.length; i++) {
            into.set(i, into.at(i) + d[i]);
        }
    }

    /// Slope where the value is y; zero where the clip held.
    private double slope(Squash squash, double y) {
        double clip = r.cell().clip();
        if (clip < Double.POSITIVE_INFINITY && (y == stored(squash.of(clip)) || y == stored(squash.of(-clip)))) {
            return 0;
        }
        return squash.slope(y);
    }

    private double stored(double y) {
        return narrow ? (float) y : y;
    }

    /// Replaces dh, dc, gradients by the state after a token, by those of the state before it.
    ///
    /// @param h, c before the token
    /// @param next c after it
    /// @return dInputs of the token
    private double[] step(double[] kept, double[] h, double[] c, double[] next, double[] dh, double[] dc) {
        return switch (r.cell()) {
            case Cell.Rnn rnn -> {
                var d = new double[n];
                for (int j = 0; j < n; j++) {
                    d[j] = dh[j] * slope(rnn.squash(), kept[j]);
                    dh[j] = 0;
                }
                through(0, d, 0, n, h, dh);
                yield d;
            }
            case Cell.Lstm lstm -> lstm(lstm, kept, h, c, next, dh, dc);
            case Cell.Gru gru -> gru(gru, kept, h, dh);
        };
    }

    private double[] lstm(
            Cell.Lstm cell, double[] kept, double[] h, double[] c, double[] next, double[] dh, double[] dc) {
        var d = new double[4 * n];
        for (int j = 0; j < n; j++) {
            double i = kept[j];
            double o = kept[n + j];
            double f = kept[2 * n + j];
            double candidate = kept[3 * n + j];
            double y = cell.output().of(next[j]);
            d[n + j] = dh[j] * y * slope(cell.gate(), o);
            double dNext = dc[j] + dh[j] * o * cell.output().slope(y) + d[n + j] * w.peepholes()[n + j];
            double dI = dNext * candidate;
            if (cell.coupled()) {
                dI -= dNext * c[j];
            } else {
                d[2 * n + j] = dNext * c[j] * slope(cell.gate(), f);
            }
            d[j] = dI * slope(cell.gate(), i);
            d[3 * n + j] = dNext * i * slope(cell.candidate(), candidate);
            dc[j] = dNext * f + d[j] * w.peepholes()[j] + d[2 * n + j] * w.peepholes()[2 * n + j];
            dPeepholes[j] += d[j] * c[j];
            dPeepholes[n + j] += d[n + j] * next[j];
            dPeepholes[2 * n + j] += d[2 * n + j] * c[j];
            dh[j] = 0;
        }
        through(0, d, 0, 4 * n, h, dh);
        return d;
    }

    private double[] gru(Cell.Gru cell, double[] kept, double[] h, double[] dh) {
        var d = new double[3 * n];
        var dProduct = new double[n];
        var dReset = new double[n];
        var reset = new double[n];
        for (int j = 0; j < n; j++) {
            double z = kept[j];
            double candidate = kept[2 * n + j];
            d[j] = dh[j] * (h[j] - candidate) * slope(cell.gate(), z);
            d[2 * n + j] = dh[j] * (1 - z) * slope(cell.candidate(), candidate);
            dh[j] *= z;
            reset[j] = kept[n + j] * h[j];
            if (cell.linearBeforeReset()) {
                dProduct[j] = d[2 * n + j] * kept[n + j];
                d[n + j] = d[2 * n + j] * kept[3 * n + j] * slope(cell.gate(), kept[n + j]);
            }
        }
        if (cell.linearBeforeReset()) {
            through(2 * n, dProduct, 0, n, h, dh);
        } else {
            through(2 * n, d, 2 * n, n, reset, dReset);
            for (int j = 0; j < n; j++) {
                d[n + j] = dReset[j] * h[j] * slope(cell.gate(), kept[n + j]);
                dh[j] += dReset[j] * kept[n + j];
            }
        }
        through(0, d, 0, 2 * n, h, dh);
        return d;
    }

    /// Back through `count` rows of R·x + b, from row `first` on, whose gradients begin at d[at].
    private void through(int first, double[] d, int at, int count, double[] x, double[] dX) {
        for (int j = 0; j < count; j++) {
            int row = first + j;
            dBias[row] += d[at + j];
            for (int i = 0; i < n; i++) {
                dWeight[row * n + i] += d[at + j] * x[i];
                dX[i] += d[at + j] * w.weight()[row * n + i];
            }
        }
    }
}
