package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Optional;

/// Operations that carry a state along each sequence.
final class Carrying {
    private Carrying() {}

    /// out[t] = bias + Σ over j of weight[j]·x[t − (kernel − 1) + j]; before the first token lies the state.
    static Carried causalConvolution(
            Workspace workspace,
            Tensor x,
            Tensor weight,
            Optional<Tensor> bias,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = x.dim(1);
        int past = weight.dim(1) - 1;
        Tensor out = workspace.take(x.type(), x.shape());
        Tensor end = workspace.take(x.type(), rows.count(), past, channels);
        double[][] w = Rows.readAll(weight, past + 1);
        double[] b = bias.map(t -> read(t, 0, channels)).orElseGet(() -> new double[channels]);
        for (int s = 0; s < rows.count(); s++) {
            double[][] seen = seen(x, past, rows, s, state);
            for (int t = 0; t < rows.length(s); t++) {
                double[] y = b.clone();
                for (int c = 0; c < channels; c++) {
                    for (int j = 0; j <= past; j++) {
                        y[c] += w[c][j] * seen[t + j][c];
                    }
                }
                write(out, rows.start(s) + t, y);
            }
            for (int j = 0; j < past; j++) {
                write(end, (long) s * past + j, seen[rows.length(s) + j]);
            }
        }
        return new Carried(out, end);
    }

    /// A sequence's inputs after its state, [past + tokens][channels].
    private static double[][] seen(Tensor x, int past, Sequences rows, int s, Optional<Tensor> state) {
        int channels = x.dim(1);
        var seen = new double[past + rows.length(s)][];
        for (int i = 0; i < seen.length; i++) {
            long before = (long) s * past + i;
            seen[i] = i >= past
                    ? read(x, rows.start(s) + i - past, channels)
                    : state.map(t -> read(t, before, channels)).orElseGet(() -> new double[channels]);
        }
        return seen;
    }

    /// dX[t] = Σ over j of weight[j]·dOut[t + (kernel − 1) − j]; dWeight[j] = Σ over t of
    /// dOut[t]·x[t − (kernel − 1) + j].
    static Tensor causalConvolutionAdjoint(
            Workspace workspace,
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias) {
        int channels = x.dim(1);
        int past = weight.dim(1) - 1;
        double[][] w = Rows.readAll(weight, past + 1);
        var dWeight = new double[channels * (past + 1)];
        var dBias = new double[channels];
        Tensor dX = workspace.take(x.type(), x.shape());
        for (int s = 0; s < rows.count(); s++) {
            double[][] seen = seen(x, past, rows, s, state);
            var dSeen = new double[seen.length][channels];
            for (int t = 0; t < rows.length(s); t++) {
                double[] d = read(dOut, rows.start(s) + t, channels);
                for (int c = 0; c < channels; c++) {
                    dBias[c] += d[c];
                    for (int j = 0; j <= past; j++) {
                        dWeight[c * (past + 1) + j] += d[c] * seen[t + j][c];
                        dSeen[t + j][c] += d[c] * w[c][j];
                    }
                }
            }
            for (int t = 0; t < rows.length(s); t++) {
                write(dX, rows.start(s) + t, dSeen[past + t]);
            }
        }
        Rows.add(intoWeight, 0, dWeight);
        intoBias.ifPresent(b -> Rows.add(b, 0, dBias));
        return dX;
    }

    /// See [StateUpdate]; out = scale·Sᵀ·query after the update.
    static Carried linearAttention(
            Workspace workspace,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state) {
        int heads = query.dim(1);
        int kvHeads = key.dim(1);
        int keyDim = key.dim(2);
        int valueDim = value.dim(2);
        Tensor out = workspace.take(query.type(), query.dim(0), heads, valueDim);
        Tensor end = workspace.take(query.type(), rows.count(), kvHeads, keyDim, valueDim);
        for (int s = 0; s < rows.count(); s++) {
            for (int kv = 0; kv < kvHeads; kv++) {
                long first = ((long) s * kvHeads + kv) * keyDim;
                double[][] memory = start(state, first, keyDim, valueDim);
                for (int t = rows.start(s); t < rows.start(s) + rows.length(s); t++) {
                    new Step(key, value, update, t, kv).apply(memory);
                    round(memory, query.type());
                    for (int h = kv * (heads / kvHeads); h < (kv + 1) * (heads / kvHeads); h++) {
                        double[] q = read(query, (long) t * heads + h, keyDim);
                        double[] o = recall(memory, q, valueDim);
                        for (int m = 0; m < valueDim; m++) {
                            o[m] *= scale;
                        }
                        write(out, (long) t * heads + h, o);
                    }
                }
                for (int d = 0; d < keyDim; d++) {
                    write(end, first + d, memory[d]);
                }
            }
        }
        return new Carried(out, end);
    }

    /// As a state is handed on, so that one pass and many give the same bits.
    static void round(double[][] memory, DType type) {
        for (double[] row : memory) {
            for (int i = 0; type == DType.F32 && i < row.length; i++) {
                row[i] = (float) row[i];
            }
        }
    }

    static double[][] start(Optional<Tensor> state, long first, int keyDim, int valueDim) {
        var memory = new double[keyDim][];
        for (int d = 0; d < keyDim; d++) {
            long row = first + d;
            memory[d] = state.map(t -> read(t, row, valueDim)).orElseGet(() -> new double[valueDim]);
        }
        return memory;
    }

    /// memoryᵀ·key
    static double[] recall(double[][] memory, double[] key, int valueDim) {
        var recalled = new double[valueDim];
        for (int d = 0; d < key.length; d++) {
            for (int m = 0; m < valueDim; m++) {
                recalled[m] += key[d] * memory[d][m];
            }
        }
        return recalled;
    }

    /// One token of one kv head: what it does to the state, and the numbers that the way back needs.
    static final class Step {
        final double[] key;
        final double[] value;

        /// Factor on each row of the state.
        final double[] kept;

        /// 1 where the rule does not correct.
        final double rate;

        /// What the key recalls after forgetting; zeros where the rule does not correct.
        double[] recalled;

        Step(Tensor key, Tensor value, StateUpdate update, int token, int kv) {
            int kvHeads = key.dim(1);
            int keyDim = key.dim(2);
            long row = (long) token * kvHeads + kv;
            this.key = read(key, row, keyDim);
            this.value = read(value, row, value.dim(2));
            this.rate = update.optionalRate().map(t -> t.at(row)).orElse(1.0);
            this.recalled = new double[value.dim(2)];
            this.corrects = update.optionalRate().isPresent();
            this.kept = new double[keyDim];
            for (int d = 0; d < keyDim; d++) {
                long each = row * keyDim + d;
                kept[d] = update.optionalDecay()
                        .map(t -> Math.exp(t.at(t.rank() == 3 ? each : row)))
                        .orElse(1.0);
            }
        }

        final boolean corrects;

        void apply(double[][] memory) {
            for (int d = 0; d < key.length; d++) {
                for (int m = 0; m < value.length; m++) {
                    memory[d][m] *= kept[d];
                }
            }
            if (corrects) {
                recalled = recall(memory, key, value.length);
            }
            for (int d = 0; d < key.length; d++) {
                for (int m = 0; m < value.length; m++) {
                    memory[d][m] += key[d] * rate * (value[m] - recalled[m]);
                }
            }
        }
    }
}
