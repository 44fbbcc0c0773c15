package clearhead.ops;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Recurrent layers in float, one token after the other; see [NaiveOps].
final class NaiveRecurrent {
    private NaiveRecurrent() {}

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
            float[] h = row(start.map(CellState::hidden), s, hidden);
            float[] c = row(start.flatMap(CellState::cell), s, hidden);
            for (int step = 0; step < sequences.length(s); step++) {
                int row = r.row(sequences, s, step);
                float[] x = row(Optional.of(inputs), row, inputs.dim(1));
                float[] gates = step(r.cell(), weights, x, h, c);
                store(kept, row, gates);
                store(out, row, h);
                int at = row;
                cells.ifPresent(t -> store(t, at, c));
            }
            store(lastHidden, s, h);
            int at = s;
            lastCell.ifPresent(t -> store(t, at, c));
        }
        return new Recurred(out, cells, kept, new CellState(lastHidden, lastCell));
    }

    /// All weights in float; an absent one is zeros.
    ///
    /// @param weight [gates·hidden, hidden]
    /// @param bias [gates·hidden]
    /// @param peepholes [3·hidden]
    record Weights(float[] weight, float[] bias, float[] peepholes, int hidden) {
        Weights(Recurrence r) {
            this(
                    r.weight().toFloats(),
                    r.bias()
                            .map(Tensor::toFloats)
                            .orElseGet(() -> new float[r.weight().dim(0)]),
                    r.peepholes().map(Tensor::toFloats).orElseGet(() -> new float[3 * r.hidden()]),
                    r.hidden());
        }

        /// Row `j` of R·h + b.
        float product(int j, float[] h) {
            float sum = bias[j];
            for (int i = 0; i < hidden; i++) {
                sum += weight[j * hidden + i] * h[i];
            }
            return sum;
        }
    }

    /// Row `row`; zeros where there is no tensor.
    static float[] row(Optional<Tensor> t, int row, int width) {
        var values = new float[width];
        t.ifPresent(of -> {
            for (int i = 0; i < width; i++) {
                values[i] = (float) of.at((long) row * width + i);
            }
        });
        return values;
    }

    static void store(Tensor t, int row, float[] values) {
        for (int i = 0; i < values.length; i++) {
            t.set((long) row * values.length + i, values[i]);
        }
    }

    private static float squash(Squash squash, float x, double clip) {
        return (float) squash.of(Math.max(-clip, Math.min(clip, x)));
    }

    /// Replaces the state h, c by the next one.
    ///
    /// @return what is kept
    private static float[] step(Cell cell, Weights w, float[] x, float[] h, float[] c) {
        return switch (cell) {
            case Cell.Rnn(var squash, var clip) -> {
                var next = new float[w.hidden];
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

    private static float[] lstm(Cell.Lstm cell, Weights w, float[] x, float[] h, float[] c) {
        int n = w.hidden;
        var sums = new float[4 * n];
        for (int j = 0; j < 4 * n; j++) {
            sums[j] = x[j] + w.product(j, h);
        }
        for (int j = 0; j < n; j++) {
            float i = squash(cell.gate(), sums[j] + w.peepholes[j] * c[j], cell.clip());
            float f = cell.coupled()
                    ? 1 - i
                    : squash(cell.gate(), sums[2 * n + j] + w.peepholes[2 * n + j] * c[j], cell.clip());
            float candidate = squash(cell.candidate(), sums[3 * n + j], cell.clip());
            c[j] = f * c[j] + i * candidate;
            float o = squash(cell.gate(), sums[n + j] + w.peepholes[n + j] * c[j], cell.clip());
            h[j] = o * (float) cell.output().of(c[j]);
            sums[j] = i;
            sums[n + j] = o;
            sums[2 * n + j] = f;
            sums[3 * n + j] = candidate;
        }
        return sums;
    }

    private static float[] gru(Cell.Gru cell, Weights w, float[] x, float[] h) {
        int n = w.hidden;
        var kept = new float[cell.kept() * n];
        var reset = new float[n];
        for (int j = 0; j < n; j++) {
            kept[j] = squash(cell.gate(), x[j] + w.product(j, h), cell.clip());
            kept[n + j] = squash(cell.gate(), x[n + j] + w.product(n + j, h), cell.clip());
            reset[j] = kept[n + j] * h[j];
        }
        for (int j = 0; j < n; j++) {
            float sum = x[2 * n + j];
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
