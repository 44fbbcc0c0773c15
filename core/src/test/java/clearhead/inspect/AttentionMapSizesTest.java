package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Rows, columns and the whole pyramid around the edges of blocks and tiles.
class AttentionMapSizesTest {
    private interface Body {
        void run(Run run, Ops ops);
    }

    private static int[] ids(int tokens) {
        return new Random(tokens).ints(tokens, 0, TinyModels.VOCAB).toArray();
    }

    private static void each(int tokens, List<String> backends, Body body) {
        for (String name : backends) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                Ops ops = backend.ops(workspace);
                for (Transformer model :
                        List.of(TinyModels.llama(arena, DType.F32, 2048), TinyModels.gpt2(arena, DType.F32, 2048))) {
                    try (Run run = Run.of(model, ops, ids(tokens))) {
                        body.run(run, ops);
                    }
                }
            }
        }
    }

    private static double[][] rows(AttentionMap map, Ops ops) {
        return IntStream.range(0, map.size()).mapToObj(i -> map.row(ops, i)).toArray(double[][]::new);
    }

    /// Every tile of every level, and one beyond, is made of the rows' cells: to 1e-6 of the largest, or
    /// to what float32 leaves of a score where scores are large.
    ///
    /// @param score the largest Σ|q·k|·scale
    private static void pyramid(AttentionMap map, Ops ops, double[][] rows, double score) {
        double largest = Math.max(
                1,
                Arrays.stream(rows)
                        .flatMapToDouble(Arrays::stream)
                        .filter(v -> !Double.isNaN(v))
                        .map(Math::abs)
                        .max()
                        .orElse(0));
        double bound = largest * Math.max(1e-6, 3 * score * 0x1p-24);
        for (int level = 0; level < 5; level++) {
            int side = AttentionMap.TILE << level;
            int tiles = (rows.length - 1) / side + 1;
            for (int y = 0; y <= tiles; y++) {
                for (int x = 0; x <= tiles; x++) {
                    for (var pool : AttentionMap.Pool.values()) {
                        double[] wanted = pooled(rows, y * side, x * side, 1 << level, pool);
                        float[] found = map.tile(ops, level, x, y, pool);
                        for (int n = 0; n < wanted.length; n++) {
                            if (!(Math.abs(wanted[n] - found[n]) <= bound)) {
                                assertEquals(
                                        wanted[n],
                                        found[n],
                                        bound,
                                        "level " + level + ", tile " + x + ", " + y + ", " + pool + ", cell " + n);
                            }
                        }
                    }
                }
            }
        }
    }

    private static double score(Run run) {
        double largest = 0;
        for (int layer = 0; layer < run.model().layers(); layer++) {
            PatternRows rows = run.pattern(layer);
            for (int head = 0; head < rows.spec().heads(); head++) {
                for (int i = 0; i < run.tokens(); i += 7) {
                    for (int j = 0; j <= i; j++) {
                        double[] q = rows.query(head, i);
                        double[] k = rows.key(head, j);
                        double sum = 0;
                        for (int e = 0; e < q.length; e++) {
                            sum += Math.abs(q[e] * k[e]) * rows.spec().scale();
                        }
                        largest = Math.max(largest, sum);
                    }
                }
            }
        }
        return largest;
    }

    private static double[] pooled(double[][] rows, int row, int column, int side, AttentionMap.Pool pool) {
        int tile = AttentionMap.TILE;
        var sums = new double[tile * tile];
        var seen = new int[tile * tile];
        for (int i = row; i < Math.min(rows.length, row + tile * side); i++) {
            for (int j = column; j < Math.min(rows.length, column + tile * side); j++) {
                int at = (i - row) / side * tile + (j - column) / side;
                if (!Double.isNaN(rows[i][j])) {
                    boolean max = pool == AttentionMap.Pool.MAX && seen[at] > 0;
                    sums[at] = max
                            ? Math.max(sums[at], rows[i][j])
                            : pool == AttentionMap.Pool.MAX ? rows[i][j] : sums[at] + rows[i][j];
                    seen[at]++;
                }
            }
        }
        for (int at = 0; at < sums.length; at++) {
            sums[at] = seen[at] == 0 ? Double.NaN : pool == AttentionMap.Pool.MAX ? sums[at] : sums[at] / seen[at];
        }
        return sums;
    }

    /// Against a whole run in double precision, attention by plain loops over every cell: of the same
    /// model in double precision to the last digits, in float32 to what three layers leave of it.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 64, 65, 257, 300})
    void rowsAndColumnsAreThoseOfAPlainRunInDouble(int tokens) {
        each(tokens, PatternRowsTest.backends(), (run, ops) -> {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend reference = Backends.named("reference", 1)) {
                Transformer doubled = Doubled.of(arena, run.model());
                Ops exact = reference.ops(workspace);
                var plain = new PlainRun(doubled, exact, run.ids());
                plain.logits();
                try (Run same = Run.of(doubled, exact, run.ids())) {
                    compare(plain, same, exact, 1e-10);
                }
                compare(plain, run, ops, 1e-4);
            }
        });
    }

    private static void compare(PlainRun plain, Run run, Ops ops, double bound) {
        for (int layer = 0; layer < run.model().layers(); layer++) {
            double[][][] weights = Objects.requireNonNull(plain.weights.get(layer));
            int head = weights.length - 1;
            var map =
                    new AttentionMap(run, Heads.of(layer, head), AttentionMap.Kind.WEIGHTS, Units.tokens(run.tokens()));
            for (int i = 0; i < run.tokens(); i++) {
                double[] row = map.row(ops, i);
                double[] column = map.column(ops, i);
                for (int j = 0; j < run.tokens(); j++) {
                    same(weights[head][i][j], row[j], j > i, bound);
                    same(weights[head][j][i], column[j], i > j, bound);
                }
            }
        }
    }

    private static void same(double wanted, double found, boolean masked, double bound) {
        if (masked ? !Double.isNaN(found) : !(Math.abs(wanted - found) <= bound)) {
            assertEquals(masked ? Double.NaN : wanted, found, bound);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 257})
    void tilesOfEveryLevelArePooledRows(int tokens) {
        each(tokens, PatternRowsTest.backends(), (run, ops) -> {
            for (var kind : AttentionMap.Kind.values()) {
                for (String of : List.of("1.1", "2.*")) {
                    var map = new AttentionMap(run, Heads.parse(of, run.model()), kind, Units.tokens(tokens));
                    pyramid(map, ops, rows(map, ops), score(run));
                }
            }
        });
    }

    /// From here on the lowest levels are not kept.
    @Test
    void tilesOfLongTextsAreMadeOfKeptOnes() {
        each(1100, List.of("vector"), (run, ops) -> {
            for (var kind : AttentionMap.Kind.values()) {
                var map = new AttentionMap(run, Heads.of(2, 0), kind, Units.tokens(run.tokens()));
                pyramid(map, ops, rows(map, ops), score(run));
            }
        });
    }

    /// Units of 1 to 150 tokens: beyond 64, rows come from float32.
    @Test
    void longUnitsAreSumsOfTheirCells() {
        each(300, PatternRowsTest.backends(), (run, ops) -> {
            int[] starts = {0, 1, 3, 66, 67, 217, 300};
            var of = new int[300];
            for (int u = 0; u < starts.length - 1; u++) {
                Arrays.fill(of, starts[u], starts[u + 1], u);
            }
            var units = new Units(of, starts);
            for (var kind : AttentionMap.Kind.values()) {
                double[][] cells = rows(new AttentionMap(run, Heads.of(1, 1), kind, Units.tokens(300)), ops);
                var map = new AttentionMap(run, Heads.of(1, 1), kind, units);
                double largest = 1;
                var merged = new double[units.count()][units.count()];
                for (int u = 0; u < merged.length; u++) {
                    for (int v = 0; v < merged.length; v++) {
                        double sum = 0;
                        int seen = 0;
                        for (int i = starts[u]; i < starts[u + 1]; i++) {
                            for (int j = starts[v]; j < Math.min(i + 1, starts[v + 1]); j++) {
                                sum += cells[i][j];
                                seen++;
                            }
                        }
                        int rows = starts[u + 1] - starts[u];
                        largest = v > u ? largest : Math.max(largest, Math.abs(sum / rows));
                        merged[u][v] = v > u ? Double.NaN : sum / (kind == AttentionMap.Kind.SCORES ? seen : rows);
                    }
                }
                double bound = 3 * score(run) * 0x1p-24 * largest;
                for (int u = 0; u < merged.length; u++) {
                    assertArrayEquals(merged[u], map.row(ops, u), bound, kind + " row " + u);
                    int column = u;
                    assertArrayEquals(
                            Arrays.stream(merged).mapToDouble(r -> r[column]).toArray(),
                            map.column(ops, u),
                            bound,
                            kind + " column " + u);
                }
                pyramid(map, ops, merged, score(run));
            }
        });
    }

    @Test
    void rolloutTilesArePooledRolloutRows() {
        each(300, PatternRowsTest.backends(), (run, ops) -> {
            var map =
                    new AttentionMap(run, new Heads.Rollout(2), AttentionMap.Kind.WEIGHTS, Units.tokens(run.tokens()));
            double[][] rows = new double[300][];
            for (int i = 0; i < rows.length; i++) {
                rows[i] = i % 37 == 0 || i > 297 ? map.row(ops, i) : new double[0];
            }
            float[] tile = map.tile(ops, 0, 0, 0, AttentionMap.Pool.MAX);
            for (int i = 0; i < 256; i += 37) {
                double sum = 0;
                for (int j = 0; j < 256; j++) {
                    assertEquals(rows[i][j], tile[i * 256 + j], 1e-6);
                    sum += j <= i ? rows[i][j] : 0;
                }
                assertEquals(1, sum, 1e-5, "a row of the rollout sums to 1");
            }
            double[] column = map.column(ops, 5);
            for (int i = 0; i < rows.length; i++) {
                if (rows[i].length > 0) {
                    assertEquals(rows[i][5], column[i], 1e-6);
                }
            }
        });
    }

    @Test
    void whatIsKeptIsBoundedAndUsedAgain() {
        each(1100, List.of("vector"), (run, ops) -> {
            var units = Units.tokens(run.tokens());
            var map = new AttentionMap(run, Heads.of(0, 0), AttentionMap.Kind.WEIGHTS, units);
            float[] first = map.thumbnail(ops, 48);
            assertSame(first, map.thumbnail(ops, 48, () -> false), "kept, so that nothing is computed");
            for (int head = 0; head < 2; head++) {
                for (var kind : AttentionMap.Kind.values()) {
                    var other = new AttentionMap(run, Heads.of(1, head), kind, units);
                    other.tile(ops, 3, 0, 0, AttentionMap.Pool.MEAN);
                    assertTrue(run.tiles().bytes() <= (long) Run.TILE_BYTES * run.tokens());
                }
            }
        });
    }

    @Test
    void whoLeavesStopsIt() {
        each(300, List.of("vector"), (run, ops) -> {
            for (String of : List.of("0.0", "*.*")) {
                var map = new AttentionMap(
                        run, Heads.parse(of, run.model()), AttentionMap.Kind.WEIGHTS, Units.tokens(run.tokens()));
                assertThrows(
                        CancellationException.class, () -> map.tile(ops, 1, 0, 0, AttentionMap.Pool.MAX, () -> false));
                assertThrows(CancellationException.class, () -> map.thumbnail(ops, 48, () -> false));
            }
        });
    }
}
