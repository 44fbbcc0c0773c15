package clearhead.inspect;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/// Adds up the rows of one head as they stream by: what is kept is a few numbers a row. Rows may come in
/// any order and from several threads, and the sums are the same: they are taken at the end.
final class RowSums {
    /// What is known of a text before any head has been looked at.
    static final class Text {
        private final int[] ids;
        /// The latest earlier position of the same id, or −1.
        private final int[] before;
        private final boolean causal;

        Text(int[] ids, boolean causal) {
            this.ids = ids;
            this.causal = causal;
            before = new int[ids.length];
            var last = new java.util.HashMap<Integer, Integer>();
            for (int i = 0; i < ids.length; i++) {
                Integer earlier = last.put(ids[i], i);
                before[i] = earlier == null ? -1 : earlier;
            }
        }

        int tokens() {
            return ids.length;
        }

        /// Keys that the mask lets a query see.
        int keys(int query) {
            return causal ? query + 1 : ids.length;
        }

        /// Whether only one label knows the cell. Of a query i ≥ 1, a key j ≤ i.
        private boolean alone(int i, int j) {
            int fits = (j == i ? 1 : 0) + (j == i - 1 ? 1 : 0) + (j == 0 ? 1 : 0);
            fits += j < i && ids[j] == ids[i] ? 1 : 0;
            fits += j > 0 && ids[j - 1] == ids[i] ? 1 : 0;
            return fits == 1;
        }
    }

    private enum Column {
        PREVIOUS(HeadMetric.PREVIOUS_TOKEN),
        SELF(HeadMetric.SELF),
        FIRST(HeadMetric.FIRST_TOKEN),
        DUPLICATE(HeadMetric.DUPLICATE_TOKEN),
        INDUCTION(HeadMetric.INDUCTION),
        ENTROPY(HeadMetric.ENTROPY),
        ENTROPY_SHARE(HeadMetric.ENTROPY_SHARE),
        DISTANCE(HeadMetric.DISTANCE),
        MAX(HeadMetric.MAX_WEIGHT);

        final HeadMetric metric;

        Column(HeadMetric metric) {
            this.metric = metric;
        }
    }

    private static final Column[] COLUMNS = Column.values();
    private static final HeadLabel[] LABELS = HeadLabel.values();

    private final Text text;
    private final double[][] columns;
    private final double[][] labels;

    RowSums(Text text) {
        this.text = text;
        columns = new double[COLUMNS.length][text.tokens()];
        labels = new double[LABELS.length][text.tokens()];
        for (double[] column : columns) {
            Arrays.fill(column, Double.NaN);
        }
        for (double[] label : labels) {
            Arrays.fill(label, Double.NaN);
        }
    }

    /// One row of weights.
    ///
    /// @param scores of the same cells, from `at` on; −∞ where the query does not look
    /// @param lse of the row, so that a weight is exp(score − lse)
    /// @param cut keys that the query does not see though the mask lets it
    void row(int i, float[] weights, float[] scores, int at, double lse, int cut) {
        if (i == 0) {
            return;
        }
        int keys = text.keys(i);
        double largest = 0;
        double entropy = 0;
        double distance = 0;
        for (int j = 0; j < keys; j++) {
            double w = weights[at + j];
            largest = Math.max(largest, w);
            distance += w * Math.abs(i - j);
            entropy += w == 0 ? 0 : w * (lse - scores[at + j]);
        }
        set(Column.PREVIOUS, i, weights[at + i - 1]);
        set(Column.SELF, i, weights[at + i]);
        set(Column.FIRST, i, weights[at]);
        set(Column.ENTROPY, i, Math.max(0, entropy));
        if (keys - cut > 1) {
            set(Column.ENTROPY_SHARE, i, Math.max(0, entropy) / Math.log(keys - cut));
        }
        set(Column.DISTANCE, i, distance);
        set(Column.MAX, i, largest);
        repetitions(i, weights, at);
        position(HeadLabel.PREVIOUS_TOKEN, i, i - 1, weights, at);
        position(HeadLabel.FIRST_TOKEN, i, 0, weights, at);
        position(HeadLabel.SELF, i, i, weights, at);
    }

    private void set(Column column, int i, double value) {
        columns[column.ordinal()][i] = value;
    }

    private void position(HeadLabel label, int i, int j, float[] weights, int at) {
        if (text.alone(i, j)) {
            labels[label.ordinal()][i] = weights[at + j];
        }
    }

    private void repetitions(int i, float[] weights, int at) {
        for (int j = text.before[i]; j >= 0; j = text.before[j]) {
            add(columns[Column.DUPLICATE.ordinal()], i, weights[at + j]);
            if (text.alone(i, j)) {
                add(labels[HeadLabel.DUPLICATE_TOKEN.ordinal()], i, weights[at + j]);
            }
            if (j + 1 < i) {
                add(columns[Column.INDUCTION.ordinal()], i, weights[at + j + 1]);
                if (text.alone(i, j + 1)) {
                    add(labels[HeadLabel.INDUCTION.ordinal()], i, weights[at + j + 1]);
                }
            }
        }
    }

    private static void add(double[] sums, int i, double value) {
        sums[i] = Double.isNaN(sums[i]) ? value : sums[i] + value;
    }

    /// Means of the rows that exist.
    Map<HeadMetric, Double> means() {
        var means = new EnumMap<HeadMetric, Double>(HeadMetric.class);
        rows().forEach((metric, rows) -> {
            if (rows > 0) {
                means.put(metric, mean(columns[column(metric)], rows));
            }
        });
        return means;
    }

    private static int column(HeadMetric metric) {
        for (Column c : COLUMNS) {
            if (c.metric == metric) {
                return c.ordinal();
            }
        }
        throw new IllegalArgumentException(metric + " is not a mean of rows");
    }

    /// How many rows each mean is over.
    Map<HeadMetric, Integer> rows() {
        var rows = new EnumMap<HeadMetric, Integer>(HeadMetric.class);
        for (Column c : COLUMNS) {
            rows.put(c.metric, count(columns[c.ordinal()]));
        }
        return rows;
    }

    private static int count(double[] values) {
        int count = 0;
        for (double v : values) {
            count += Double.isNaN(v) ? 0 : 1;
        }
        return count;
    }

    private static double mean(double[] values, int rows) {
        double sum = 0;
        for (double v : values) {
            sum += Double.isNaN(v) ? 0 : v;
        }
        return sum / rows;
    }

    /// Evidence for every label.
    ///
    /// @param uniform the rows of a uniform head; may be these
    Map<HeadLabel, HeadLabel.Evidence> evidence(RowSums uniform) {
        var evidence = new EnumMap<HeadLabel, HeadLabel.Evidence>(HeadLabel.class);
        for (HeadLabel label : LABELS) {
            double[] own = labels[label.ordinal()];
            int rows = count(own);
            double[] flat = uniform.labels[label.ordinal()];
            evidence.put(
                    label,
                    rows == 0
                            ? new HeadLabel.Evidence(Double.NaN, Double.NaN, 0)
                            : new HeadLabel.Evidence(mean(own, rows), mean(flat, count(flat)), rows));
        }
        return evidence;
    }

    /// The sums of a head that gives every key it can see the same weight. Nothing is cut from it.
    static RowSums uniform(Text text) {
        var sums = new RowSums(text);
        var weights = new float[text.tokens()];
        var scores = new float[text.tokens()];
        for (int i = 0; i < text.tokens(); i++) {
            int keys = text.keys(i);
            Arrays.fill(weights, 0, keys, 1f / keys);
            sums.row(i, weights, scores, 0, Math.log(keys), 0);
        }
        return sums;
    }
}
