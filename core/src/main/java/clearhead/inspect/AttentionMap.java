package clearhead.inspect;

import clearhead.ops.Mask;
import clearhead.ops.Ops;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// A matrix of attention, query rows by key columns, computed from queries, keys and lse where somebody
/// looks: exact rows and columns in double precision, and tiles of a pyramid in float32, for maps.
/// A few million cells are made at a time, and of what was made a run keeps some pooled tiles, within
/// a bound that grows linearly with the text. Masked cells are NaN.
///
/// Where units are words or sentences, the weights of a unit's keys are added up and those of its
/// queries averaged; scores are averaged over both.
public final class AttentionMap {
    /// Cells along each side of a tile.
    public static final int TILE = 256;

    /// Tokens up to which a rollout is computed: each of its rows costs tokens² steps a layer.
    public static final int ROLLOUT_TOKENS = 4096;

    /// Tokens of a unit up to which its row or column is summed in double precision; of a longer one,
    /// cells are computed in float32.
    static final int EXACT_TOKENS = 64;

    /// Tokens of a block: four million cells at most are made at a time.
    private static final int ROWS = 1024;

    private static final int COLUMNS = 4096;

    /// Pairs of units whose sums are kept at a time.
    private static final int PAIRS = 1 << 20;

    /// Tiles along a side, at most, of the levels whose tiles are not kept.
    private static final int KEPT_SIDE = 4;

    /// Asked between blocks whether somebody still wants the result.
    @FunctionalInterface
    public interface Going {
        /// Never stops.
        Going ON = () -> true;

