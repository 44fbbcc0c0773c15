package clearhead.inspect;

import clearhead.ops.Mask;
import clearhead.ops.Ops;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// A matrix of attention, query rows by key columns, computed from queries, keys and lse where somebody
/// looks: exact rows and columns in double precision, and tiles of a pyramid in float32, for maps.
/// Nothing is kept, and a few million cells are made at a time. Masked cells are NaN.
///
/// Where units are words or sentences, the weights of a unit's keys are added up and those of its
/// queries averaged; scores are averaged over both.
public final class AttentionMap {
    /// Cells along each side of a tile.
    public static final int TILE = 256;

    /// Tokens up to which a rollout is computed: each of its rows costs tokens² steps a layer.
    public static final int ROLLOUT_TOKENS = 4096;

    /// Tokens of a block: four million cells at most are made at a time.
    private static final int ROWS = 1024;

    private static final int COLUMNS = 4096;

    /// What a cell shows.
    public enum Kind {
        /// softmax(q·k·scale)
        WEIGHTS,
        /// q·k·scale
        SCORES,
        /// weight·‖v·Wo‖ of the head: how much is moved, not only how much is looked at. Kobayashi et
        /// al. 2020, arXiv:2004.10102, section 3.
        VALUE
    }

    /// How cells become one.
    public enum Pool {
        /// The largest: spikes stay.
        MAX,
        /// The mean of those that are not masked: mass stays.
        MEAN
    }

    private final Run run;
    private final Heads of;
    private final Kind kind;
    private final Units units;

    /// @param units of the run's tokens
    public AttentionMap(Run run, Heads of, Kind kind, Units units) {
        if (units.of().length != run.tokens()) {
            throw new IllegalArgumentException(
                    "units of " + units.of().length + " tokens for a run of " + run.tokens());
        }
        if (of instanceof Heads.Rollout) {
            if (kind != Kind.WEIGHTS) {
                throw new IllegalArgumentException("a rollout is made of weights: it has no scores or values");
            }
            if (run.tokens() > ROLLOUT_TOKENS) {
                throw new IllegalArgumentException("a rollout of " + run.tokens() + " tokens would take "
                        + run.tokens() + "² steps a layer for every row; it is computed up to " + ROLLOUT_TOKENS
                        + " tokens: take the mean over the heads, or a shorter text");
            }
        }
        this.run = run;
        this.of = of;
        this.kind = kind;
        this.units = units;
    }

    /// Rows and columns: units of the text.
    public int size() {
        return units.count();
    }

    /// What one query unit looks at.
    ///
    /// @return [units]; NaN where masked
    public double[] row(Ops ops, int query) {
        require(query);
        int from = units.starts()[query];
        int to = units.starts()[query + 1];
        var sums = new double[size()];
        Arrays.fill(sums, Double.NaN);
        var seen = new int[size()];
        double[][] rows = of instanceof Heads.Rollout(int layer)
                ? widened(new Rollout(run, ops, layer).rows(from, to), from)
                : null;
        for (int i = from; i < to; i++) {
            double[] row = rows == null ? tokenRow(ops, i) : rows[i - from];
            for (int j = 0; j < row.length; j++) {
                if (!Double.isNaN(row[j])) {
                    int unit = units.of()[j];
                    sums[unit] = (seen[unit]++ == 0 ? 0 : sums[unit]) + row[j];
                }
            }
        }
        for (int unit = 0; unit < sums.length; unit++) {
            sums[unit] /= kind == Kind.SCORES ? seen[unit] : to - from;
        }
        return sums;
    }

