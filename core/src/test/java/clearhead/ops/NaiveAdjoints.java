package clearhead.ops;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Every adjoint in float arithmetic; see [NaiveOps].
record NaiveAdjoints(Workspace workspace) implements Adjoints {
    private NaiveOps ops() {
        return new NaiveOps(workspace);
    }

    @Override
    public void accumulate(Tensor d, Tensor into) {
        addTo(into, d.toFloats(), 0);
    }

    private static void addTo(Tensor into, float[] d, long start) {
        for (int i = 0; i < d.length; i++) {
            into.set(start + i, (float) into.at(start + i) + d[i]);
        }
    }

    @Override
    public void embed(Tensor ids, Tensor dOut, Tensor intoTable) {
        for (int t = 0; t < ids.dim(0); t++) {
            addTo(intoTable, dOut.rows(t, t + 1).toFloats(), (long) ids.intAt(t) * dOut.dim(1));
        }
    }

    @Override
    public Tensor linearInput(Tensor dOut, Tensor weight) {
        int in = weight.dim(1);
        int out = weight.dim(0);
        float[] d = dOut.toFloats();
        float[] w = weight.toFloats();
        var dX = new float[dOut.dim(0) * in];
        for (int t = 0; t < dOut.dim(0); t++) {
            for (int o = 0; o < out; o++) {
                for (int i = 0; i < in; i++) {
                    dX[t * in + i] += d[t * out + o] * w[o * in + i];
                }
            }
        }
        return ops().result(dX, dOut.dim(0), in);
    }

