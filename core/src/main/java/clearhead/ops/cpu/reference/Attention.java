package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Attention, forward and backward, one row of scores at a time: softmax(q·kᵀ·scale + mask)·v.
/// Vaswani et al. 2017, arXiv:1706.03762, eq. 1; backward from the log-sum-exp as in FlashAttention-2,
/// arXiv:2307.08691, algorithm 2.
final class Attention {
    private Attention() {}

    /// One head of one sequence's keys: [context][headDim].
    private static double[][] keys(KvView past, int sequence, int kvHead) {
        return switch (past) {
            case KvView.Packed(Tensor key, Tensor _, Sequences rows) -> packed(key, rows, sequence, kvHead);
            case KvView.Paged paged -> {
                var keys = new double[paged.length(sequence)][paged.keys().dim(2)];
                for (int k = 0; k < keys.length; k++) {
                    for (int i = 0; i < keys[k].length; i++) {
                        keys[k][i] = paged.keys().at(keyIndex(paged, sequence, kvHead, k, i));
                    }
                }
                yield keys;
            }
        };
    }

    /// One head of one sequence's values: [context][headDim].
    private static double[][] values(KvView past, int sequence, int kvHead) {
        return switch (past) {
            case KvView.Packed(Tensor _, Tensor value, Sequences rows) -> packed(value, rows, sequence, kvHead);
            case KvView.Paged paged -> {
                var values = new double[paged.length(sequence)][paged.values().dim(3)];
                for (int k = 0; k < values.length; k++) {
                    for (int i = 0; i < values[k].length; i++) {
                        values[k][i] = paged.values().at(valueIndex(paged, sequence, kvHead, k, i));
                    }
                }
                yield values;
            }
        };
    }

    private static double[][] packed(Tensor t, Sequences rows, int sequence, int kvHead) {
        var heads = new double[rows.length(sequence)][];
        for (int k = 0; k < heads.length; k++) {
            long row = (long) rows.start(sequence) + k;
            heads[k] = read(t, row * t.dim(1) + kvHead, t.dim(2));
        }
        return heads;
    }

    /// keys [pages, kvHeads, headDim, PAGE]
    private static long keyIndex(KvView.Paged past, int sequence, int kvHead, int position, int i) {
        long page = past.table()[sequence][position / KvView.PAGE];
        long row = (page * past.keys().dim(1) + kvHead) * past.keys().dim(2) + i;
        return row * KvView.PAGE + position % KvView.PAGE;
    }

    /// values [pages, kvHeads, PAGE, headDim]
    private static long valueIndex(KvView.Paged past, int sequence, int kvHead, int position, int i) {
        long page = past.table()[sequence][position / KvView.PAGE];
        long row = (page * past.values().dim(1) + kvHead) * KvView.PAGE + position % KvView.PAGE;
        return row * past.values().dim(3) + i;
    }

