package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AttentionMapTest {
    private interface Body {
        void run(Run run, Ops ops);
    }

    private static void each(int tokens, Body body) {
        for (String name : PatternRowsTest.backends()) {
            try (Arena arena = Arena.ofShared();
                    var workspace = new Workspace();
                    Backend backend = Backends.named(name, 2)) {
                Ops ops = backend.ops(workspace);
                for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                    int length = Math.min(tokens, model.context());
                    int[] ids = IntStream.range(0, length)
                            .map(i -> (i * i + 3 * i) % model.vocab())
                            .toArray();
                    try (Run run = Run.of(model, ops, ids)) {
                        body.run(run, ops);
                    }
                }
            }
        }
    }

    /// Cells from the rows of one head, in double precision.
    private static double[][] cells(Run run, int layer, int head, AttentionMap.Kind kind, double[][] norms) {
        var all = new double[run.tokens()][run.tokens()];
        for (int i = 0; i < all.length; i++) {
            AttentionRow row = run.pattern(layer).row(head, i);
            for (int j = 0; j < all.length; j++) {
                all[i][j] = j > i
                        ? Double.NaN
                        : switch (kind) {
                            case WEIGHTS -> row.weights()[j];
                            case SCORES -> row.scores()[j];
                            case VALUE -> row.weights()[j] * norms[head][j];
                        };
            }
        }
        return all;
    }

    private static double[][] mean(List<double[][]> all) {
        var sum = new double[all.getFirst().length][all.getFirst().length];
        for (double[][] one : all) {
            for (int i = 0; i < sum.length; i++) {
                for (int j = 0; j < sum.length; j++) {
                    sum[i][j] += one[i][j] / all.size();
                }
            }
        }
        return sum;
    }

    private static void check(Run run, Ops ops, String of, AttentionMap.Kind kind, double[][] wanted) {
        var map = new AttentionMap(run, Heads.parse(of, run.model()), kind, Units.tokens(run.tokens()));
        double largest = Arrays.stream(wanted)
                .flatMapToDouble(Arrays::stream)
                .filter(v -> !Double.isNaN(v))
                .map(Math::abs)
                .max()
                .orElse(0);
        for (int i = 0; i < wanted.length; i++) {
            assertArrayEquals(wanted[i], map.row(ops, i), 1e-6 * largest, of + " row " + i);
            int column = i;
            double[] down = IntStream.range(0, wanted.length)
                    .mapToDouble(r -> wanted[r][column])
                    .toArray();
            assertArrayEquals(down, map.column(ops, i), 1e-6 * largest, of + " column " + i);
        }
        for (int level = 0; level < 4; level++) {
            for (var pool : AttentionMap.Pool.values()) {
                float[] tile = map.tile(ops, level, 0, 0, pool);
                for (int y = 0; y < AttentionMap.TILE; y++) {
                    for (int x = 0; x < AttentionMap.TILE; x++) {
                        double cell = pooled(wanted, y << level, x << level, 1 << level, pool);
                        assertEquals(
                                cell,
                                tile[y * AttentionMap.TILE + x],
                                2e-6 * largest,
                                of + " " + kind + " level " + level + " " + pool + " cell " + y + ", " + x);
                    }
                }
            }
        }
    }

    private static double pooled(double[][] cells, int row, int column, int side, AttentionMap.Pool pool) {
        double result = Double.NaN;
        int count = 0;
        for (int i = row; i < Math.min(cells.length, row + side); i++) {
            for (int j = column; j < Math.min(cells.length, column + side); j++) {
                if (!Double.isNaN(cells[i][j])) {
                    result = count == 0
                            ? cells[i][j]
                            : pool == AttentionMap.Pool.MAX ? Math.max(result, cells[i][j]) : result + cells[i][j];
                    count++;
                }
            }
        }
        return pool == AttentionMap.Pool.MAX ? result : result / count;
    }

    @Test
    void rowsColumnsAndTilesAreThePatternsOwn() {
        for (int tokens : new int[] {1, 2, 7, 30}) {
            each(tokens, (run, ops) -> {
                for (var kind : AttentionMap.Kind.values()) {
                    double[][] norms = run.valueNorms(ops, 1);
                    int heads = run.pattern(1).spec().heads();
                    check(run, ops, "1.1", kind, cells(run, 1, 1, kind, norms));
                    check(
                            run,
                            ops,
                            "1.*",
                            kind,
                            mean(IntStream.range(0, heads)
                                    .mapToObj(h -> cells(run, 1, h, kind, norms))
                                    .toList()));
                }
            });
        }
    }

    @Test
    void aRolloutIsTheProductOfTheMixedLayers() {
        each(20, (run, ops) -> {
            int n = run.tokens();
            var product = new double[n][n];
            for (int i = 0; i < n; i++) {
                product[i][i] = 1;
            }
            for (int layer = 0; layer < 2; layer++) {
                int at = layer;
                double[][] mean =
                        mean(IntStream.range(0, run.pattern(layer).spec().heads())
                                .mapToObj(h -> cells(run, at, h, AttentionMap.Kind.WEIGHTS, new double[0][]))
                                .toList());
                var next = new double[n][n];
                for (int i = 0; i < n; i++) {
                    for (int j = 0; j < n; j++) {
                        for (int m = 0; m <= i; m++) {
                            next[i][j] += (mean[i][m] + (i == m ? 1 : 0)) / 2 * product[m][j];
                        }
                    }
                }
                product = next;
            }
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    product[i][j] = Double.NaN;
                }
            }
            check(run, ops, "rollout:1", AttentionMap.Kind.WEIGHTS, product);
        });
    }

    @Test
    void valueNormsAreTheLengthsOfValuesThroughWo() {
        each(5, (run, ops) -> {
            var attention = run.model().attention(1);
            var spec = attention.spec();
            for (int head = 0; head < spec.heads(); head++) {
                double[] value = run.pattern(1).value(head, 3);
                double square = 0;
                for (int d = 0; d < run.model().dim(); d++) {
                    double sum = 0;
                    for (int e = 0; e < spec.headDim(); e++) {
                        sum += value[e]
                                * attention
                                        .output()
                                        .weight()
                                        .at((long) d * spec.heads() * spec.headDim() + head * spec.headDim() + e);
                    }
                    square += sum * sum;
                }
                assertEquals(Math.sqrt(square), run.valueNorms(ops, 1)[head][3], 1e-6 * Math.sqrt(square));
            }
        });
    }

    @Test
    void unitsAddUpKeysAndAverageQueries() {
        each(9, (run, ops) -> {
            int[] of = {0, 0, 1, 1, 1, 2, 3, 3, 3};
            int[] starts = {0, 2, 5, 6, 9};
            var map = new AttentionMap(run, Heads.of(1, 0), AttentionMap.Kind.WEIGHTS, new Units(of, starts));
            double[][] cells = cells(run, 1, 0, AttentionMap.Kind.WEIGHTS, new double[0][]);
            var merged = new double[4][4];
            for (int u = 0; u < 4; u++) {
                for (int v = 0; v < 4; v++) {
                    double sum = v > u ? Double.NaN : 0;
                    for (int i = starts[u]; i < starts[u + 1]; i++) {
                        for (int j = starts[v]; j < Math.min(starts[v + 1], i + 1); j++) {
                            sum += cells[i][j];
                        }
                    }
                    merged[u][v] = sum / (starts[u + 1] - starts[u]);
                }
                assertArrayEquals(merged[u], map.row(ops, u), 1e-9);
            }
            float[] tile = map.tile(ops, 0, 0, 0, AttentionMap.Pool.MEAN);
            for (int u = 0; u < 4; u++) {
                int row = u;
                assertArrayEquals(
                        IntStream.range(0, 4).mapToDouble(v -> merged[row][v]).toArray(),
                        map.column(ops, u).length == 4
                                ? IntStream.range(0, 4)
                                        .mapToDouble(v -> tile[row * 256 + v])
                                        .toArray()
                                : new double[0],
                        1e-6);
            }
        });
    }

    @Test
    void wordsAndSentencesFollowUnicodeAndKeepTokensWhole() {
        List<byte[]> bytes = Stream.of(
                        "", "The", " king", "'s", " daugh", "ter", ",", " who", " sm", "iled", ".", " She", "\n", "ran")
                .map(s -> s.getBytes(StandardCharsets.UTF_8))
                .toList();
        assertArrayEquals(
                new int[] {0, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9},
                Units.words(bytes).of());
        assertArrayEquals(
                new int[] {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3},
                Units.sentences(bytes).of());
        byte[] euro = "€".getBytes(StandardCharsets.UTF_8);
        List<byte[]> split = List.of(
                "a".getBytes(StandardCharsets.UTF_8),
                new byte[] {' ', euro[0]},
                new byte[] {euro[1], euro[2]},
                new byte[] {(byte) 0xff});
        assertEquals(4, Units.words(split).of().length);
        assertEquals(Units.words(split).of()[1], Units.words(split).of()[2], "a character in two tokens is one word");
    }

    @Test
    void headsAreReadOrRefused() {
        each(3, (run, ops) -> {
            var model = run.model();
            assertEquals("layer 1, head 0", Heads.parse("1.0", model).words());
            for (String wrong :
                    List.of("", "1", "1.", "9.0", "0.9", "1.0,", "1.0,1.0", "rollout:", "rollout:7", "-1.0", "x.y")) {
                assertThrows(IllegalArgumentException.class, () -> Heads.parse(wrong, model), wrong);
            }
        });
    }
}
