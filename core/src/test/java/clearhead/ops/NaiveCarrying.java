package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Arrays;
import java.util.Optional;

/// Operations that carry a state, in float arithmetic, one token after the other; see [NaiveOps].
final class NaiveCarrying {
    private NaiveCarrying() {}

    private static Tensor result(Workspace workspace, float[] values, int... dims) {
        Tensor t = workspace.take(DType.F32, dims);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

    private static float[] padded(float[] x, int channels, int past, Sequences rows, int s, Optional<Tensor> state) {
        var seen = new float[(past + rows.length(s)) * channels];
        state.ifPresent(t -> System.arraycopy(t.toFloats(), s * past * channels, seen, 0, past * channels));
        System.arraycopy(x, rows.start(s) * channels, seen, past * channels, rows.length(s) * channels);
        return seen;
    }

    static Carried causalConvolution(
            Workspace workspace,
            Tensor x,
            Tensor weight,
            Optional<Tensor> bias,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = x.dim(1);
        int kernel = weight.dim(1);
        int past = kernel - 1;
        float[] w = weight.toFloats();
        var out = new float[x.dim(0) * channels];
        var end = new float[rows.count() * past * channels];
        for (int s = 0; s < rows.count(); s++) {
            float[] seen = padded(x.toFloats(), channels, past, rows, s, state);
            for (int t = 0; t < rows.length(s); t++) {
                for (int c = 0; c < channels; c++) {
                    float sum = bias.isPresent() ? (float) bias.get().at(c) : 0;
                    for (int j = 0; j < kernel; j++) {
                        sum += w[c * kernel + j] * seen[(t + j) * channels + c];
                    }
                    out[(rows.start(s) + t) * channels + c] = sum;
                }
            }
            System.arraycopy(seen, rows.length(s) * channels, end, s * past * channels, past * channels);
        }
        return new Carried(
                result(workspace, out, x.dim(0), channels), result(workspace, end, rows.count(), past, channels));
    }

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
        int kernel = weight.dim(1);
        float[] w = weight.toFloats();
        float[] d = dOut.toFloats();
        float[] dW = intoWeight.toFloats();
        var dX = new float[x.dim(0) * channels];
        for (int s = 0; s < rows.count(); s++) {
            float[] seen = padded(x.toFloats(), channels, kernel - 1, rows, s, state);
            for (int t = 0; t < rows.length(s); t++) {
                for (int c = 0; c < channels; c++) {
                    float g = d[(rows.start(s) + t) * channels + c];
                    for (int j = 0; j < kernel; j++) {
                        dW[c * kernel + j] += g * seen[(t + j) * channels + c];
                        int from = t + j - (kernel - 1);
                        if (from >= 0) {
                            dX[(rows.start(s) + from) * channels + c] += g * w[c * kernel + j];
                        }
                    }
                    if (intoBias.isPresent()) {
                        intoBias.get().set(c, (float) intoBias.get().at(c) + g);
                    }
                }
            }
        }
        for (int i = 0; i < dW.length; i++) {
            intoWeight.set(i, dW[i]);
        }
        return result(workspace, dX, x.dim(0), channels);
    }

    /// One kv head of one sequence, with its states.
    private static final class Head {
        final float[] k;
        final float[] v;
        final float[] g;
        final float[] b;
        final int kvHeads;
        final int keyDim;
        final int valueDim;
        final boolean corrects;
        final float[][] states;
        final float[][] differences;

