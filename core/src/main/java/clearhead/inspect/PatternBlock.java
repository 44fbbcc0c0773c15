package clearhead.inspect;

import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// A rectangle of one head's pattern in float32, by the backend's own product and softmax, so that it
/// is as fast as attention itself. softmax over the rectangle's part of a row is the weights but for
/// one factor, exp(lse of the part − lse of the row).
final class PatternBlock {
    private PatternBlock() {}

    /// @param weights weights, or else scores
    /// @return [toQuery − fromQuery, toKey − fromKey], row-major; NaN where masked
    static float[] cells(
            PatternRows rows, Ops ops, int head, int fromQuery, int toQuery, int fromKey, int toKey, boolean weights) {
        int queries = toQuery - fromQuery;
        int keys = toKey - fromKey;
        Tensor q = ops.workspace().take(DType.F32, queries, rows.spec().headDim());
        Tensor k = ops.workspace().take(DType.F32, keys, rows.spec().headDim());
        rows.copyQueries(head, fromQuery, q);
        rows.copyKeys(head, fromKey, k);
        Tensor scores = ops.scale(ops.linear(q, k), rows.spec().scale()); // [queries, keys]
        mask(rows, head, scores, fromQuery, fromKey);
        float[] cells = (weights ? ops.softmax(scores) : scores).toFloats();
        for (int r = 0; r < queries; r++) {
            int at = r * keys;
            if (weights) {
                scale(cells, at, keys, scores, rows.lse(head, fromQuery + r));
            }
            int position = rows.position(fromQuery + r);
            if (AttentionMap.causal(rows)) {
                for (int j = Math.max(0, position + 1 - fromKey); j < keys; j++) {
                    cells[at + j] = Float.NaN;
                }
            }
            for (int key : rows.cutKeys(head, position)) {
                if (key >= fromKey && key < toKey) {
                    cells[at + key - fromKey] = Float.NaN;
                }
            }
        }
        return cells;
    }

    /// −∞ where a query may not look.
    private static void mask(PatternRows rows, int head, Tensor scores, int fromQuery, int fromKey) {
        int keys = scores.dim(1);
        for (int r = 0; r < scores.dim(0); r++) {
            int position = rows.position(fromQuery + r);
            long at = (long) r * keys;
            if (AttentionMap.causal(rows)) {
                for (int j = Math.max(0, position + 1 - fromKey); j < keys; j++) {
                    scores.set(at + j, Double.NEGATIVE_INFINITY);
                }
            }
            List<Integer> cut = rows.cutKeys(head, position);
            for (int key : cut) {
                if (key >= fromKey && key < fromKey + keys) {
                    scores.set(at + key - fromKey, Double.NEGATIVE_INFINITY);
                }
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
