package clearhead.inspect;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/// A rectangle of one head's pattern in float32, by the backend's own product and softmax, so that it
/// is as fast as attention itself. softmax over the rectangle's part of a row is the weights but for
/// one factor, exp(lse of the part − lse of the row).
final class PatternBlock {
    /// What a cell holds.
    enum What {
        SCORES,
        WEIGHTS,
        /// score − lse, whose exp is the weight
        EXPONENTS
    }

    private PatternBlock() {}

    /// @return [toQuery − fromQuery, toKey − fromKey], row-major; NaN where masked
    static float[] cells(
            PatternRows rows, Ops ops, int head, int fromQuery, int toQuery, int fromKey, int toKey, What what) {
        int queries = toQuery - fromQuery;
        int keys = toKey - fromKey;
        long mark = ops.workspace().mark();
        Tensor q = ops.workspace().take(DType.F32, queries, rows.spec().headDim());
        Tensor k = ops.workspace().take(DType.F32, keys, rows.spec().headDim());
        rows.copyQueries(head, fromQuery, q);
        rows.copyKeys(head, fromKey, k);
        Tensor scores = ops.linear(ops.scale(q, rows.spec().scale()), k); // [queries, keys]
        boolean causal = AttentionMap.causal(rows);
        if (what == What.WEIGHTS) {
            for (int r = 0; r < queries; r++) {
                int row = r;
                eachHidden(
                        rows,
                        causal,
                        head,
                        fromQuery + r,
                        fromKey,
                        keys,
                        j -> scores.set((long) row * keys + j, Double.NEGATIVE_INFINITY));
            }
        }
        float[] cells = (what == What.WEIGHTS ? ops.softmax(scores) : scores).toFloats();
        IntStream.range(0, queries).parallel().forEach(r -> {
            int at = r * keys;
            double lse = rows.lse(head, fromQuery + r);
            switch (what) {
                case SCORES -> {}
                case WEIGHTS -> scale(cells, at, keys, scores, lse);
                case EXPONENTS -> {
                    for (int c = at; c < at + keys; c++) {
                        cells[c] -= (float) lse;
                    }
                }
            }
            eachHidden(rows, causal, head, fromQuery + r, fromKey, keys, j -> cells[at + j] = Float.NaN);
        });
        ops.workspace().release(mark);
        return cells;
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

    /// From softmax over this part of the row to the weights of the whole row.
    private static void scale(float[] cells, int at, int keys, Tensor scores, double lse) {
        int largest = at;
        for (int c = at + 1; c < at + keys; c++) {
            if (cells[c] > cells[largest]) {
                largest = c;
            }
        }
        if (!(cells[largest] > 0)) {
            return;
        }
        double part = scores.at(largest) - Math.log(cells[largest]);
        float factor = (float) Math.exp(part - lse);
        for (int c = at; c < at + keys; c++) {
            cells[c] *= factor;
        }
    }
}
