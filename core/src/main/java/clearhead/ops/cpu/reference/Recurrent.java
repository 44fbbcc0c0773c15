package clearhead.ops.cpu.reference;

import clearhead.ops.Cell;
import clearhead.ops.CellState;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.ops.Squash;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Recurrent layers, sequence after sequence and token after token, in double. The way back is
/// [RecurrentAdjoint].
final class Recurrent {
    private Recurrent() {}

    static Recurred recur(
            Workspace workspace, Tensor inputs, Sequences sequences, Recurrence r, Optional<CellState> start) {
        int hidden = r.hidden();
        int tokens = sequences.tokens();
        var type = inputs.type();
        boolean lstm = r.cell() instanceof Cell.Lstm;
        Tensor out = workspace.take(type, tokens, hidden);
        Optional<Tensor> cells = lstm ? Optional.of(workspace.take(type, tokens, hidden)) : Optional.empty();
        Tensor kept = workspace.take(type, tokens, r.cell().kept() * hidden);
        Tensor lastHidden = workspace.take(type, sequences.count(), hidden);
        Optional<Tensor> lastCell =
                lstm ? Optional.of(workspace.take(type, sequences.count(), hidden)) : Optional.empty();
        var weights = new Weights(r);
        for (int s = 0; s < sequences.count(); s++) {
            double[] h = row(start.map(CellState::hidden), s, hidden);
            double[] c = row(start.flatMap(CellState::cell), s, hidden);
            for (int step = 0; step < sequences.length(s); step++) {
                int row = r.row(sequences, s, step);
                double[] x = row(Optional.of(inputs), row, inputs.dim(1));
                double[] gates = step(r.cell(), weights, x, h, c);
                store(kept, row, gates);
                // Rounded as they are stored, so that going on from a stored state is the same.
                store(out, row, h);
                load(out, row, h);
                cells.ifPresent(t -> {
                    store(t, row, c);
                    load(t, row, c);
                });
            }
            store(lastHidden, s, h);
            int at = s;
            lastCell.ifPresent(t -> store(t, at, c));
        }
        return new Recurred(out, cells, kept, new CellState(lastHidden, lastCell));
    }

    /// All weights in double; an absent one is zeros.
    ///
    /// @param weight [gates·hidden, hidden]
    /// @param bias [gates·hidden]
    /// @param peepholes [3·hidden]
    record Weights(double[] weight, double[] bias, double[] peepholes, int hidden) {
        Weights(Recurrence r) {
            this(
                    r.weight().toDoubles(),
                    r.bias()
                            .map(Tensor::toDoubles)
                            .orElseGet(() -> new double[r.weight().dim(0)]),
                    r.peepholes().map(Tensor::toDoubles).orElseGet(() -> new double[3 * r.hidden()]),
                    r.hidden());
        }

        /// Row `j` of R·h + b.
        double product(int j, double[] h) {
            double sum = bias[j];
            for (int i = 0; i < hidden; i++) {
                sum += weight[j * hidden + i] * h[i];
            }
            return sum;
        }
    }

    /// Row `row`; zeros where there is no tensor.
    static double[] row(Optional<Tensor> t, int row, int width) {
        var values = new double[width];
        t.ifPresent(of -> {
            for (int i = 0; i < width; i++) {
                values[i] = of.at((long) row * width + i);
            }
        });
        return values;
    }

    private static void load(Tensor t, int row, double[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = t.at((long) row * values.length + i);
        }
    }

    static void store(Tensor t, int row, double[] values) {
        for (int i = 0; i < values.length; i++) {
            t.set((long) row * values.length + i, values[i]);
        }
    }

    private static double squash(Squash squash, double x, double clip) {
        return squash.of(Math.max(-clip, Math.min(clip, x)));
    }

    /// Replaces the state h, c by the next one.
    ///
    /// @return what is kept
    private static double[] step(Cell cell, Weights w, double[] x, double[] h, double[] c) {
        return switch (cell) {
            case Cell.Rnn(var squash, var clip) -> {
                var next = new double[w.hidden];
                for (int j = 0; j < w.hidden; j++) {
                    next[j] = squash(squash, x[j] + w.product(j, h), clip);
                }
                System.arraycopy(next, 0, h, 0, w.hidden);
                yield next;
            }
            case Cell.Lstm lstm -> lstm(lstm, w, x, h, c);
            case Cell.Gru gru -> gru(gru, w, x, h);
        };
    }

    private static double[] lstm(Cell.Lstm cell, Weights w, double[] x, double[] h, double[] c) {
        int n = w.hidden;
        var sums = new double[4 * n];
        for (int j = 0; j < 4 * n; j++) {
            sums[j] = x[j] + w.product(j, h);
        }
        for (int j = 0; j < n; j++) {
            double i = squash(cell.gate(), sums[j] + w.peepholes[j] * c[j], cell.clip());
            double f = cell.coupled()
                    ? 1 - i
                    : squash(cell.gate(), sums[2 * n + j] + w.peepholes[2 * n + j] * c[j], cell.clip());
            double candidate = squash(cell.candidate(), sums[3 * n + j], cell.clip());
            c[j] = f * c[j] + i * candidate;
            double o = squash(cell.gate(), sums[n + j] + w.peepholes[n + j] * c[j], cell.clip());
            h[j] = o * cell.output().of(c[j]);
            sums[j] = i;
            sums[n + j] = o;
            sums[2 * n + j] = f;
            sums[3 * n + j] = candidate;
        }
        return sums;
    }

    private static double[] gru(Cell.Gru cell, Weights w, double[] x, double[] h) {
        int n = w.hidden;
        var kept = new double[cell.kept() * n];
        var reset = new double[n];
        for (int j = 0; j < n; j++) {
            kept[j] = squash(cell.gate(), x[j] + w.product(j, h), cell.clip());
            kept[n + j] = squash(cell.gate(), x[n + j] + w.product(n + j, h), cell.clip());
            reset[j] = kept[n + j] * h[j];
        }
        for (int j = 0; j < n; j++) {
            double sum = x[2 * n + j];
            if (cell.linearBeforeReset()) {
                kept[3 * n + j] = w.product(2 * n + j, h);
                sum += kept[n + j] * kept[3 * n + j];
            } else {
                sum += w.product(2 * n + j, reset);
            }
            kept[2 * n + j] = squash(cell.candidate(), sum, cell.clip());
        }
        for (int j = 0; j < n; j++) {
            h[j] = (1 - kept[j]) * kept[2 * n + j] + kept[j] * h[j];
        }
        return kept;
    }
}
