package clearhead.ops.cpu.reference;

import static clearhead.ops.cpu.reference.Rows.dot;
import static clearhead.ops.cpu.reference.Rows.read;
import static clearhead.ops.cpu.reference.Rows.write;

import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Dropout;
import clearhead.ops.KvView;
import clearhead.ops.ScoreStage;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.CacheRows;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.Arrays;
import java.util.Optional;

/// Attention, forward and backward, one row of scores at a time: softmax(q·kᵀ·scale + mask)·v, with
/// all that [AttentionSpec] adds to it. Vaswani et al. 2017, arXiv:1706.03762, eq. 1; backward from
/// the log-sum-exp as in FlashAttention-2, arXiv:2307.08691, algorithm 2.
final class Attention {
    private Attention() {}

    /// One head of one sequence's keys: [context][headDim].
    private static double[][] keys(KvView past, int sequence, int kvHead) {
        return switch (past) {
            case KvView.Packed(Tensor key, Tensor _, Sequences rows) -> packed(key, rows, sequence, kvHead);
            case KvView.Paged paged -> {
                var keys = new double[paged.length(sequence)][paged.keys().dim(2)];
                for (int k = paged.firstHeld(sequence); k < keys.length; k++) {
                    for (int i = 0; i < keys[k].length; i++) {
                        keys[k][i] = paged.key(sequence, kvHead, k, i);
                    }
                }
                yield keys;
            }
        };
    }

