package clearhead.inspect;

import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/// A rectangle of one head's pattern in float32, by the backend's own product and softmax, so that it
/// is as fast as attention itself.
///
/// Query and key get one element more, −lse and 1, so that their product is score − lse. Then one key
/// more is added, whose exponent is 0: softmax gives it 1/Σ, and every other weight over its own is
/// exp(score − lse).
final class PatternBlock {
    /// What a cell holds.
    enum What {
        SCORES,
        WEIGHTS,
        /// score − lse, whose exp is the weight
        EXPONENTS
    }

    private PatternBlock() {}

    /// @param norms a factor of every key's weights, [context]; empty for none
    /// @return [toQuery − fromQuery, toKey − fromKey], row-major; NaN where masked
    static float[] cells(
            PatternRows rows,
            Ops ops,
            int head,
            int fromQuery,
            int toQuery,
            int fromKey,
            int toKey,
            What what,
            double[] norms) {
        int queries = toQuery - fromQuery;
        int keys = toKey - fromKey;
        boolean causal = AttentionMap.causal(rows);
        // Keys that no query of the block sees are not computed.
        int seen = causal ? Math.clamp((long) rows.position(toQuery - 1) + 1 - fromKey, 0, keys) : keys;
        var cells = new float[Math.multiplyExact(queries, keys)];
        if (seen == 0) {
            Arrays.fill(cells, Float.NaN);
            return cells;
        }
        if (!plain(rows)) {
            return anyCells(rows, ops, head, fromQuery, queries, fromKey, keys, what, norms);
        }
        long mark = ops.workspace().mark();
        int width = what == What.WEIGHTS ? seen + 1 : seen;
        Tensor q = queries(rows, ops, head, fromQuery, queries, what != What.SCORES);
        Tensor k = keys(rows, ops, head, fromKey, seen, width, what != What.SCORES);
        Tensor exponents = ops.linear(q, k); // [queries, width]
        if (what == What.WEIGHTS) {
            IntStream.range(0, queries).parallel().forEach(r -> {
                long at = (long) r * width;
                exponents.set(at + seen, 0);
                eachHidden(
                        rows,
                        causal,
                        head,
                        fromQuery + r,
                        fromKey,
                        seen,
                        j -> exponents.set(at + j, Double.NEGATIVE_INFINITY));
            });
        }
        MemorySegment values = (what == What.WEIGHTS ? ops.softmax(exponents) : exponents).data();
        float[] factors = new float[norms.length == 0 ? 0 : seen];
        for (int j = 0; j < factors.length; j++) {
            factors[j] = (float) (what == What.EXPONENTS ? Math.log(norms[fromKey + j]) : norms[fromKey + j]);
        }
        IntStream.range(0, queries).parallel().forEach(r -> {
            int at = r * keys;
            MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, (long) r * width * 4, cells, at, seen);
            if (what == What.WEIGHTS) {
                float all = 1 / values.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * width + seen);
                for (int c = at; c < at + seen; c++) {
                    cells[c] *= all;
                }
            }
            for (int j = 0; j < factors.length; j++) {
                cells[at + j] = what == What.EXPONENTS ? cells[at + j] + factors[j] : cells[at + j] * factors[j];
            }
            eachHidden(rows, causal, head, fromQuery + r, fromKey, keys, j -> cells[at + j] = Float.NaN);
        });
        ops.workspace().release(mark);
        return cells;
    }

    /// Whether the score of a key that a query sees is q·k·scale, and the mask one of the two simple
    /// ones.
    static boolean plain(PatternRows rows) {
        var spec = rows.spec();
        boolean simple = spec.mask() instanceof Mask.Causal || spec.mask() instanceof Mask.Bidirectional;
        return simple && spec.hasPlainScores();
    }

    /// q·k of some queries and keys, [queries, keys].
    static MemorySegment products(
            PatternRows rows, Ops ops, int head, int fromQuery, int queries, int fromKey, int keys) {
        Tensor q = ops.workspace().take(DType.F32, queries, rows.spec().headDim());
        Tensor k = ops.workspace().take(DType.F32, keys, rows.spec().headDim());
        rows.copyQueries(head, fromQuery, q);
        rows.copyKeys(head, fromKey, k);
        return ops.linear(q, k).data();
    }

    /// For every kind of attention: each product becomes a score by the layer's own definition.
    private static float[] anyCells(
            PatternRows rows,
            Ops ops,
            int head,
            int fromQuery,
            int queries,
            int fromKey,
            int keys,
            What what,
            double[] norms) {
        var cells = new float[Math.multiplyExact(queries, keys)];
        long mark = ops.workspace().mark();
        MemorySegment products = products(rows, ops, head, fromQuery, queries, fromKey, keys);
        IntStream.range(0, queries).parallel().forEach(r -> {
            int query = fromQuery + r;
            double lse = rows.lse(head, query);
            for (int j = 0; j < keys; j++) {
                double product = products.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * keys + j);
                double score = rows.score(product, head, query, fromKey + j);
                double norm = norms.length == 0 ? 1 : norms[fromKey + j];
                double cell = switch (what) {
                    case SCORES -> score;
                    case WEIGHTS -> Math.exp(score - lse) * norm;
                    case EXPONENTS -> score - lse + Math.log(norm);
                };
                cells[r * keys + j] = score == Double.NEGATIVE_INFINITY ? Float.NaN : (float) cell;
            }
        });
        ops.workspace().release(mark);
        return cells;
    }

    /// @param withLse whether −lse comes after each query
    /// @return [queries, headDim] or [queries, headDim + 1], scaled
    private static Tensor queries(PatternRows rows, Ops ops, int head, int from, int queries, boolean withLse) {
        int headDim = rows.spec().headDim();
        Tensor q = ops.workspace().take(DType.F32, queries, headDim);
        rows.copyQueries(head, from, q);
        Tensor scaled = ops.scale(q, rows.spec().scale());
        if (!withLse) {
            return scaled;
        }
        Tensor longer = ops.workspace().take(DType.F32, queries, headDim + 1);
        for (int r = 0; r < queries; r++) {
            MemorySegment.copy(scaled.data(), r * headDim * 4L, longer.data(), r * (headDim + 1) * 4L, headDim * 4L);
            double lse = rows.lse(head, from + r);
            // A row that sees nothing has none, and no cell either.
            longer.set((long) r * (headDim + 1) + headDim, Double.isInfinite(lse) ? 0 : -lse);
        }
        return longer;
    }

    /// @param width rows of the result; those after `keys` are 0
    /// @return [width, headDim] or [width, headDim + 1], with a 1 after each key
    private static Tensor keys(PatternRows rows, Ops ops, int head, int from, int keys, int width, boolean withOne) {
        int headDim = rows.spec().headDim();
        Tensor k = ops.workspace().take(DType.F32, keys, headDim);
        rows.copyKeys(head, from, k);
        if (!withOne) {
            return k;
        }
        Tensor longer = ops.workspace().take(DType.F32, width, headDim + 1);
        longer.data().fill((byte) 0);
        for (int r = 0; r < keys; r++) {
            MemorySegment.copy(k.data(), r * headDim * 4L, longer.data(), r * (headDim + 1) * 4L, headDim * 4L);
            longer.set((long) r * (headDim + 1) + headDim, 1);
        }
        return longer;
    }

    /// Every key of the block that a query does not see.
    private static void eachHidden(
            PatternRows rows, boolean causal, int head, int query, int fromKey, int keys, IntConsumer key) {
        int position = rows.position(query);
        int visible = causal ? Math.clamp((long) position + 1 - fromKey, 0, keys) : keys;
        for (int j = visible; j < keys; j++) {
            key.accept(j);
        }
        for (int cut : rows.cutKeys(head, position)) {
            if (cut >= fromKey && cut - fromKey < keys) {
                key.accept(cut - fromKey);
            }
        }
    }
}
