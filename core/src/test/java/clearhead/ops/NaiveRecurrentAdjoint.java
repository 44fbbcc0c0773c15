package clearhead.ops;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Backpropagation through time in float; see [NaiveOps].
final class NaiveRecurrentAdjoint {
    private final Recurrence r;
    private final NaiveRecurrent.Weights w;
    private final int n;

    /// Gradients of the weights, over all tokens.
    private final float[] dWeight;

    private final float[] dBias;
    private final float[] dPeepholes;

    private NaiveRecurrentAdjoint(Recurrence r) {
        this.r = r;
        this.w = new NaiveRecurrent.Weights(r);
        this.n = r.hidden();
        this.dWeight = new float[w.weight().length];
        this.dBias = new float[w.bias().length];
        this.dPeepholes = new float[w.peepholes().length];
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
        var adjoint = new NaiveRecurrentAdjoint(r);
        int n = r.hidden();
        Tensor dInputs = workspace.take(type, sequences.tokens(), r.weight().dim(0));
        Tensor dHidden = workspace.take(type, sequences.count(), n);
        Optional<Tensor> dCell = forward.cells().isPresent()
                ? Optional.of(workspace.take(type, sequences.count(), n))
                : Optional.empty();
        for (int s = 0; s < sequences.count(); s++) {
            var dh = new float[n];
            var dc = new float[n];
            for (int step = sequences.length(s) - 1; step >= 0; step--) {
                int row = r.row(sequences, s, step);
                float[] h;
                float[] c;
                if (step == 0) {
                    h = NaiveRecurrent.row(start.map(CellState::hidden), s, n);
                    c = NaiveRecurrent.row(start.flatMap(CellState::cell), s, n);
                } else {
                    int before = r.row(sequences, s, step - 1);
                    h = NaiveRecurrent.row(Optional.of(forward.out()), before, n);
                    c = NaiveRecurrent.row(forward.cells(), before, n);
                }
                float[] kept = NaiveRecurrent.row(
                        Optional.of(forward.kept()), row, forward.kept().dim(1));
                float[] next = NaiveRecurrent.row(forward.cells(), row, n);
                add(dh, dOut, row);
                dCells.ifPresent(d -> add(dc, d, row));
                NaiveRecurrent.store(dInputs, row, adjoint.step(kept, h, c, next, dh, dc));
            }
            NaiveRecurrent.store(dHidden, s, dh);
            int at = s;
            dCell.ifPresent(d -> NaiveRecurrent.store(d, at, dc));
        }
        addInto(into.weight(), adjoint.dWeight);
        into.bias().ifPresent(d -> addInto(d, adjoint.dBias));
        into.peepholes().ifPresent(d -> addInto(d, adjoint.dPeepholes));
        return new Adjoints.Recurrent(dInputs, new CellState(dHidden, dCell));
    }

    private static void add(float[] sum, Tensor t, int row) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] += (float) t.at((long) row * sum.length + i);
        }
    }

    private static void addInto(Tensor into, float[] d) {
        for (int i = 0; i < d.length; i++) {
            into.set(i, into.at(i) + d[i]);
        }
    }

    /// Slope where the value is y; zero where the clip held.
    private float slope(Squash squash, float y) {
        double clip = r.cell().clip();
        if (clip < Double.POSITIVE_INFINITY && (y == (float) squash.of(clip) || y == (float) squash.of(-clip))) {
            return 0;
        }
        return (float) squash.slope(y);
    }

    /// Replaces dh, dc, gradients by the state after a token, by those of the state before it.
    ///
    /// @param h, c before the token
    /// @param next c after it
    /// @return dInputs of the token
    private float[] step(float[] kept, float[] h, float[] c, float[] next, float[] dh, float[] dc) {
        return switch (r.cell()) {
            case Cell.Rnn rnn -> {
                var d = new float[n];
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

    private float[] lstm(Cell.Lstm cell, float[] kept, float[] h, float[] c, float[] next, float[] dh, float[] dc) {
        var d = new float[4 * n];
        for (int j = 0; j < n; j++) {
            float i = kept[j];
            float o = kept[n + j];
            float f = kept[2 * n + j];
            float candidate = kept[3 * n + j];
            float y = (float) cell.output().of(next[j]);
            d[n + j] = dh[j] * y * slope(cell.gate(), o);
            float dNext = dc[j] + dh[j] * o * (float) cell.output().slope(y) + d[n + j] * w.peepholes()[n + j];
            float dI = dNext * candidate;
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

    private float[] gru(Cell.Gru cell, float[] kept, float[] h, float[] dh) {
        var d = new float[3 * n];
        var dProduct = new float[n];
        var dReset = new float[n];
        var reset = new float[n];
        for (int j = 0; j < n; j++) {
            float z = kept[j];
            float candidate = kept[2 * n + j];
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
    private void through(int first, float[] d, int at, int count, float[] x, float[] dX) {
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