    /// Who looks at one key unit.
    ///
    /// @return [units]; NaN where masked
    public double[] column(Ops ops, int key) {
        require(key);
        int from = units.starts()[key];
        int to = units.starts()[key + 1];
        var result = new double[size()];
        Arrays.fill(result, Double.NaN);
        var seen = new int[size()];
        for (int j = from; j < to; j++) {
            double[] column = tokenColumn(ops, j);
            for (int i = 0; i < column.length; i++) {
                if (!Double.isNaN(column[i])) {
                    int unit = units.of()[i];
                    result[unit] = (seen[unit]++ == 0 ? 0 : result[unit]) + column[i];
                }
            }
        }
        for (int unit = 0; unit < result.length; unit++) {
            int rows = units.starts()[unit + 1] - units.starts()[unit];
            result[unit] /= kind == Kind.SCORES ? seen[unit] : rows;
        }
        return result;
    }

    private void require(int unit) {
        if (unit < 0 || unit >= size()) {
            throw new IllegalArgumentException("position " + unit + " is none of 0 to " + (size() - 1));
        }
    }

    private double[] tokenRow(Ops ops, int i) {
        List<Heads.Head> heads = ((Heads.Mean) of).heads();
        var sum = new double[run.tokens()];
        for (Heads.Head head : heads) {
            PatternRows pattern = run.pattern(head.layer());
            AttentionRow row = pattern.row(head.head(), i);
            double[] norms = kind == Kind.VALUE ? run.valueNorms(ops, head.layer())[head.head()] : new double[0];
            for (int j = 0; j < sum.length; j++) {
                double cell = switch (kind) {
                    case WEIGHTS -> row.weights()[j];
                    case SCORES -> row.scores()[j];
                    case VALUE -> row.weights()[j] * norms[j];
                };
                sum[j] += row.scores()[j] == Double.NEGATIVE_INFINITY ? Double.NaN : cell / heads.size();
            }
        }
        return sum;
    }

    private double[] tokenColumn(Ops ops, int j) {
        if (of instanceof Heads.Rollout(int layer)) {
            double[] column = new Rollout(run, ops, layer).column(j);
            Arrays.fill(column, 0, j, Double.NaN);
            return column;
        }
        List<Heads.Head> heads = ((Heads.Mean) of).heads();
        var sum = new double[run.tokens()];
        for (Heads.Head head : heads) {
            PatternRows pattern = run.pattern(head.layer());
            double norm = kind == Kind.VALUE ? run.valueNorms(ops, head.layer())[head.head()][j] : 1;
            double[] scores = pattern.column(head.head(), j);
            for (int i = 0; i < sum.length; i++) {
                double cell =
                        kind == Kind.SCORES ? scores[i] : Math.exp(scores[i] - pattern.lse(head.head(), i)) * norm;
                sum[i] += scores[i] == Double.NEGATIVE_INFINITY ? Double.NaN : cell / heads.size();
            }
        }
        return sum;
    }

    private static double[][] widened(float[][] rows, int from) {
        var wide = new double[rows.length][];
        for (int r = 0; r < rows.length; r++) {
            wide[r] = new double[rows[r].length];
            for (int j = 0; j < rows[r].length; j++) {
                wide[r][j] = j > from + r ? Double.NaN : rows[r][j];
            }
        }
        return wide;
    }

    /// One tile of the pyramid. On level n a value stands for 2ⁿ × 2ⁿ cells; level 0 is the matrix itself.
    ///
    /// @param x tile column: keys from x·256·2ⁿ
    /// @param y tile row: queries from y·256·2ⁿ
    /// @return [256, 256], row-major; NaN where all is masked, or outside
    public float[] tile(Ops ops, int level, int x, int y, Pool pool) {
        if (level < 0 || level > 30 - 8 || x < 0 || y < 0) {
            throw new IllegalArgumentException("there is no tile " + level + "/" + x + "/" + y);
        }
        long side = (long) TILE << level;
        int fromRow = (int) Math.min(size(), y * side);
        int toRow = (int) Math.min(size(), (y + 1) * side);
        int fromColumn = (int) Math.min(size(), x * side);
        int toColumn = (int) Math.min(size(), (x + 1) * side);
        return pooled(
                ops,
                fromRow,
                toRow,
                fromColumn,
                toColumn,
                r -> (r - fromRow) >> level,
                c -> (c - fromColumn) >> level,
                TILE,
                pool);
    }