    /// One head of one sequence's values: [context][valueDim].
    private static double[][] values(KvView past, int sequence, int kvHead) {
        return switch (past) {
            case KvView.Packed(Tensor _, Tensor value, Sequences rows) -> packed(value, rows, sequence, kvHead);
            case KvView.Paged paged -> {
                var values = new double[paged.length(sequence)][paged.values().dim(3)];
                for (int k = paged.firstHeld(sequence); k < values.length; k++) {
                    for (int i = 0; i < values[k].length; i++) {
                        values[k][i] = paged.value(sequence, kvHead, k, i);
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

    /// Writes the last positions of each sequence.
    static void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        int kvHeads = key.dim(1);
        for (int s = 0; s < queries.count(); s++) {
            int first = past.length(s) - queries.length(s);
            for (int n = 0; n < queries.length(s); n++) {
                for (int h = 0; h < kvHeads; h++) {
                    long row = ((long) queries.start(s) + n) * kvHeads + h;
                    CacheRows.write(past, s, h, first + n, key, row * key.dim(2), value, row * value.dim(2));
                }
            }
        }
    }

    static Attended attention(Workspace workspace, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        int tokens = query.dim(0);
        int heads = spec.heads();
        Tensor out = workspace.take(query.type(), tokens, heads, spec.valueDim());
        Tensor lse = workspace.take(query.type(), heads, tokens);
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            int first = spec.alignment().first(s, queries.length(s), context);
            for (int h = 0; h < heads; h++) {
                double[][] keys = keys(past, s, spec.kvHead(h));
                double[][] values = values(past, s, spec.kvHead(h));
                for (int n = 0; n < queries.length(s); n++) {
                    int token = queries.start(s) + n;
                    double[] q = read(query, (long) token * heads + h, spec.headDim());
                    double[] row = new double[context];
                    for (int k = 0; k < context; k++) {
                        row[k] = spec.score(dot(q, keys[k]), s, h, n, first + n, k);
                    }
                    double sum = logSumExp(row, sink(spec, h));
                    lse.set((long) h * tokens + token, sum);
                    weights(row, sum);
                    drop(row, spec.dropout(), s, h, n);
                    write(out, (long) token * heads + h, weigh(row, values, spec.valueDim()));
                }
            }
        }
        return new Attended(out, lse);
    }

    /// The head's sink, −∞ where there is none.
    private static double sink(AttentionSpec spec, int head) {
        return spec.sinks().isPresent() ? spec.sinks().get().at(head) : Double.NEGATIVE_INFINITY;
    }

    private static double logSumExp(double[] scores, double sink) {
        if (sink == Double.NEGATIVE_INFINITY) {
            return Softmax.logSumExp(scores);
        }
        double[] all = Arrays.copyOf(scores, scores.length + 1);
        all[scores.length] = sink;
        return Softmax.logSumExp(all);
    }

    /// exp(score − lse) in place; 0 where the score is −∞, even if nothing is seen.
    private static void weights(double[] scores, double lse) {
        for (int k = 0; k < scores.length; k++) {
            scores[k] = scores[k] == Double.NEGATIVE_INFINITY ? 0 : Math.exp(scores[k] - lse);
        }
    }

    private static void drop(double[] weights, Dropout dropout, int sequence, int head, int query) {
        if (dropout.isNone()) {
            return;
        }
        int row = dropout.row(sequence, head, query);
        for (int k = 0; k < weights.length; k++) {
            weights[k] = dropout.keeps(row, k) ? weights[k] / (1 - dropout.probability()) : 0;
        }
    }

    /// With p = exp(score − lse), f what dropout multiplies it by, and delta = Σ dOut·out:
    /// dValue = Σ p·f·dOut; dScore = p·(f·dOut·v − delta); dProduct = dScore·(score by product);
    /// dQuery = Σ dProduct·k; dKey = Σ dProduct·q; dBias = Σ dScore; dSink = −Σ exp(sink − lse)·delta.
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
        Tensor dQuery = workspace.take(query.type(), query.shape());
        Tensor dKey = workspace.take(past.key().type(), past.key().shape());
        Tensor dValue = workspace.take(past.value().type(), past.value().shape());
        int keyRows = past.key().dim(0) * spec.kvHeads();
        var keySums = new double[keyRows][spec.headDim()];
        var valueSums = new double[keyRows][spec.valueDim()];
        var sinkSums = new double[heads];
        var biasSums = new BiasSums(spec.bias());
        for (int s = 0; s < queries.count(); s++) {
            int context = past.length(s);
            int first = spec.alignment().first(s, queries.length(s), context);
            for (int h = 0; h < heads; h++) {
                double[][] keys = keys(past, s, spec.kvHead(h));
                double[][] values = values(past, s, spec.kvHead(h));
                for (int n = 0; n < queries.length(s); n++) {
                    int token = queries.start(s) + n;
                    long row = (long) token * heads + h;
                    double[] q = read(query, row, spec.headDim());
                    double[] d = read(dOut, row, spec.valueDim());
                    double delta = dot(d, read(forward.out(), row, spec.valueDim()));
                    double lse = forward.lse().at((long) h * tokens + token);
                    double[] factors = new double[context];
                    Arrays.fill(factors, 1);
                    drop(factors, spec.dropout(), s, h, n);
                    var dq = new double[spec.headDim()];
                    for (int k = 0; k < context; k++) {
                        double product = dot(q, keys[k]);
                        double score = spec.score(product, s, h, n, first + n, k);
                        if (score == Double.NEGATIVE_INFINITY) {
                            continue;
                        }
                        int keyRow = (past.rows().start(s) + k) * spec.kvHeads() + spec.kvHead(h);
                        double p = Math.exp(score - lse);
                        double along = factors[k] == 0 ? 0 : factors[k] * dot(d, values[k]);
                        double dScore = p * (along - delta);
                        double dProduct = dScore * spec.slope(product, s, h, first + n, k);
                        biasSums.add(s, h, n, first + n, k, dScore);
                        for (int i = 0; i < d.length; i++) {
                            valueSums[keyRow][i] += p * factors[k] * d[i];
                        }
                        for (int i = 0; i < q.length; i++) {
                            dq[i] += dProduct * keys[k][i];
                            keySums[keyRow][i] += dProduct * q[i];
                        }
                    }
                    if (sink(spec, h) != Double.NEGATIVE_INFINITY) {
                        sinkSums[h] -= Math.exp(sink(spec, h) - lse) * delta;
                    }
                    write(dQuery, row, dq);
                }
            }
        }
        for (int row = 0; row < keyRows; row++) {
            write(dKey, row, keySums[row]);
            write(dValue, row, valueSums[row]);
        }
        Optional<Tensor> dSinks = spec.sinks().map(sinks -> {
            Tensor sums = workspace.take(query.type(), heads);
            write(sums, 0, sinkSums);
            return sums;
        });
        return new Adjoints.Attention(dQuery, dKey, dValue, dSinks, biasSums.take(workspace, query.type()));
    }

    /// [heads, queries, context]
    static Tensor scores(
            Workspace workspace, Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage) {
        int queries = query.dim(0);
        int context = past.length(sequence);
        int first = spec.alignment().first(sequence, queries, context);
        Tensor scores = workspace.take(query.type(), spec.heads(), queries, context);
        for (int h = 0; h < spec.heads(); h++) {
            double[][] keys = keys(past, sequence, spec.kvHead(h));
            for (int n = 0; n < queries; n++) {
                double[] q = read(query, (long) n * spec.heads() + h, spec.headDim());
                var row = new double[context];
                for (int k = 0; k < context; k++) {
                    double product = dot(q, keys[k]);
                    row[k] = switch (stage) {
                        case PRODUCT -> product;
                        case SCALED -> product * spec.scale();
                        case CAPPED -> spec.capped(product * spec.scale());
                        case BIASED -> spec.score(product, sequence, h, n, first + n, k);
                    };
                }
                write(scores, (long) h * queries + n, row);
            }
        }
        return scores;
    }

    /// [queries, heads, valueDim]
    static Tensor weigh(Workspace workspace, Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        int queries = pattern.dim(1);
        int context = pattern.dim(2);
        Tensor out = workspace.take(pattern.type(), queries, spec.heads(), spec.valueDim());
        for (int h = 0; h < spec.heads(); h++) {
            double[][] values = values(past, sequence, spec.kvHead(h));
            for (int n = 0; n < queries; n++) {
                double[] row = read(pattern, (long) h * queries + n, context);
                write(out, (long) n * spec.heads() + h, weigh(row, values, spec.valueDim()));
            }
        }
        return out;
    }

    /// Σ weight·value. A weight of zero adds nothing, whatever lies at its key.
    private static double[] weigh(double[] weights, double[][] values, int valueDim) {
        var sum = new double[valueDim];
        for (int k = 0; k < weights.length; k++) {
            if (weights[k] == 0) {
                continue;
            }
            for (int i = 0; i < valueDim; i++) {
                sum[i] += weights[k] * values[k][i];
            }
        }
        return sum;
    }
}