        /// @return false to stop: the call then throws a [CancellationException]
        boolean on();
    }

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
        var sums = new UnitSums(query, query + 1, 0, size());
        if (of instanceof Heads.Rollout || to - from > EXACT_TOKENS) {
            gather(ops, sums, Going.ON);
        } else {
            for (int i = from; i < to; i++) {
                double[] row = tokenRow(ops, i);
                for (int j = 0; j < row.length; j++) {
                    sums.add(query, units.of()[j], row[j]);
                }
            }
        }
        return sums.row(query);
    }

    /// Who looks at one key unit.
    ///
    /// @return [units]; NaN where masked
    public double[] column(Ops ops, int key) {
        require(key);
        int from = units.starts()[key];
        int to = units.starts()[key + 1];
        var sums = new UnitSums(0, size(), key, key + 1);
        if (of instanceof Heads.Mean && to - from > EXACT_TOKENS) {
            gather(ops, sums, Going.ON);
        } else {
            for (int j = from; j < to; j++) {
                double[] column = tokenColumn(ops, j);
                for (int i = 0; i < column.length; i++) {
                    sums.add(units.of()[i], key, column[i]);
                }
            }
        }
        return sums.column(key);
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

    /// One tile of the pyramid. On level n a value stands for 2ⁿ × 2ⁿ cells; level 0 is the matrix itself.
    ///
    /// @param x tile column: keys from x·256·2ⁿ
    /// @param y tile row: queries from y·256·2ⁿ
    /// @return [256, 256], row-major; NaN where all is masked, or outside
    public float[] tile(Ops ops, int level, int x, int y, Pool pool) {
        return tile(ops, level, x, y, pool, Going.ON);
    }

    /// As above, for somebody who may leave. Tiles up to level 2 cost little; where a tile is a
    /// sixteenth of the matrix or more, it is kept by the run, and those above are made from it.
    public float[] tile(Ops ops, int level, int x, int y, Pool pool, Going going) {
        if (level < 0 || level > 30 - 8 || x < 0 || y < 0) {
            throw new IllegalArgumentException("there is no tile " + level + "/" + x + "/" + y);
        }
        return made(ops, level, x, y, pool, going).values();
    }

    private Tiles.Tile made(Ops ops, int level, int x, int y, Pool pool, Going going) {
        int kept = 0;
        while ((long) TILE * KEPT_SIDE << kept < size()) {
            kept++;
        }
        if (level < kept) {
            return direct(ops, level, x, y, pool, going);
        }
        var key = new Tiles.Key(of, kind, IntBuffer.wrap(units.starts()), level + "/" + x + "/" + y + "/" + pool);
        Optional<Tiles.Tile> there = run.tiles().find(key);
        if (there.isPresent()) {
            return there.get();
        }
        Tiles.Tile made =
                level == kept ? direct(ops, level, x, y, pool, going) : above(ops, level, kept, x, y, pool, going);
        run.tiles().keep(key, made);
        return made;
    }

    private Tiles.Tile direct(Ops ops, int level, int x, int y, Pool pool, Going going) {
        long side = (long) TILE << level;
        int fromRow = (int) Math.min(size(), y * side);
        int toRow = (int) Math.min(size(), (y + 1) * side);
        int fromColumn = (int) Math.min(size(), x * side);
        int toColumn = (int) Math.min(size(), (x + 1) * side);
        var pooling = new Pooling(TILE, pool, exponents(pool));
        pool(
                ops,
                pooling,
                new Block(fromRow, toRow, fromColumn, toColumn),
                r -> (r - fromRow) >> level,
                c -> (c - fromColumn) >> level,
                going);
        return pooling.tile();
    }

    /// A tile from those that are kept.
    private Tiles.Tile above(Ops ops, int level, int kept, int x, int y, Pool pool, Going going) {
        var pooling = new Pooling(TILE, pool, false);
        int shift = level - kept;
        int last = (size() - 1) / (TILE << kept);
        for (int row = y << shift; row <= Math.min(last, (y + 1 << shift) - 1); row++) {
            for (int column = x << shift; column <= Math.min(last, (x + 1 << shift) - 1); column++) {
                Tiles.Tile part = made(ops, kept, column, row, pool, going);
                int down = (row - (y << shift)) * TILE;
                int right = (column - (x << shift)) * TILE;
                for (int cell = 0; cell < TILE * TILE; cell++) {
                    pooling.add(
                            down + cell / TILE >> shift,
                            right + cell % TILE >> shift,
                            part.values()[cell],
                            part.counts()[cell]);
                }
            }
        }
        return pooling.tile();
    }

    /// The whole matrix, made small by the largest of the cells.
    ///
    /// @param side at most; where the text has fewer units, one value a cell and NaN after them
    /// @return [side, side], row-major
    public float[] thumbnail(Ops ops, int side) {
        return thumbnail(ops, side, Going.ON);
    }

    /// As above, for somebody who may leave.
    public float[] thumbnail(Ops ops, int side, Going going) {
        var key = new Tiles.Key(of, kind, IntBuffer.wrap(units.starts()), "thumbnail " + side);
        return run.tiles().find(key).map(Tiles.Tile::values).orElseGet(() -> {
            int cells = Math.min(side, size());
            IntUnaryOperator cell = u -> (int) ((long) u * cells / size());
            var pooling = new Pooling(side, Pool.MAX, exponents(Pool.MAX));
            pool(ops, pooling, new Block(0, size(), 0, size()), cell, cell, going);
            var made = new Tiles.Tile(pooling.tile().values(), new int[0]);
            run.tiles().keep(key, made);
            return made.values();
        });
    }

    /// Pools the cells of a rectangle of units, block by block: what a block's queries cannot see is
    /// left out.
    private void pool(
            Ops ops, Pooling pooling, Block whole, IntUnaryOperator rowCell, IntUnaryOperator columnCell, Going going) {
        if (whole.fromRow >= whole.toRow || whole.fromColumn >= whole.toColumn) {
            return;
        }
        boolean tokens = size() == run.tokens();
        int width = tokens ? COLUMNS : whole.toColumn - whole.fromColumn;
        int height = tokens ? ROWS : Math.clamp(PAIRS / width, 1, ROWS);
        for (int row = whole.fromRow; row < whole.toRow; row += height) {
            for (int column = whole.fromColumn; column < whole.toColumn; column += width) {
                var block = new Block(
                        row, Math.min(whole.toRow, row + height), column, Math.min(whole.toColumn, column + width));
                if (hidden(units.starts()[block.toRow] - 1, units.starts()[column])) {
                    break;
                }
                var cellOf = new int[block.columns()];
                Arrays.setAll(cellOf, n -> columnCell.applyAsInt(block.fromColumn + n));
                if (tokens) {
                    require(going);
                    float[] cells = cells(ops, block.fromRow, block.toRow, column, block.toColumn, pooling.exponents());
                    pool(
                            pooling,
                            block,
                            rowCell,
                            cellOf,
                            (r, line) ->
                                    System.arraycopy(cells, (r - block.fromRow) * line.length, line, 0, line.length));
                } else {
                    var sums = new UnitSums(block.fromRow, block.toRow, column, block.toColumn);
                    gather(ops, sums, going);
                    pool(pooling, block, rowCell, cellOf, sums::copy);
                }
            }
        }
    }

    /// Fills a line of cells.
    private interface Lines {
        void copy(int row, float[] line);
    }

    private static void pool(Pooling pooling, Block block, IntUnaryOperator rowCell, int[] cellOf, Lines lines) {
        int first = rowCell.applyAsInt(block.fromRow);
        int last = rowCell.applyAsInt(block.toRow - 1);
        var begins = new int[last - first + 2];
        Arrays.fill(begins, block.toRow);
        for (int row = block.toRow - 1; row >= block.fromRow; row--) {
            begins[rowCell.applyAsInt(row) - first] = row;
        }
        for (int cell = last - first; cell >= 0; cell--) {
            begins[cell] = Math.min(begins[cell], begins[cell + 1]);
        }
        // Rows of one cell stay on one thread.
        IntStream.rangeClosed(first, last).parallel().forEach(cell -> {
            var line = new float[cellOf.length];
            for (int row = begins[cell - first]; row < begins[cell - first + 1]; row++) {
                lines.copy(row, line);
                pooling.add(cell, line, cellOf);
            }
        });
    }

    /// Adds all cells of some pairs of units, which may be long.
    private void gather(Ops ops, UnitSums sums, Going going) {
        int toRow = units.starts()[sums.toRow];
        int toColumn = units.starts()[sums.toColumn];
        for (int q = units.starts()[sums.fromRow]; q < toRow; q += ROWS) {
            int toQuery = Math.min(toRow, q + ROWS);
            for (int k = units.starts()[sums.fromColumn]; k < toColumn; k += COLUMNS) {
                int toKey = Math.min(toColumn, k + COLUMNS);
                if (hidden(toQuery - 1, k)) {
                    break;
                }
                require(going);
                float[] cells = cells(ops, q, toQuery, k, toKey, false);
                int fromQuery = q;
                int fromKey = k;
                // Rows of one unit stay on one thread.
                IntStream.rangeClosed(units.of()[q], units.of()[toQuery - 1])
                        .parallel()
                        .forEach(unit -> {
                            int end = Math.min(toQuery, units.starts()[unit + 1]);
                            for (int i = Math.max(fromQuery, units.starts()[unit]); i < end; i++) {
                                int at = (i - fromQuery) * (toKey - fromKey);
                                for (int j = fromKey; j < toKey; j++) {
                                    sums.add(unit, units.of()[j], cells[at++]);
                                }
                            }
                        });
            }
        }
    }

    private static void require(Going going) {
        if (!going.on()) {
            throw new CancellationException("nobody waits for this any more");
        }
    }

    /// Sums of the visible cells of pairs of units.
    private final class UnitSums {
        private final int fromRow;
        private final int toRow;
        private final int fromColumn;
        private final int toColumn;
        private final double[] sums;
        private final long[] seen;

        UnitSums(int fromRow, int toRow, int fromColumn, int toColumn) {
            this.fromRow = fromRow;
            this.toRow = toRow;
            this.fromColumn = fromColumn;
            this.toColumn = toColumn;
            sums = new double[Math.multiplyExact(toRow - fromRow, toColumn - fromColumn)];
            seen = new long[sums.length];
        }

        private int at(int row, int column) {
            return (row - fromRow) * (toColumn - fromColumn) + column - fromColumn;
        }

        void add(int row, int column, double cell) {
            if (!Double.isNaN(cell)) {
                int at = at(row, column);
                sums[at] += cell;
                seen[at]++;
            }
        }

        private double cell(int row, int column) {
            int at = at(row, column);
            int rows = units.starts()[row + 1] - units.starts()[row];
            return seen[at] == 0 ? Double.NaN : sums[at] / (kind == Kind.SCORES ? seen[at] : rows);
        }

        void copy(int row, float[] line) {
            for (int c = 0; c < line.length; c++) {
                line[c] = (float) cell(row, fromColumn + c);
            }
        }

        double[] row(int row) {
            var cells = new double[toColumn - fromColumn];
            Arrays.setAll(cells, c -> cell(row, fromColumn + c));
            return cells;
        }

        double[] column(int column) {
            var cells = new double[toRow - fromRow];
            Arrays.setAll(cells, r -> cell(fromRow + r, column));
            return cells;
        }
    }

    /// Whether the weights of a block are left as exponents, since exp keeps the order of the largest.
    private boolean exponents(Pool pool) {
        return pool == Pool.MAX
                && kind != Kind.SCORES
                && size() == run.tokens()
                && of instanceof Heads.Mean(String _, List<Heads.Head> heads)
                && heads.size() == 1;
    }

    /// Whether no query up to `lastQuery` sees a key from `firstKey` on.
    private boolean hidden(int lastQuery, int firstKey) {
        return firstKey > lastQuery
                && causal(run.pattern(run.model().attentionLayers().getFirst()));
    }

    /// A rectangle of units.
    private record Block(int fromRow, int toRow, int fromColumn, int toColumn) {
        int columns() {
            return toColumn - fromColumn;
        }
    }

    /// Cells of a rectangle of tokens.
    ///
    /// @param exponents whether weights are left as their logarithms
    /// @return [queries, keys]; NaN where masked
    private float[] cells(Ops ops, int fromQuery, int toQuery, int fromKey, int toKey, boolean exponents) {
        return switch (of) {
            case Heads.Rollout(int layer) -> rollout(ops, layer, fromQuery, toQuery, fromKey, toKey);
            case Heads.Mean(String _, List<Heads.Head> heads) -> {
                var what = kind == Kind.SCORES
                        ? PatternBlock.What.SCORES
                        : exponents ? PatternBlock.What.EXPONENTS : PatternBlock.What.WEIGHTS;
                float[] sum = {};
                for (Heads.Head head : heads) {
                    PatternRows rows = run.pattern(head.layer());
                    double[] norms =
                            kind == Kind.VALUE ? run.valueNorms(ops, head.layer())[head.head()] : new double[0];
                    float[] cells =
                            PatternBlock.cells(rows, ops, head.head(), fromQuery, toQuery, fromKey, toKey, what, norms);
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
                yield sum;
            }
        };
    }

    private float[] rollout(Ops ops, int layer, int fromQuery, int toQuery, int fromKey, int toKey) {
        float[][] rows = new Rollout(run, ops, layer).rows(fromQuery, toQuery);
        int keys = toKey - fromKey;
        var cells = new float[rows.length * keys];
        for (int r = 0; r < rows.length; r++) {
            for (int j = 0; j < keys; j++) {
                cells[r * keys + j] = fromKey + j > fromQuery + r ? Float.NaN : rows[r][fromKey + j];
            }
        }
        return cells;
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
