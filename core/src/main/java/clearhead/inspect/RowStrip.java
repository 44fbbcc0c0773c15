package clearhead.inspect;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;

/// Some rows of one head, from key 0 on, in float32 by the backend's own product and softmax.
///
/// @param keys cells of a row; no row sees a key from here on
/// @param weights [queries, keys], 0 where masked
/// @param scores [queries, keys], −∞ where masked
record RowStrip(int keys, float[] weights, float[] scores) {
    static RowStrip of(PatternRows rows, Ops ops, int head, int fromQuery, int toQuery, int keys) {
        int queries = toQuery - fromQuery;
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
}
