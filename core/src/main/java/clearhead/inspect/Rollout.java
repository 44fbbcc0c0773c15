package clearhead.inspect;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Rows and columns of the attention rollout, without the [tokens, tokens] product: a row goes through
/// the layers from the last to the first, a column from the first to the last. Abnar and Zuidema 2020,
/// arXiv:2005.00928: Ã = (Ā + I)/2, Ā the mean over heads; its rows sum to 1 already. In float32.
final class Rollout {
    private static final int STRIP = 256;

    private final Run run;
    private final Ops ops;
    private final int layer;

    Rollout(Run run, Ops ops, int layer) {
        this.run = run;
        this.ops = ops;
        this.layer = layer;
    }

    /// Rows of the product with its right side strip by strip: rows·Ã = (rows·Ā + rows)/2.
    ///
    /// @return [to − from][to]
    float[][] rows(int from, int to) {
        int count = to - from;
        var rows = new float[count][to];
        for (int r = 0; r < count; r++) {
            rows[r][from + r] = 1;
        }
        for (int l = layer; l >= 0; l--) {
            var next = new float[count][to];
            for (int start = 0; start < to; start += STRIP) {
                int end = Math.min(to, start + STRIP);
                long mark = ops.workspace().mark();
                float[] product = product(rows, start, end, mean(l, start, end)); // [count, end]
                ops.workspace().release(mark);
                for (int r = 0; r < count; r++) {
                    for (int k = 0; k < end; k++) {
                        next[r][k] += product[r * end + k] / 2;
                    }
                    for (int k = start; k < end; k++) {
                        next[r][k] += rows[r][k] / 2;
                    }
                }
            }
            rows = next;
        }
        return rows;
    }

    /// Columns `start` to `end` of the rows, times those rows of a mean pattern: the weighted sum of
    /// attention, with rows of the pattern for values.
    ///
    /// @param mean [end − start, end]
    /// @return [rows, end]
    private float[] product(float[][] rows, int start, int end, float[] mean) {
        Tensor left = ops.workspace().take(DType.F32, 1, rows.length, end - start);
        for (int r = 0; r < rows.length; r++) {
            MemorySegment.copy(
                    rows[r], start, left.data(), ValueLayout.JAVA_FLOAT, r * (end - start) * 4L, end - start);
        }
        Tensor right = ops.workspace().take(DType.F32, end - start, 1, end);
        MemorySegment.copy(mean, 0, right.data(), ValueLayout.JAVA_FLOAT, 0, mean.length);
        var spec = new AttentionSpec(1, 1, end, 1, Mask.BIDIRECTIONAL);
        var view = new KvView.Packed(right, right, Sequences.one(end - start));
        return ops.weigh(left, view, 0, spec).toFloats();
    }

    /// @return [tokens]
    double[] column(int key) {
        int tokens = run.tokens();
        var column = new double[tokens];
        column[key] = 1;
        for (int l = 0; l <= layer; l++) {
            var next = new double[tokens];
            for (int start = key / STRIP * STRIP; start < tokens; start += STRIP) {
                int end = Math.min(tokens, start + STRIP);
                float[] mean = mean(l, start, end);
                for (int i = start; i < end; i++) {
                    double sum = column[i];
                    for (int j = key; j < end; j++) {
                        sum += mean[(i - start) * end + j] * column[j];
                    }
                    next[i] = sum / 2;
                }
            }
            column = next;
        }
        return column;
    }

    /// Mean over a layer's heads of rows `from` to `to`, keys before `to`; 0 where masked.
    private float[] mean(int l, int from, int to) {
        PatternRows pattern = run.pattern(l);
        int heads = pattern.spec().heads();
        float[] sum = new float[(to - from) * to];
        for (int head = 0; head < heads; head++) {
            float[] cells =
                    PatternBlock.cells(pattern, ops, head, from, to, 0, to, PatternBlock.What.WEIGHTS, new double[0]);
            for (int c = 0; c < sum.length; c++) {
                sum[c] += Float.isNaN(cells[c]) ? 0 : cells[c] / heads;
            }
        }
        return sum;
    }
}