    /// The whole matrix, made small by the largest of the cells.
    ///
    /// @param side at most; where the text has fewer units, one value a cell and NaN after them
    /// @return [side, side], row-major
    public float[] thumbnail(Ops ops, int side) {
        int cells = Math.min(side, size());
        IntUnaryOperator cell = u -> (int) ((long) u * cells / size());
        return pooled(ops, 0, size(), 0, size(), cell, cell, side, Pool.MAX);
    }

    /// Cells of a rectangle of units, pooled into `side` × `side` values, block by block: what a block's
    /// queries cannot see is left out.
    private float[] pooled(
            Ops ops,
            int fromRow,
            int toRow,
            int fromColumn,
            int toColumn,
            IntUnaryOperator rowCell,
            IntUnaryOperator columnCell,
            int side,
            Pool pool) {
        var pooling = new Pooling(side, pool, exponents(pool));
        int[] rows = blocks(fromRow, toRow, ROWS);
        int[] columns = blocks(fromColumn, toColumn, COLUMNS);
        for (int r = 0; r < rows.length - 1; r++) {
            for (int c = 0; c < columns.length - 1; c++) {
                if (hidden(units.starts()[rows[r + 1]] - 1, units.starts()[columns[c]])) {
                    break;
                }
                var block = new Block(rows[r], rows[r + 1], columns[c], columns[c + 1]);
                float[] cells = cells(ops, block, pooling.exponents());
                int cell = rowCell.applyAsInt(block.fromRow);
                int lastCell = rowCell.applyAsInt(block.toRow - 1);
                var cellOf = new int[block.toColumn - block.fromColumn];
                Arrays.setAll(cellOf, n -> columnCell.applyAsInt(block.fromColumn + n));
                // Rows of one cell stay on one thread.
                IntStream.rangeClosed(cell, lastCell).parallel().forEach(at -> {
                    var line = new float[cellOf.length];
                    for (int row = block.fromRow; row < block.toRow; row++) {
                        if (rowCell.applyAsInt(row) == at) {
                            merge(cells, block, row, line);
                            pooling.add(at, line, cellOf);
                        }
                    }
                });
            }
        }
        return pooling.result();
    }

    /// Whether the weights of a block are left as exponents, since exp keeps the order of the largest.
    private boolean exponents(Pool pool) {
        return pool == Pool.MAX
                && kind == Kind.WEIGHTS
                && size() == run.tokens()
                && of instanceof Heads.Mean(String _, List<Heads.Head> heads)
                && heads.size() == 1;
    }

    /// Whether no query up to `lastQuery` sees a key from `firstKey` on.
    private boolean hidden(int lastQuery, int firstKey) {
        return firstKey > lastQuery && causal(run.pattern(0));
    }

    /// Bounds of stretches of whole units, each of at most `tokens` tokens where a unit is not longer.
    private int[] blocks(int from, int to, int tokens) {
        var bounds = IntStream.builder().add(from);
        int start = from;
        for (int unit = from + 1; unit < to; unit++) {
            if (units.starts()[unit + 1] - units.starts()[start] > tokens) {
                bounds.add(unit);
                start = unit;
            }
        }
        if (to > from) {
            bounds.add(to);
        }
        return bounds.build().toArray();
    }

    /// A rectangle of units.
    private record Block(int fromRow, int toRow, int fromColumn, int toColumn) {}