    @Override
    public void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        int in = x.dim(1);
        int out = dOut.dim(1);
        float[] a = x.toFloats();
        float[] d = dOut.toFloats();
        var sum = new float[out * in];
        for (int t = 0; t < x.dim(0); t++) {
            for (int o = 0; o < out; o++) {
                for (int i = 0; i < in; i++) {
                    sum[o * in + i] += d[t * out + o] * a[t * in + i];
                }
            }
        }
        addTo(intoWeight, sum, 0);
    }

    @Override
    public void linearBias(Tensor dOut, Tensor intoBias) {
        float[] d = dOut.toFloats();
        var sum = new float[dOut.dim(1)];
        for (int i = 0; i < d.length; i++) {
            sum[i % sum.length] += d[i];
        }
        addTo(intoBias, sum, 0);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        return norm(x, weight, eps, dOut, intoWeight, intoBias, true);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        return norm(x, weight, eps, dOut, intoWeight, intoWeight, false);
    }

    private Tensor norm(
            Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias, boolean centred) {
        int dim = x.dim(1);
        var dWeight = new float[dim];
        var dBias = new float[dim];
        float[] n = x.toFloats();
        float[] g = dOut.toFloats();
        for (int start = 0; start < n.length; start += dim) {
            float mean = 0;
            for (int i = 0; i < dim && centred; i++) {
                mean += n[start + i];
            }
            mean /= dim;
            float squares = 0;
            for (int i = 0; i < dim; i++) {
                n[start + i] -= mean;
                squares += n[start + i] * n[start + i];
            }
            float r = (float) (1 / Math.sqrt(squares / dim + (float) eps));
            float sum = 0;
            float along = 0;
            for (int i = 0; i < dim; i++) {
                n[start + i] *= r;
                dWeight[i] += g[start + i] * n[start + i];
                dBias[i] += g[start + i];
                g[start + i] *= (float) weight.at(i);
                sum += g[start + i];
                along += g[start + i] * n[start + i];
            }
            for (int i = 0; i < dim; i++) {
                float offset = centred ? sum / dim : 0;
                g[start + i] = r * (g[start + i] - offset - n[start + i] * (along / dim));
            }
        }
        addTo(intoWeight, dWeight, 0);
        if (centred) {
            addTo(intoBias, dBias, 0);
        }
        return ops().result(g, x.shape().dims());
    }

    @Override
    public Tensor activate(Activation act, Tensor x, Tensor dOut) {
        float[] a = x.toFloats();
        float[] d = dOut.toFloats();
        for (int i = 0; i < d.length; i++) {
            d[i] *= slope(act, a[i]);
        }
        return ops().result(d, x.shape().dims());
    }

    @Override
    public Gated gate(Activation act, Tensor gate, Tensor up, Tensor dOut) {
        float[] g = gate.toFloats();
        float[] u = up.toFloats();
        float[] d = dOut.toFloats();
        for (int i = 0; i < d.length; i++) {
            float gi = g[i];
            g[i] = d[i] * u[i] * slope(act, gi);
            u[i] = d[i] * NaiveOps.value(act, gi);
        }
        int[] dims = gate.shape().dims();
        return new Gated(ops().result(g, dims), ops().result(u, dims));
    }

    private static float slope(Activation act, float x) {
        return switch (act) {
            case GELU -> NaiveOps.cdf(x) + x * (float) Math.exp(-x * x / 2) * 0.39894228f;
            case GELU_TANH -> {
                float t = NaiveOps.tanh(x);
                float inner = 0.7978846f * (1 + 0.134145f * x * x);
                yield 0.5f * (1 + t) + (t * t == 1 ? 0 : 0.5f * x * (1 - t * t) * inner);
            }
            case SILU -> {
                float s = NaiveOps.sigmoid(x);
                yield s * (1 + x * (1 - s));
            }
            case RELU -> x > 0 ? 1 : 0;
            case RELU_SQUARED -> 2 * Math.max(x, 0);
            case QUICK_GELU -> {
                float s = NaiveOps.sigmoid(1.702f * x);
                yield s * (1 + 1.702f * x * (1 - s));
            }
            case SIGMOID -> NaiveOps.sigmoid(x) * (1 - NaiveOps.sigmoid(x));
            case TANH -> {
                float y = (float) Math.tanh(x);
                yield 1 - y * y;
            }
            case SOFTPLUS -> NaiveOps.sigmoid(x);
        };
    }

    @Override
    public Tensor rope(Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return ops().turn(dOut, cos, sin, positions, pairing, -1);
    }

    @Override
    public Tensor causalConvolution(
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias) {
        return NaiveCarrying.causalConvolutionAdjoint(workspace, x, weight, rows, state, dOut, intoWeight, intoBias);
    }

    @Override
    public LinearAttention linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        return NaiveCarrying.linearAttentionAdjoint(workspace, query, key, value, update, scale, rows, state, dOut);
    }

    @Override
    public Attention attention(
            Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut) {
        int tokens = query.dim(0);
        int headDim = spec.headDim();
        int valueDim = spec.valueDim();
        float[] q = query.toFloats();
        float[] k = past.key().toFloats();
        float[] v = past.value().toFloats();
        float[] out = forward.out().toFloats();
        float[] d = dOut.toFloats();
        var dQ = new float[q.length];
        var dK = new float[k.length];
        var dV = new float[v.length];
        var dSinks = new float[spec.heads()];
        Optional<Tensor> dBias = biasLike(spec.bias());
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            int firstKey = past.rows().start(s);
            int first = spec.alignment().first(s, queries.length(s), context);
            for (int n = 0; n < queries.length(s); n++) {
                int token = queries.start(s) + n;
                for (int h = 0; h < spec.heads(); h++) {
                    int at = (token * spec.heads() + h) * headDim;
                    int dAt = (token * spec.heads() + h) * valueDim;
                    float[] row = NaiveOps.scores(q, at, k, firstKey, context, s, n, first + n, h, spec);
                    float delta = 0;
                    for (int i = 0; i < valueDim; i++) {
                        delta += d[dAt + i] * out[dAt + i];
                    }
                    float lse = (float) forward.lse().at((long) h * tokens + token);
                    if (spec.sinks().isPresent()) {
                        dSinks[h] -= (float) Math.exp(spec.sinks().get().at(h) - lse) * delta;
                    }
                    for (int c = 0; c < context; c++) {
                        if (row[c] == Float.NEGATIVE_INFINITY) {
                            continue;
                        }
                        int kAt = NaiveOps.keyAt(firstKey + c, h, spec);
                        int vAt = NaiveOps.valueAt(firstKey + c, h, spec);
                        float p = (float) Math.exp(row[c] - lse);
                        float keep = NaiveOps.keep(spec, s, h, n, c);
                        float dP = 0;
                        for (int i = 0; i < valueDim; i++) {
                            dP += d[dAt + i] * v[vAt + i];
                            dV[vAt + i] += p * keep * d[dAt + i];
                        }
                        float product = 0;
                        for (int i = 0; i < headDim; i++) {
                            product += q[at + i] * k[kAt + i];
                        }
                        float dScore = p * (keep * dP - delta);
                        long place = biasPlace(spec.bias(), s, h, n, first + n, c);
                        dBias.ifPresent(sums -> sums.set(place, (float) sums.at(place) + dScore));
                        float dS = dScore * (float) spec.slope(product, s, h, first + n, c);
                        for (int i = 0; i < headDim; i++) {
                            dQ[at + i] += dS * k[kAt + i];
                            dK[kAt + i] += dS * q[at + i];
                        }
                    }
                }
            }
        }
        return new Attention(
                ops().result(dQ, query.shape().dims()),
                ops().result(dK, past.key().shape().dims()),
                ops().result(dV, past.value().shape().dims()),
                spec.sinks().map(_ -> ops().result(dSinks, spec.heads())),
                dBias);
    }

    private Optional<Tensor> biasLike(Bias bias) {
        return switch (bias) {
            case Bias.None(), Bias.Alibi(double[] _) -> Optional.empty();
            case Bias.Relative(Tensor table, boolean _, int _) -> Optional.of(zerosLike(table));
            case Bias.Added(Tensor values) -> Optional.of(zerosLike(values));
        };
    }

    private static long biasPlace(Bias bias, int sequence, int head, int query, int position, int key) {
        return switch (bias) {
            case Bias.None(), Bias.Alibi(double[] _) -> 0;
            case Bias.Relative relative ->
                (long) relative.bucket(key - position) * relative.table().dim(1) + head;
            case Bias.Added(Tensor values) -> Broadcast.offset(values, sequence, head, query, key);
        };
    }

    @Override
    public Tensor softmax(Tensor y, Tensor dOut) {
        float[] p = y.toFloats();
        float[] d = dOut.toFloats();
        int width = y.dim(-1);
        for (int start = 0; start < p.length; start += width) {
            float along = 0;
            for (int i = start; i < start + width; i++) {
                along += p[i] * d[i];
            }
            for (int i = start; i < start + width; i++) {
                d[i] = p[i] * (d[i] - along);
            }
        }
        return ops().result(d, y.shape().dims());
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets, Tensor dLoss) {
        int vocab = logits.dim(1);
        float[] x = logits.toFloats();
        for (int t = 0; t < logits.dim(0); t++) {
            int target = targets.intAt(t);
            NaiveOps.normalize(x, t * vocab, (t + 1) * vocab);
            for (int i = 0; i < vocab; i++) {
                float d = target < 0 ? 0 : x[t * vocab + i] - (i == target ? 1 : 0);
                x[t * vocab + i] = d * (float) dLoss.at(t);
            }
        }
        return ops().result(x, logits.shape().dims());
    }

    @Override
    public Tensor select(Tensor rows, Tensor dOut, int tokens) {
        Tensor dX = ops().result(new float[tokens * dOut.dim(1)], tokens, dOut.dim(1));
        embed(rows, dOut, dX);
        return dX;
    }

    @Override
    public Recurrent recur(
            Sequences sequences,
            Recurrence recurrence,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into) {
        return NaiveRecurrentAdjoint.recur(workspace, sequences, recurrence, start, forward, dOut, dCells, into);
    }

    @Override
    public Joined split(Tensor dOut, int left) {
        int right = dOut.dim(1) - left;
        float[] d = dOut.toFloats();
        var dLeft = new float[dOut.dim(0) * left];
        var dRight = new float[dOut.dim(0) * right];
        for (int t = 0; t < dOut.dim(0); t++) {
            System.arraycopy(d, t * (left + right), dLeft, t * left, left);
            System.arraycopy(d, t * (left + right) + left, dRight, t * right, right);
        }
        return new Joined(ops().result(dLeft, dOut.dim(0), left), ops().result(dRight, dOut.dim(0), right));
    }

    @Override
    public Tensor zerosLike(Tensor t) {
        Tensor zeros = workspace.take(t.type(), t.shape());
        zeros.data().fill((byte) 0);
        return zeros;
    }

    @Override
    public Combined combine(List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        int chosen = weights.dim(1);
        int dim = dOut.dim(1);
        float[] all = NaiveOps.stacked(parts);
        var dAll = new float[all.length];
        var dWeights = new float[(int) weights.size()];
        for (int t = 0; t < weights.dim(0); t++) {
            for (int j = 0; j < chosen; j++) {
                int at = t * chosen + j;
                for (int i = 0; i < dim; i++) {
                    float d = (float) dOut.at(t * dim + i);
                    dWeights[at] += d * all[rows.intAt(at) * dim + i];
                    dAll[rows.intAt(at) * dim + i] += d * (float) weights.at(at);
                }
            }
        }
        var dParts = new ArrayList<Tensor>();
        int from = 0;
        for (Tensor part : parts) {
            int to = from + (int) part.size();
            dParts.add(ops().result(
                            Arrays.copyOfRange(dAll, from, to), part.shape().dims()));
            from = to;
        }
        return new Combined(dParts, ops().result(dWeights, weights.shape().dims()));
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high, Tensor dOut) {
        float[] d = dOut.toFloats();
        for (int i = 0; i < d.length; i++) {
            d[i] = (float) x.at(i) < (float) low || (float) x.at(i) > (float) high ? 0 : d[i];
        }
        return ops().result(d, x.shape().dims());
    }
}