    /// Writes the last positions of each sequence.
    static void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        int kvHeads = key.dim(1);
        int headDim = key.dim(2);
        for (int s = 0; s < queries.count(); s++) {
            int first = past.length(s) - queries.length(s);
            for (int n = 0; n < queries.length(s); n++) {
                for (int h = 0; h < kvHeads; h++) {
                    long row = ((long) queries.start(s) + n) * kvHeads + h;
                    for (int i = 0; i < headDim; i++) {
                        past.keys().set(keyIndex(past, s, h, first + n, i), key.at(row * headDim + i));
                        past.values().set(valueIndex(past, s, h, first + n, i), value.at(row * headDim + i));
                    }
                }
            }
        }
    }

    static Attended attention(Workspace workspace, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        int tokens = query.dim(0);
        int heads = spec.heads();
        Tensor out = workspace.take(query.type(), tokens, heads, spec.headDim());
        Tensor lse = workspace.take(query.type(), heads, tokens);
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            for (int h = 0; h < heads; h++) {
                double[][] keys = keys(past, s, spec.kvHead(h));
                double[][] values = values(past, s, spec.kvHead(h));
                for (int n = 0; n < queries.length(s); n++) {
                    int token = queries.start(s) + n;
                    int position = context - queries.length(s) + n;
                    double[] q = read(query, (long) token * heads + h, spec.headDim());
                    double[] row = scores(q, keys, context, position, spec);
                    lse.set((long) h * tokens + token, Softmax.logSumExp(row));
                    Softmax.normalize(row);
                    write(out, (long) token * heads + h, weigh(row, values, spec.headDim()));
                }
            }
        }
        return new Attended(out, lse);
    }

    /// With p = exp(score − lse) and delta = Σ dOut·out:
    /// dValue = Σ p·dOut; dScore = p·(dOut·v − delta)·scale; dQuery = Σ dScore·k; dKey = Σ dScore·q.
    static Adjoints.Attention attentionAdjoint(
            Workspace workspace,
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut) {
        int tokens = query.dim(0);
        int heads = spec.heads();
        int headDim = spec.headDim();
        Tensor dQuery = workspace.take(query.type(), query.shape());
        Tensor dKey = workspace.take(past.key().type(), past.key().shape());
        Tensor dValue = workspace.take(past.value().type(), past.value().shape());
        int keyRows = past.key().dim(0) * spec.kvHeads();
        var keySums = new double[keyRows][headDim];
        var valueSums = new double[keyRows][headDim];
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            for (int h = 0; h < heads; h++) {
                double[][] keys = keys(past, s, spec.kvHead(h));
                double[][] values = values(past, s, spec.kvHead(h));
                for (int n = 0; n < queries.length(s); n++) {
                    int token = queries.start(s) + n;
                    int position = context - queries.length(s) + n;
                    long row = (long) token * heads + h;
                    double[] q = read(query, row, headDim);
                    double[] d = read(dOut, row, headDim);
                    double delta = dot(d, read(forward.out(), row, headDim));
                    double lse = forward.lse().at((long) h * tokens + token);
                    double[] scores = scores(q, keys, context, position, spec);
                    var dq = new double[headDim];
                    for (int k = 0; k < context; k++) {
                        if (scores[k] == Double.NEGATIVE_INFINITY) {
                            continue;
                        }
                        int keyRow = (past.rows().start(s) + k) * spec.kvHeads() + spec.kvHead(h);
                        double p = Math.exp(scores[k] - lse);
                        double dScore = p * (dot(d, values[k]) - delta) * spec.scale();
                        for (int i = 0; i < headDim; i++) {
                            valueSums[keyRow][i] += p * d[i];
                            dq[i] += dScore * keys[k][i];
                            keySums[keyRow][i] += dScore * q[i];
                        }
                    }
                    write(dQuery, row, dq);
                }
            }
        }
        for (int row = 0; row < keyRows; row++) {
            write(dKey, row, keySums[row]);
            write(dValue, row, valueSums[row]);
        }
        return new Adjoints.Attention(dQuery, dKey, dValue);
    }

    /// [heads, queries, context]
    static Tensor scores(Workspace workspace, Tensor query, KvView past, int sequence, AttentionSpec spec) {
        int queries = query.dim(0);
        int context = past.length(sequence);
        Tensor scores = workspace.take(query.type(), spec.heads(), queries, context);
        for (int h = 0; h < spec.heads(); h++) {
            double[][] keys = keys(past, sequence, spec.kvHead(h));
            for (int n = 0; n < queries; n++) {
                double[] q = read(query, (long) n * spec.heads() + h, spec.headDim());
                double[] row = scores(q, keys, context, context - queries + n, spec);
                write(scores, (long) h * queries + n, row);
            }
        }
        return scores;
    }

    /// [queries, heads, headDim]
    static Tensor weigh(Workspace workspace, Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        int queries = pattern.dim(1);
        int context = pattern.dim(2);
        Tensor out = workspace.take(pattern.type(), queries, spec.heads(), spec.headDim());
        for (int h = 0; h < spec.heads(); h++) {
            double[][] values = values(past, sequence, spec.kvHead(h));
            for (int n = 0; n < queries; n++) {
                double[] row = read(pattern, (long) h * queries + n, context);
                write(out, (long) n * spec.heads() + h, weigh(row, values, spec.headDim()));
            }
        }
        return out;
    }

    /// q·k·scale for every key, −∞ where the query at `position` must not look.
    private static double[] scores(double[] q, double[][] keys, int context, int position, AttentionSpec spec) {
        var scores = new double[context];
        for (int k = 0; k < context; k++) {
            if (!spec.mask().sees(position, k)) {
                scores[k] = Double.NEGATIVE_INFINITY;
                continue;
            }
            scores[k] = dot(q, keys[k]) * spec.scale();
        }
        return scores;
    }

    /// Σ weight·value. A weight of zero adds nothing, whatever lies at its key.
    private static double[] weigh(double[] weights, double[][] values, int headDim) {
        var sum = new double[headDim];
        for (int k = 0; k < weights.length; k++) {
            if (weights[k] == 0) {
                continue;
            }
            for (int i = 0; i < headDim; i++) {
                sum[i] += weights[k] * values[k][i];
            }
        }
        return sum;
    }
}