    /// One row of units from the rows of its tokens.
    private void merge(float[] cells, Block block, int row, float[] line) {
        int firstQuery = units.starts()[block.fromRow];
        int firstKey = units.starts()[block.fromColumn];
        int keys = units.starts()[block.toColumn] - firstKey;
        int from = units.starts()[row];
        int to = units.starts()[row + 1];
        if (to - from == 1 && line.length == keys) {
            System.arraycopy(cells, (from - firstQuery) * keys, line, 0, keys);
            return;
        }
        var count = new int[line.length];
        Arrays.fill(line, Float.NaN);
        for (int i = from; i < to; i++) {
            int at = (i - firstQuery) * keys;
            for (int j = 0; j < keys; j++) {
                float value = cells[at + j];
                if (!Float.isNaN(value)) {
                    int c = units.of()[firstKey + j] - block.fromColumn;
                    line[c] = count[c]++ == 0 ? value : line[c] + value;
                }
            }
        }
        for (int c = 0; c < line.length; c++) {
            line[c] /= kind == Kind.SCORES ? count[c] : to - from;
        }
    }

    /// Cells of a rectangle of tokens.
    ///
    /// @param exponents whether weights are left as their logarithms
    /// @return [queries, keys]; NaN where masked
    private float[] cells(Ops ops, Block block, boolean exponents) {
        int fromQuery = units.starts()[block.fromRow];
        int toQuery = units.starts()[block.toRow];
        int fromKey = units.starts()[block.fromColumn];
        int toKey = units.starts()[block.toColumn];
        int keys = toKey - fromKey;
        if (of instanceof Heads.Rollout(int layer)) {
            float[][] rows = new Rollout(run, ops, layer).rows(fromQuery, toQuery);
            var cells = new float[rows.length * keys];
            for (int r = 0; r < rows.length; r++) {
                for (int j = 0; j < keys; j++) {
                    cells[r * keys + j] = fromKey + j > fromQuery + r ? Float.NaN : rows[r][fromKey + j];
                }
            }
            return cells;
        }
        var what = kind == Kind.SCORES
                ? PatternBlock.What.SCORES
                : exponents ? PatternBlock.What.EXPONENTS : PatternBlock.What.WEIGHTS;
        List<Heads.Head> heads = ((Heads.Mean) of).heads();
        float[] sum = {};
        for (Heads.Head head : heads) {
            float[] cells = PatternBlock.cells(
                    run.pattern(head.layer()), ops, head.head(), fromQuery, toQuery, fromKey, toKey, what);
            if (kind == Kind.VALUE) {
                double[] norms = run.valueNorms(ops, head.layer())[head.head()];
                for (int c = 0; c < cells.length; c++) {
                    cells[c] *= (float) norms[fromKey + c % keys];
                }
            }
            if (sum.length == 0) {
                sum = cells;
            } else {
                for (int c = 0; c < cells.length; c++) {
                    sum[c] += cells[c];
                }
            }
        }
        if (heads.size() > 1) {
            for (int c = 0; c < sum.length; c++) {
                sum[c] /= heads.size();
            }
        }
        return sum;
    }

    /// The formula of a cell.
    ///
    /// @param unit `token`, `word` or `sentence`
    public static String formula(Heads of, Kind kind, String unit) {
        String cell = switch (kind) {
            case WEIGHTS -> "exp(qᵢ·kⱼ·scale − lseᵢ)";
            case SCORES -> "qᵢ·kⱼ·scale";
            case VALUE -> "exp(qᵢ·kⱼ·scale − lseᵢ)·‖vⱼ·Wₒ‖";
        };
        String whole = switch (of) {
            case Heads.Mean(String _, List<Heads.Head> heads) ->
                heads.size() == 1 ? cell : "1/" + heads.size() + " · Σ over heads " + cell;
            case Heads.Rollout(int layer) ->
                "(Ā_" + layer + " + I)/2 · … · (Ā_0 + I)/2, Ā the mean over a layer's heads of " + cell;
        };
        return unit.equals("token")
                ? whole
                : String.format(
                        Locale.ROOT,
                        kind == Kind.SCORES
                                ? "mean over the query %1$s's and key %1$s's tokens of %2$s"
                                : "mean over the query %1$s's tokens of the sum over the key %1$s's tokens of %2$s",
                        unit,
                        whole);
    }

    /// Whether a token may see itself and those before it only.
    static boolean causal(PatternRows rows) {
        return rows.spec().mask() instanceof Mask.Causal;
    }
}
