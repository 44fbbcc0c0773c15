package clearhead.inspect;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Some rows of one head, from key 0 on, in float32 by the backend's own product and softmax.
///
/// @param keys cells of a row; no row sees a key from here on
/// @param weights [queries, keys], 0 where masked
/// @param scores [queries, keys], −∞ where masked
record RowStrip(int keys, float[] weights, float[] scores) {
    static RowStrip of(PatternRows rows, Ops ops, int head, int fromQuery, int toQuery, int keys) {
        int queries = toQuery - fromQuery;
        if (!PatternBlock.plain(rows) || rows.spec().sinks().isPresent()) {
            return any(rows, ops, head, fromQuery, queries, keys);
        }
        Tensor q = ops.workspace().take(DType.F32, queries, rows.spec().headDim());
        Tensor k = ops.workspace().take(DType.F32, keys, rows.spec().headDim());
        rows.copyQueries(head, fromQuery, q);
        rows.copyKeys(head, 0, k);
        Tensor scores = ops.linear(ops.scale(q, rows.spec().scale()), k); // [queries, keys]
        boolean causal = AttentionMap.causal(rows);
        for (int r = 0; r < queries; r++) {
            int position = rows.position(fromQuery + r);
            long at = (long) r * keys;
            for (int j = causal ? position + 1 : keys; j < keys; j++) {
                scores.set(at + j, Double.NEGATIVE_INFINITY);
            }
            for (int cut : rows.cutKeys(head, position)) {
                scores.set(at + cut, Double.NEGATIVE_INFINITY);
            }
        }
        float[] weights = ops.softmax(scores).toFloats();
        float[] all = scores.toFloats();
        for (int r = 0; r < queries; r++) {
            if (!rows.cutKeys(head, rows.position(fromQuery + r)).isEmpty()) {
                // A row that is not renormalised does not sum to 1.
                double lse = rows.lse(head, fromQuery + r);
                for (int c = r * keys; c < (r + 1) * keys; c++) {
                    weights[c] = all[c] == Float.NEGATIVE_INFINITY ? 0 : (float) Math.exp(all[c] - lse);
                }
            }
        }
        return new RowStrip(keys, weights, all);
    }

    /// For every kind of attention: each product becomes a score by the layer's own definition.
    private static RowStrip any(PatternRows rows, Ops ops, int head, int fromQuery, int queries, int keys) {
        MemorySegment products = PatternBlock.products(rows, ops, head, fromQuery, queries, 0, keys);
        var scores = new float[queries * keys];
        var weights = new float[queries * keys];
        for (int r = 0; r < queries; r++) {
            double lse = rows.lse(head, fromQuery + r);
            for (int j = 0; j < keys; j++) {
                int at = r * keys + j;
                double product = products.getAtIndex(ValueLayout.JAVA_FLOAT, at);
                double score = rows.score(product, head, fromQuery + r, j);
                scores[at] = (float) score;
                weights[at] = score == Double.NEGATIVE_INFINITY ? 0 : (float) Math.exp(score - lse);
            }
        }
        return new RowStrip(keys, weights, scores);
    }
}