        Head(Tensor key, Tensor value, StateUpdate update, Sequences rows, Optional<Tensor> state, int s, int kv) {
            k = key.toFloats();
            v = value.toFloats();
            kvHeads = key.dim(1);
            keyDim = key.dim(2);
            valueDim = value.dim(2);
            corrects = update.optionalRate().isPresent();
            g = new float[rows.tokens() * kvHeads * keyDim];
            b = new float[rows.tokens() * kvHeads];
            Arrays.fill(b, 1);
            update.optionalRate().ifPresent(t -> System.arraycopy(t.toFloats(), 0, b, 0, b.length));
            Arrays.fill(g, 1);
            update.optionalDecay().ifPresent(t -> {
                for (int i = 0; i < g.length; i++) {
                    g[i] = (float) Math.exp((float) t.at(t.rank() == 3 ? i : i / keyDim));
                }
            });
            int size = keyDim * valueDim;
            states = new float[rows.length(s) + 1][size];
            differences = new float[rows.length(s)][valueDim];
            state.ifPresent(t -> System.arraycopy(t.toFloats(), (s * kvHeads + kv) * size, states[0], 0, size));
            for (int i = 0; i < rows.length(s); i++) {
                int row = (rows.start(s) + i) * kvHeads + kv;
                float[] to = states[i + 1];
                for (int n = 0; n < size; n++) {
                    to[n] = states[i][n] * g[row * keyDim + n / valueDim];
                }
                for (int m = 0; m < valueDim; m++) {
                    float recalled = 0;
                    for (int d = 0; corrects && d < keyDim; d++) {
                        recalled += to[d * valueDim + m] * k[row * keyDim + d];
                    }
                    differences[i][m] = v[row * valueDim + m] - recalled;
                }
                for (int n = 0; n < size; n++) {
                    to[n] += k[row * keyDim + n / valueDim] * (b[row] * differences[i][n % valueDim]);
                }
            }
        }
    }

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
        float[] q = query.toFloats();
        var out = new float[query.dim(0) * heads * valueDim];
        var end = new float[rows.count() * kvHeads * keyDim * valueDim];
        for (int s = 0; s < rows.count(); s++) {
            for (int kv = 0; kv < kvHeads; kv++) {
                var head = new Head(key, value, update, rows, state, s, kv);
                for (int i = 0; i < rows.length(s); i++) {
                    for (int h = kv * (heads / kvHeads); h < (kv + 1) * (heads / kvHeads); h++) {
                        int at = (rows.start(s) + i) * heads + h;
                        for (int m = 0; m < valueDim; m++) {
                            float sum = 0;
                            for (int d = 0; d < keyDim; d++) {
                                sum += q[at * keyDim + d] * head.states[i + 1][d * valueDim + m];
                            }
                            out[at * valueDim + m] = sum * (float) scale;
                        }
                    }
                }
                int size = keyDim * valueDim;
                System.arraycopy(head.states[rows.length(s)], 0, end, (s * kvHeads + kv) * size, size);
            }
        }
        return new Carried(
                result(workspace, out, query.dim(0), heads, valueDim),
                result(workspace, end, rows.count(), kvHeads, keyDim, valueDim));
    }

    static Adjoints.LinearAttention linearAttentionAdjoint(
            Workspace workspace,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        int heads = query.dim(1);
        int kvHeads = key.dim(1);
        int keyDim = key.dim(2);
        int valueDim = value.dim(2);
        float[] q = query.toFloats();
        float[] d = dOut.toFloats();
        var dQ = new float[q.length];
        var dK = new float[(int) key.size()];
        var dV = new float[(int) value.size()];
        var dG = new float[dK.length];
        var dB = new float[rows.tokens() * kvHeads];
        for (int s = 0; s < rows.count(); s++) {
            for (int kv = 0; kv < kvHeads; kv++) {
                var head = new Head(key, value, update, rows, state, s, kv);
                var dS = new float[keyDim * valueDim];
                for (int i = rows.length(s) - 1; i >= 0; i--) {
                    int row = (rows.start(s) + i) * kvHeads + kv;
                    for (int h = kv * (heads / kvHeads); h < (kv + 1) * (heads / kvHeads); h++) {
                        int at = (rows.start(s) + i) * heads + h;
                        for (int n = 0; n < dS.length; n++) {
                            float g = (float) scale * d[at * valueDim + n % valueDim];
                            dQ[at * keyDim + n / valueDim] += g * head.states[i + 1][n];
                            dS[n] += g * q[at * keyDim + n / valueDim];
                        }
                    }
                    for (int m = 0; m < valueDim; m++) {
                        float dU = 0;
                        for (int k = 0; k < keyDim; k++) {
                            dU += dS[k * valueDim + m] * head.k[row * keyDim + k];
                        }
                        dB[row] += dU * head.differences[i][m];
                        dV[row * valueDim + m] = head.b[row] * dU;
                    }
                    for (int n = 0; n < dS.length; n++) {
                        int k = row * keyDim + n / valueDim;
                        float dValue = dV[row * valueDim + n % valueDim];
                        float left = head.g[k] * head.states[i][n];
                        dK[k] += dS[n] * (head.b[row] * head.differences[i][n % valueDim]);
                        if (head.corrects) {
                            dS[n] -= head.k[k] * dValue;
                            dK[k] -= left * dValue;
                        }
                        dG[k] += dS[n] * left;
                        dS[n] *= head.g[k];
                    }
                }
            }
        }
        var perHead = new float[dB.length];
        for (int i = 0; i < dG.length; i++) {
            perHead[i / keyDim] += dG[i];
        }
        return new Adjoints.LinearAttention(
                result(workspace, dQ, query.shape().dims()),
                result(workspace, dK, key.shape().dims()),
                result(workspace, dV, value.shape().dims()),
                update.optionalDecay()
                        .map(t -> result(
                                workspace,
                                t.rank() == 3 ? dG : perHead,
                                t.shape().dims())),
                update.optionalRate().map(t -> result(workspace, dB, t.shape().dims())));
    }
}
