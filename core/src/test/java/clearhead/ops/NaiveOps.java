package clearhead.ops;

import clearhead.ops.score.Place;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// Every operation in float arithmetic, one step after the other, as a first version would have it:
/// the yardstick for errors. A kernel may be at most twice as far from the exact result.
record NaiveOps(Workspace workspace) implements Ops {
    @Override
    public Tensor embed(Tensor table, Tensor ids) {
        int dim = table.dim(1);
        Tensor out = workspace.take(DType.F32, ids.dim(0), dim);
        for (int t = 0; t < ids.dim(0); t++) {
            for (int i = 0; i < dim; i++) {
                out.set((long) t * dim + i, (float) table.at((long) ids.intAt(t) * dim + i));
            }
        }
        return out;
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        return linear(x, weight, Tensor.zeros(java.lang.foreign.Arena.ofAuto(), DType.F32, weight.dim(0)));
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        int tokens = x.dim(0);
        int in = weight.dim(1);
        int out = weight.dim(0);
        float[] a = x.toFloats();
        float[] w = weight.toFloats();
        var y = new float[tokens * out];
        for (int t = 0; t < tokens; t++) {
            for (int o = 0; o < out; o++) {
                float sum = 0;
                for (int i = 0; i < in; i++) {
                    sum += a[t * in + i] * w[o * in + i];
                }
                y[t * out + o] = sum + (float) bias.at(o);
            }
        }
        return result(y, tokens, out);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        float[] y = a.toFloats();
        float[] other = b.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] += other[i];
        }
        return result(y, a.shape().dims());
    }

    @Override
    public Tensor scale(Tensor x, double factor) {
        float[] y = x.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] *= (float) factor;
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Tensor multiply(Tensor a, Tensor b) {
        float[] y = a.toFloats();
        float[] other = b.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] *= other[i % other.length];
        }
        return result(y, a.shape().dims());
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        int dim = x.dim(1);
        float[] y = x.toFloats();
        for (int start = 0; start < y.length; start += dim) {
            float mean = 0;
            for (int i = 0; i < dim; i++) {
                mean += y[start + i];
            }
            mean /= dim;
            float var = 0;
            for (int i = 0; i < dim; i++) {
                y[start + i] -= mean;
                var += y[start + i] * y[start + i];
            }
            float r = (float) (1 / Math.sqrt(var / dim + (float) eps));
            for (int i = 0; i < dim; i++) {
                y[start + i] = y[start + i] * r * (float) weight.at(i) + (float) bias.at(i);
            }
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        int dim = x.dim(1);
        float[] y = x.toFloats();
        for (int start = 0; start < y.length; start += dim) {
            float squares = 0;
            for (int i = 0; i < dim; i++) {
                squares += y[start + i] * y[start + i];
            }
            float r = (float) (1 / Math.sqrt(squares / dim + (float) eps));
            for (int i = 0; i < dim; i++) {
                y[start + i] = y[start + i] * r * (float) weight.at(i);
            }
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Tensor activate(Activation act, Tensor x) {
        float[] y = x.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] = value(act, y[i]);
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Tensor gate(Activation act, Tensor gate, Tensor up) {
        float[] y = gate.toFloats();
        float[] u = up.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] = value(act, y[i]) * u[i];
        }
        return result(y, gate.shape().dims());
    }

    /// act(x), each elementary function rounded to float.
    static float value(Activation act, float x) {
        return switch (act) {
            case GELU -> x * cdf(x);
            case GELU_TANH -> 0.5f * x * (1 + tanh(x));
            case SILU -> x * sigmoid(x);
            case RELU -> Math.max(x, 0);
            case RELU_SQUARED -> Math.max(x, 0) * Math.max(x, 0);
            case QUICK_GELU -> x * sigmoid(1.702f * x);
            case SIGMOID -> sigmoid(x);
            case TANH -> (float) Math.tanh(x);
            case SOFTPLUS -> Math.max(x, 0) + (float) Math.log1p((float) Math.exp(-Math.abs(x)));
        };
    }

    static float cdf(float x) {
        float erf = (float) clearhead.ops.cpu.reference.Erf.erf(x * 0.70710678f);
        return 0.5f * (1 + erf);
    }

    static float tanh(float x) {
        return (float) Math.tanh(0.7978846f * (x + 0.044715f * x * x * x));
    }

    static float sigmoid(float x) {
        return 1 / (1 + (float) Math.exp(-x));
    }

    @Override
    public Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return turn(x, cos, sin, positions, pairing, 1);
    }

    Tensor turn(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing, int direction) {
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int pairs = cos.dim(1);
        float[] y = x.toFloats();
        for (int t = 0; t < x.dim(0); t++) {
            for (int h = 0; h < heads; h++) {
                int start = (t * heads + h) * headDim;
                for (int p = 0; p < pairs; p++) {
                    int first = start + (pairing == Pairing.HALVES ? p : 2 * p);
                    int second = start + (pairing == Pairing.HALVES ? p + pairs : 2 * p + 1);
                    float c = (float) cos.at((long) positions.intAt(t) * pairs + p);
                    float s = direction * (float) sin.at((long) positions.intAt(t) * pairs + p);
                    float a = y[first];
                    float b = y[second];
                    y[first] = a * c - b * s;
                    y[second] = a * s + b * c;
                }
            }
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Carried causalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state) {
        return NaiveCarrying.causalConvolution(workspace, x, weight, bias, rows, state);
    }

    @Override
    public Carried linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state) {
        return NaiveCarrying.linearAttention(workspace, query, key, value, update, scale, rows, state);
    }

    @Override
    public Carried selectiveScan(
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        return NaiveStateSpaces.selectiveScan(workspace, x, step, input, output, space, rows, state);
    }

    @Override
    public Carried wkv(Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state) {
        return NaiveStateSpaces.wkv(workspace, key, value, decay, first, rows, state);
    }

    @Override
    public void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        throw new UnsupportedOperationException("storing has no arithmetic to compare");
    }

    @Override
    public Attended attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        int tokens = query.dim(0);
        int heads = spec.heads();
        int valueDim = spec.valueDim();
        var rows = ((KvView.Packed) past).rows();
        float[] q = query.toFloats();
        float[] k = ((KvView.Packed) past).key().toFloats();
        float[] v = ((KvView.Packed) past).value().toFloats();
        var out = new float[tokens * heads * valueDim];
        var lse = new float[heads * tokens];
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            int first = spec.alignment().first(s, queries.length(s), context);
            for (int n = 0; n < queries.length(s); n++) {
                int token = queries.start(s) + n;
                for (int h = 0; h < heads; h++) {
                    int at = (token * heads + h) * spec.headDim();
                    float[] row = scores(q, at, k, rows.start(s), context, s, n, first + n, h, spec);
                    if (spec.sinks().isPresent()) {
                        row = java.util.Arrays.copyOf(row, context + 1);
                        row[context] = (float) spec.sinks().get().at(h);
                    }
                    lse[h * tokens + token] = normalize(row, 0, row.length);
                    for (int c = 0; c < context; c++) {
                        float weight = row[c] * keep(spec, s, h, n, c);
                        int vAt = valueAt(rows.start(s) + c, h, spec);
                        for (int i = 0; i < valueDim && weight != 0; i++) {
                            out[(token * heads + h) * valueDim + i] += weight * v[vAt + i];
                        }
                    }
                }
            }
        }
        return new Attended(result(out, tokens, heads, valueDim), result(lse, heads, tokens));
    }

    static int keyAt(int row, int head, AttentionSpec spec) {
        return (row * spec.kvHeads() + spec.kvHead(head)) * spec.headDim();
    }

    static int valueAt(int row, int head, AttentionSpec spec) {
        return (row * spec.kvHeads() + spec.kvHead(head)) * spec.valueDim();
    }

    /// What dropout multiplies a weight by.
    static float keep(AttentionSpec spec, int sequence, int head, int query, int key) {
        Dropout dropout = spec.dropout();
        if (dropout.isNone()) {
            return 1;
        }
        boolean kept = dropout.keeps(dropout.row(sequence, head, query), key);
        return kept ? 1 / (1 - (float) dropout.probability()) : 0;
    }

    static float[] scores(
            float[] q,
            int at,
            float[] k,
            int firstKey,
            int context,
            int sequence,
            int query,
            int position,
            int head,
            AttentionSpec spec) {
        var row = new float[context];
        for (int c = 0; c < context; c++) {
            float bias = (float) spec.bias().at(sequence, head, query, position, c);
            if (!spec.mask().sees(sequence, head, query, position, c) || bias == Float.NEGATIVE_INFINITY) {
                row[c] = Float.NEGATIVE_INFINITY;
                continue;
            }
            int kAt = keyAt(firstKey + c, head, spec);
            float sum = 0;
            for (int i = 0; i < spec.headDim(); i++) {
                sum += q[at + i] * k[kAt + i];
            }
            float score = sum * (float) spec.scale();
            if (spec.softCap() != 0) {
                score = (float) spec.softCap() * tanh(score / (float) spec.softCap());
            }
            if (spec.rule().isPresent()) {
                score = (float) spec.rule().get().score(new Place(score, sequence, head, position, c));
            }
            row[c] = score + bias;
        }
        return row;
    }

    /// Softmax in place; returns the log-sum-exp.
    static float normalize(float[] row, int from, int to) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = from; i < to; i++) {
            max = Math.max(max, row[i]);
        }
        float sum = 0;
        for (int i = from; i < to; i++) {
            row[i] = max == Float.NEGATIVE_INFINITY ? 0 : (float) Math.exp(row[i] - max);
            sum += row[i];
        }
        for (int i = from; i < to && sum > 0; i++) {
            row[i] /= sum;
        }
        return sum > 0 ? max + (float) Math.log(sum) : Float.NEGATIVE_INFINITY;
    }

    @Override
    public Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage) {
        int queries = query.dim(0);
        int context = past.length(sequence);
        int start = ((KvView.Packed) past).rows().start(sequence);
        int first = spec.alignment().first(sequence, queries, context);
        float[] q = query.toFloats();
        float[] k = ((KvView.Packed) past).key().toFloats();
        var bare = new AttentionSpec(spec.heads(), spec.kvHeads(), spec.headDim(), spec.scale(), Mask.BIDIRECTIONAL);
        AttentionSpec upTo = switch (stage) {
            case PRODUCT -> bare.withScale(1);
            case SCALED -> bare;
            case CAPPED -> bare.withSoftCap(spec.softCap());
            case BIASED -> spec;
        };
        var y = new float[spec.heads() * queries * context];
        for (int h = 0; h < spec.heads(); h++) {
            for (int n = 0; n < queries; n++) {
                int at = (n * spec.heads() + h) * spec.headDim();
                float[] row = scores(q, at, k, start, context, sequence, n, first + n, h, upTo);
                System.arraycopy(row, 0, y, (h * queries + n) * context, context);
            }
        }
        return result(y, spec.heads(), queries, context);
    }

    @Override
    public Tensor softmax(Tensor x) {
        float[] y = x.toFloats();
        int width = x.dim(-1);
        for (int start = 0; start < y.length; start += width) {
            normalize(y, start, start + width);
        }
        return result(y, x.shape().dims());
    }

    @Override
    public Tensor weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        int queries = pattern.dim(1);
        int context = pattern.dim(2);
        int start = ((KvView.Packed) past).rows().start(sequence);
        float[] v = ((KvView.Packed) past).value().toFloats();
        float[] p = pattern.toFloats();
        var out = new float[queries * spec.heads() * spec.valueDim()];
        for (int h = 0; h < spec.heads(); h++) {
            for (int n = 0; n < queries; n++) {
                for (int c = 0; c < context; c++) {
                    float weight = p[(h * queries + n) * context + c];
                    for (int i = 0; i < spec.valueDim(); i++) {
                        out[(n * spec.heads() + h) * spec.valueDim() + i] +=
                                weight * v[valueAt(start + c, h, spec) + i];
                    }
                }
            }
        }
        return result(out, queries, spec.heads(), spec.valueDim());
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets) {
        int vocab = logits.dim(1);
        float[] x = logits.toFloats();
        var loss = new float[logits.dim(0)];
        for (int t = 0; t < loss.length; t++) {
            int target = targets.intAt(t);
            if (target >= 0) {
                float picked = x[t * vocab + target];
                loss[t] = normalize(x, t * vocab, (t + 1) * vocab) - picked;
            }
        }
        return result(loss, loss.length);
    }

    @Override
    public Tensor select(Tensor x, Tensor rows) {
        return embed(x, rows);
    }

    @Override
    public Recurred recur(Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start) {
        return NaiveRecurrent.recur(workspace, inputs, sequences, recurrence, start);
    }

    @Override
    public Tensor join(Tensor left, Tensor right) {
        int m = left.dim(1);
        int n = right.dim(1);
        var y = new float[left.dim(0) * (m + n)];
        for (int t = 0; t < left.dim(0); t++) {
            System.arraycopy(left.toFloats(), t * m, y, t * (m + n), m);
            System.arraycopy(right.toFloats(), t * n, y, t * (m + n) + m, n);
        }
        return result(y, left.dim(0), m + n);
    }

    Tensor result(float[] values, int... dims) {
        Tensor t = workspace.take(DType.F32, dims);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

    @Override
    public Tensor combine(List<Tensor> parts, Tensor rows, Tensor weights) {
        int chosen = weights.dim(1);
        int dim = parts.getFirst().dim(1);
        float[] all = stacked(parts);
        var y = new float[weights.dim(0) * dim];
        for (int t = 0; t < weights.dim(0); t++) {
            for (int j = 0; j < chosen; j++) {
                for (int i = 0; i < dim; i++) {
                    y[t * dim + i] += (float) weights.at(t * chosen + j) * all[rows.intAt(t * chosen + j) * dim + i];
                }
            }
        }
        return result(y, weights.dim(0), dim);
    }

    /// [Σ n, dim]
    static float[] stacked(List<Tensor> parts) {
        var all = new float[parts.stream().mapToInt(p -> (int) p.size()).sum()];
        int at = 0;
        for (Tensor part : parts) {
            System.arraycopy(part.toFloats(), 0, all, at, (int) part.size());
            at += (int) part.size();
        }
        return all;
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high) {
        float[] y = x.toFloats();
        for (int i = 0; i < y.length; i++) {
            y[i] = Math.min(Math.max(y[i], (float) low), (float) high);
        }
        return result(y, x.shape().dims());
    }
}
