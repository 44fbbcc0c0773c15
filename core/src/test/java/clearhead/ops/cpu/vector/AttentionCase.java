package clearhead.ops.cpu.vector;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/// Random attention of one sequence, with what double arithmetic and plain float arithmetic make of
/// it.
record AttentionCase(
        AttentionSpec spec, int queries, int context, Tensor query, Tensor key, Tensor value, Tensor dOut) {

    static AttentionCase random(
            Arena arena, long seed, int heads, int kvHeads, int headDim, Mask mask, int queries, int context) {
        var random = new Random(seed);
        var spec = new AttentionSpec(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), mask);
        return new AttentionCase(
                spec,
                queries,
                context,
                gaussian(arena, random, queries, heads, headDim),
                gaussian(arena, random, context, kvHeads, headDim),
                gaussian(arena, random, context, kvHeads, headDim),
                gaussian(arena, random, queries, heads, headDim));
    }

    static Tensor gaussian(Arena arena, Random random, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextGaussian());
        }
        return t;
    }

    KvView.Packed packed() {
        return new KvView.Packed(key, value, Sequences.one(context));
    }

    /// Results, row-major as in [clearhead.ops.Attended] and [clearhead.ops.Adjoints.Attention].
    record Results(double[] out, double[] lse, double[] dQuery, double[] dKey, double[] dValue) {}

    /// In double, or rounding to float after every operation.
    Results compute(boolean inFloat) {
        int heads = spec.heads();
        int dim = spec.headDim();
        double[] q = query.toDoubles();
        double[] k = key.toDoubles();
        double[] v = value.toDoubles();
        double[] g = dOut.toDoubles();
        var r = new Results(
                new double[q.length],
                new double[heads * queries],
                new double[q.length],
                new double[k.length],
                new double[v.length]);
        double[] p = new double[context];
        for (int h = 0; h < heads; h++) {
            int kv = spec.kvHead(h);
            for (int i = 0; i < queries; i++) {
                int qi = (i * heads + h) * dim;
                int position = context - queries + i;
                double max = Double.NEGATIVE_INFINITY;
                for (int j = 0; j < context; j++) {
                    p[j] = Double.NEGATIVE_INFINITY;
                    if (spec.mask().sees(0, h, i, position, j)) {
                        double s = dot(q, qi, k, (j * spec.kvHeads() + kv) * dim, dim, inFloat);
                        p[j] = round(s * round(spec.scale(), inFloat), inFloat);
                        max = Math.max(max, p[j]);
                    }
                }
                double sum = 0;
                for (int j = 0; j < context; j++) {
                    p[j] = p[j] == Double.NEGATIVE_INFINITY ? 0 : round(Math.exp(round(p[j] - max, inFloat)), inFloat);
                    sum = round(sum + p[j], inFloat);
                }
                r.lse[h * queries + i] = max + Math.log(sum);
                double delta = 0;
                for (int j = 0; j < context; j++) {
                    p[j] = sum == 0 ? 0 : round(p[j] / sum, inFloat);
                    int vj = (j * spec.kvHeads() + kv) * dim;
                    for (int d = 0; d < dim; d++) {
                        r.out[qi + d] = add(r.out[qi + d], p[j], v[vj + d], inFloat);
                        r.dValue[vj + d] = add(r.dValue[vj + d], p[j], g[qi + d], inFloat);
                    }
                }
                for (int d = 0; d < dim; d++) {
                    delta = add(delta, r.out[qi + d], g[qi + d], inFloat);
                }
                for (int j = 0; j < context; j++) {
                    int kj = (j * spec.kvHeads() + kv) * dim;
                    double dP = dot(g, qi, v, kj, dim, inFloat);
                    double dS = round(p[j] * round(dP - delta, inFloat), inFloat);
                    dS = round(dS * round(spec.scale(), inFloat), inFloat);
                    for (int d = 0; d < dim; d++) {
                        r.dQuery[qi + d] = add(r.dQuery[qi + d], dS, k[kj + d], inFloat);
                        r.dKey[kj + d] = add(r.dKey[kj + d], dS, q[qi + d], inFloat);
                    }
                }
            }
        }
        return r;
    }

    private static double dot(double[] a, int a0, double[] b, int b0, int n, boolean inFloat) {
        double sum = 0;
        for (int d = 0; d < n; d++) {
            sum = add(sum, a[a0 + d], b[b0 + d], inFloat);
        }
        return sum;
    }

    private static double add(double sum, double a, double b, boolean inFloat) {
        return inFloat ? (float) sum + (float) a * (float) b : sum + a * b;
    }

    private static double round(double x, boolean inFloat) {
        return inFloat ? (float) x : x;
    }

    static double maxError(double[] got, double[] want) {
        double error = 0;
        for (int i = 0; i < want.length; i++) {
            if (got[i] != want[i]) {
                double e = Math.abs(got[i] - want[i]);
                error = Math.max(error, Double.isNaN(e) ? Double.POSITIVE_INFINITY : e);
            }
        }
        return error;
    }
}
