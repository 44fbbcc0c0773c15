package clearhead.inspect;

import clearhead.ops.Ops;

/// Rows and columns of the attention rollout, without the [tokens, tokens] product: a row goes through
/// the layers from the last to the first, a column from the first to the last. Abnar and Zuidema 2020,
/// arXiv:2005.00928: Ã = (Ā + I)/2, Ā the mean over heads; its rows sum to 1 already.
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

    /// @return [to − from][tokens]
    float[][] rows(int from, int to) {
        int tokens = run.tokens();
        var rows = new float[to - from][tokens];
        for (int r = 0; r < rows.length; r++) {
            rows[r][from + r] = 1;
        }
        for (int l = layer; l >= 0; l--) {
            var next = new float[rows.length][tokens];
            for (int start = 0; start < to; start += STRIP) {
                int end = Math.min(to, start + STRIP);
                float[] mean = mean(l, start, end); // [end − start, end]
                for (int r = 0; r < rows.length; r++) {
                    for (int j = start; j < end; j++) {
                        float share = rows[r][j] / 2;
                        if (share == 0) {
                            continue;
                        }
                        float[] into = next[r];
                        int at = (j - start) * end;
                        for (int k = 0; k < end; k++) {
                            into[k] += share * mean[at + k];
                        }
                        into[j] += share;
                    }
                }
            }
            rows = next;
        }
        return rows;
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
            long mark = ops.workspace().mark();
            float[] cells = PatternBlock.cells(pattern, ops, head, from, to, 0, to, PatternBlock.What.WEIGHTS);
            ops.workspace().release(mark);
            for (int c = 0; c < sum.length; c++) {
                sum[c] += Float.isNaN(cells[c]) ? 0 : cells[c] / heads;
            }
        }
        return sum;
    }
}
