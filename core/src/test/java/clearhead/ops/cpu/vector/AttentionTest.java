package clearhead.ops.cpu.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AttentionTest {
    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace();
    private final VectorBackend backend = new VectorBackend(2);

    @AfterEach
    void close() {
        backend.close();
        workspace.close();
        arena.close();
    }

    /// FlashAttention's rule: the error against double is at most twice that of naive float32.
    @Test
    void isAsAccurateAsNaiveFloat() {
        int[][] shapes = { // heads, kvHeads, headDim, queries, context
            {1, 1, 8, 1, 1}, {2, 1, 16, 3, 3}, {2, 2, 32, 7, 7}, {4, 2, 8, 63, 63},
            {4, 4, 32, 64, 64}, {2, 2, 64, 65, 65}, {8, 1, 16, 33, 97}, {8, 2, 64, 5, 129},
            {4, 1, 80, 1, 200}, {2, 2, 96, 127, 127}, {1, 1, 128, 100, 300}, {2, 1, 256, 17, 81},
            {3, 1, 40, 129, 129}, {2, 2, 13, 70, 70}, {2, 1, 1, 20, 20}, {1, 1, 72, 66, 200},
            {1, 1, 32, 1000, 1000}, {2, 2, 64, 300, 300}, {2, 2, 32, 100, 40}, {1, 1, 100, 9, 9},
        };
        for (int[] s : shapes) {
            for (Mask mask : new Mask[] {Mask.CAUSAL, Mask.BIDIRECTIONAL}) {
                var c = AttentionCase.random(arena, Arrays.hashCode(s), s[0], s[1], s[2], mask, s[3], s[4]);
                check(c, Arrays.toString(s) + " " + mask);
            }
        }
    }

    private void check(AttentionCase c, String name) {
        workspace.reset();
        var exact = c.compute(false);
        var naive = c.compute(true);
        var rows = Sequences.one(c.queries());
        var forward = backend.ops(workspace).attention(c.query(), rows, c.packed(), c.spec());
        close(name + " out", forward.out(), exact.out(), naive.out());
        close(name + " lse", forward.lse(), exact.lse(), naive.lse());
        var gradient = backend.adjoints(workspace).attention(c.query(), rows, c.packed(), c.spec(), forward, c.dOut());
        close(name + " dQuery", gradient.dQuery(), exact.dQuery(), naive.dQuery());
        close(name + " dKey", gradient.dKey(), exact.dKey(), naive.dKey());
        close(name + " dValue", gradient.dValue(), exact.dValue(), naive.dValue());
    }

    private static void close(String name, Tensor got, double[] exact, double[] naive) {
        double fused = AttentionCase.maxError(got.toDoubles(), exact);
        double plain = AttentionCase.maxError(naive, exact);
        assertTrue(fused <= 2 * plain + 1e-6, () -> name + ": fused " + fused + ", naive " + plain);
    }

    /// Two queries, one key each side: weights 1, then e/(e + 1) and 1/(e + 1) for scores 1 and 0.
    @Test
    void workedExample() {
        Tensor query = Tensor.of(arena, new float[] {5, 1}, 2, 1, 1);
        Tensor key = Tensor.of(arena, new float[] {1, 0}, 2, 1, 1);
        Tensor value = Tensor.of(arena, new float[] {10, 20}, 2, 1, 1);
        var spec = new AttentionSpec(1, 1, 1, 1, Mask.CAUSAL);
        var past = new KvView.Packed(key, value, Sequences.one(2));
        Attended a = backend.ops(workspace).attention(query, Sequences.one(2), past, spec);
        assertEquals(10, a.out().at(0), 1e-6);
        assertEquals((10 * Math.E + 20) / (Math.E + 1), a.out().at(1), 1e-5);
        assertEquals(5, a.lse().at(0), 1e-6);
        assertEquals(Math.log(Math.E + 1), a.lse().at(1), 1e-6);
    }

    @Test
    void pagedChunksTokensBatchesAndThreadsGiveTheSameBits() {
        for (int[] s : new int[][] {{4, 2, 32}, {2, 2, 64}, {8, 1, 80}, {1, 1, 20}}) {
            for (Mask mask : new Mask[] {Mask.CAUSAL, Mask.BIDIRECTIONAL}) {
                sameBits(s[0], s[1], s[2], mask);
            }
        }
    }

    private void sameBits(int heads, int kvHeads, int dim, Mask mask) {
        int[] lengths = {150, 1, 64, 200};
        var random = new Random(dim);
        var rows = new Sequences(0, 150, 151, 215, 415);
        Tensor query = AttentionCase.gaussian(arena, random, 415, heads, dim);
        Tensor key = AttentionCase.gaussian(arena, random, 415, kvHeads, dim);
        Tensor value = AttentionCase.gaussian(arena, random, 415, kvHeads, dim);
        var spec = new AttentionSpec(heads, kvHeads, dim, 0.3, mask);
        var ops = backend.ops(workspace);
        Attended packed = ops.attention(query, rows, new KvView.Packed(key, value, rows), spec);
        for (int threads : new int[] {1, 3}) {
            try (var other = new VectorBackend(threads)) {
                same(packed, other.ops(workspace).attention(query, rows, new KvView.Packed(key, value, rows), spec));
            }
        }
        int[][] table = {{4, 0, 9}, {1}, {8}, {2, 3, 5, 7}};
        Tensor keys = Tensor.zeros(arena, DType.F32, 10, kvHeads, dim, KvView.PAGE);
        Tensor values = Tensor.zeros(arena, DType.F32, 10, kvHeads, KvView.PAGE, dim);
        fillNaN(keys);
        fillNaN(values);
        var past = new KvView.Paged(keys, values, table, lengths);
        ops.store(key, value, rows, past);
        same(packed, ops.attention(query, rows, past, spec));
        for (int s = 0; s < 4; s++) {
            int from = rows.start(s);
            int to = from + rows.length(s);
            var one = Sequences.one(to - from);
            Attended alone = ops.attention(
                    query.rows(from, to), one, new KvView.Packed(key.rows(from, to), value.rows(from, to), one), spec);
            sameRows(packed, alone, from, 0, to - from, 415, to - from);
        }
        if (mask.equals(Mask.CAUSAL)) {
            chunks(packed, query, key, value, spec, 1);
            chunks(packed, query, key, value, spec, 37);
        }
    }

    /// The last sequence again, `chunk` tokens at a time through a cache.
    private void chunks(Attended whole, Tensor query, Tensor key, Tensor value, AttentionSpec spec, int chunk) {
        int dim = spec.headDim();
        Tensor keys = Tensor.zeros(arena, DType.F32, 4, spec.kvHeads(), dim, KvView.PAGE);
        Tensor values = Tensor.zeros(arena, DType.F32, 4, spec.kvHeads(), KvView.PAGE, dim);
        fillNaN(keys);
        fillNaN(values);
        var ops = backend.ops(workspace);
        for (int from = 0; from < 200; from += chunk) {
            workspace.reset();
            int to = Math.min(200, from + chunk);
            var past = new KvView.Paged(keys, values, new int[][] {{2, 0, 3, 1}}, new int[] {to});
            var rows = Sequences.one(to - from);
            ops.store(key.rows(215 + from, 215 + to), value.rows(215 + from, 215 + to), rows, past);
            Attended part = ops.attention(query.rows(215 + from, 215 + to), rows, past, spec);
            sameRows(whole, part, 215 + from, 0, to - from, 415, to - from);
        }
    }

    private static void fillNaN(Tensor t) {
        for (long i = 0; i < t.size(); i++) {
            t.set(i, Double.NaN);
        }
    }

    private static void same(Attended a, Attended b) {
        assertArrayEquals(a.out().toFloats(), b.out().toFloats());
        assertArrayEquals(a.lse().toFloats(), b.lse().toFloats());
    }

    private static void sameRows(Attended a, Attended b, int fromA, int fromB, int count, int tokensA, int tokensB) {
        assertArrayEquals(
                a.out().rows(fromA, fromA + count).toFloats(),
                b.out().rows(fromB, fromB + count).toFloats());
        for (int head = 0; head < a.lse().dim(0); head++) {
            for (int i = 0; i < count; i++) {
                assertEquals(
                        a.lse().at((long) head * tokensA + fromA + i), b.lse().at((long) head * tokensB + fromB + i));
            }
        }
    }

    @Test
    void gradientsHaveTheSameBitsAloneAndOnAnyNumberOfThreads() {
        var rows = new Sequences(0, 70, 70, 200);
        var random = new Random(5);
        Tensor query = AttentionCase.gaussian(arena, random, 200, 4, 32);
        Tensor key = AttentionCase.gaussian(arena, random, 200, 2, 32);
        Tensor value = AttentionCase.gaussian(arena, random, 200, 2, 32);
        Tensor dOut = AttentionCase.gaussian(arena, random, 200, 4, 32);
        var spec = AttentionSpec.causal(4, 2, 32);
        var past = new KvView.Packed(key, value, rows);
        var forward = backend.ops(workspace).attention(query, rows, past, spec);
        var all = backend.adjoints(workspace).attention(query, rows, past, spec, forward, dOut);
        try (var other = new VectorBackend(1)) {
            var again = other.adjoints(workspace).attention(query, rows, past, spec, forward, dOut);
            assertArrayEquals(all.dQuery().toFloats(), again.dQuery().toFloats());
            assertArrayEquals(all.dKey().toFloats(), again.dKey().toFloats());
            assertArrayEquals(all.dValue().toFloats(), again.dValue().toFloats());
        }
        var one = Sequences.one(130);
        var pastOne = new KvView.Packed(key.rows(70, 200), value.rows(70, 200), one);
        var forwardOne = backend.ops(workspace).attention(query.rows(70, 200), one, pastOne, spec);
        var alone = backend.adjoints(workspace)
                .attention(query.rows(70, 200), one, pastOne, spec, forwardOne, dOut.rows(70, 200));
        assertArrayEquals(all.dQuery().rows(70, 200).toFloats(), alone.dQuery().toFloats());
        assertArrayEquals(all.dKey().rows(70, 200).toFloats(), alone.dKey().toFloats());
        assertArrayEquals(all.dValue().rows(70, 200).toFloats(), alone.dValue().toFloats());
    }

    @Test
    void aRowThatSeesNothingIsZero() {
        var c = AttentionCase.random(arena, 1, 2, 1, 16, Mask.CAUSAL, 10, 4);
        var rows = Sequences.one(10);
        Attended a = backend.ops(workspace).attention(c.query(), rows, c.packed(), c.spec());
        for (int i = 0; i < 6; i++) {
            assertEquals(Double.NEGATIVE_INFINITY, a.lse().at(i));
            assertEquals(0, a.out().at(i * 32L));
        }
        var empty = new KvView.Packed(c.key().rows(0, 0), c.value().rows(0, 0), Sequences.one(0));
        Attended none = backend.ops(workspace).attention(c.query(), rows, empty, c.spec());
        assertEquals(Double.NEGATIVE_INFINITY, none.lse().at(9));
        assertEquals(0, none.out().at(200));
        var gradient = backend.adjoints(workspace).attention(c.query(), rows, empty, c.spec(), none, c.dOut());
        assertEquals(0, gradient.dQuery().at(7));
    }

    @Test
    void notANumberStaysWithTheRowsThatSeeIt() {
        for (boolean inKey : new boolean[] {true, false}) {
            var c = AttentionCase.random(arena, 3, 2, 2, 32, Mask.CAUSAL, 90, 90);
            Tensor poisoned = inKey ? c.key() : c.value();
            poisoned.set(70L * 64 + 5, Double.NaN);
            Attended a = backend.ops(workspace).attention(c.query(), Sequences.one(90), c.packed(), c.spec());
            for (int i = 0; i < 90; i++) {
                double x = a.out().at(i * 64L + 5);
                assertEquals(i >= 70, Double.isNaN(x), "row " + i + ": " + x);
                assertTrue(Double.isFinite(a.out().at(i * 64L + 40)));
            }
        }
    }

    @Test
    void extremeScoresKeepTheirSoftmax() {
        var c = AttentionCase.random(arena, 9, 1, 1, 16, Mask.CAUSAL, 200, 200);
        for (double scale : new double[] {40, -3, 0}) {
            var spec = new AttentionSpec(1, 1, 16, scale, Mask.CAUSAL);
            var scaled = new AttentionCase(spec, 200, 200, c.query(), c.key(), c.value(), c.dOut());
            var exact = scaled.compute(false);
            var naive = scaled.compute(true);
            Attended a = backend.ops(workspace).attention(c.query(), Sequences.one(200), c.packed(), spec);
            close("scale " + scale, a.out(), exact.out(), naive.out());
        }
    }

    @Test
    void thePlainPathAgreesWithTheFusedOne() {
        for (Mask mask : new Mask[] {Mask.CAUSAL, Mask.BIDIRECTIONAL}) {
            var c = AttentionCase.random(arena, 4, 4, 2, 24, mask, 70, 130);
            var ops = backend.ops(workspace);
            var fused = ops.attention(c.query(), Sequences.one(70), c.packed(), c.spec());
            Tensor scores = ops.scores(c.query(), c.packed(), 0, c.spec());
            Tensor pattern = ops.softmax(scores);
            Tensor out = ops.weigh(pattern, c.packed(), 0, c.spec());
            assertTrue(AttentionCase.maxError(out.toDoubles(), fused.out().toDoubles()) < 2e-6);
            for (int head = 0; head < 4; head++) {
                for (int i = 0; i < 70; i++) {
                    for (int j = 0; j < 130; j++) {
                        long at = (head * 70L + i) * 130 + j;
                        double weight = Math.exp(scores.at(at) - fused.lse().at(head * 70L + i));
                        assertEquals(weight, pattern.at(at), 1e-6);
                        assertEquals(mask.sees(0, head, i, 60 + i, j), scores.at(at) > -1e30);
                    }
                }
            }
        }
    }

    @Test
    void softmaxAdjointIsExact() {
        Tensor x = AttentionCase.gaussian(arena, new Random(2), 3, 37);
        Tensor dOut = AttentionCase.gaussian(arena, new Random(3), 3, 37);
        Tensor y = backend.ops(workspace).softmax(x);
        Tensor dX = backend.adjoints(workspace).softmax(y, dOut);
        for (int r = 0; r < 3; r++) {
            double sum = 0;
            double dot = 0;
            for (int j = 0; j < 37; j++) {
                sum += Math.exp(x.at(r * 37 + j));
            }
            for (int j = 0; j < 37; j++) {
                dot += Math.exp(x.at(r * 37 + j)) / sum * dOut.at(r * 37 + j);
            }
            for (int j = 0; j < 37; j++) {
                double p = Math.exp(x.at(r * 37 + j)) / sum;
                assertEquals(p, y.at(r * 37 + j), 2e-7);
                assertEquals(p * (dOut.at(r * 37 + j) - dot), dX.at(r * 37 + j), 1e-6);
            }
        }
    }

    /// Reserved memory at T, 2T and 4T grows as T, not as T².
    @Test
    void memoryIsLinear() {
        long[] reserved = new long[3];
        for (int i = 0; i < 3; i++) {
            int tokens = 128 << i;
            var c = AttentionCase.random(arena, 1, 1, 1, 64, Mask.CAUSAL, tokens, tokens);
            try (var own = new Workspace(1 << 12, Long.MAX_VALUE)) {
                var rows = Sequences.one(tokens);
                var forward = backend.ops(own).attention(c.query(), rows, c.packed(), c.spec());
                backend.adjoints(own).attention(c.query(), rows, c.packed(), c.spec(), forward, c.dOut());
                reserved[i] = own.reserved();
            }
        }
        assertTrue(reserved[1] <= 2 * reserved[0] + (1 << 16), Arrays.toString(reserved));
        assertTrue(reserved[2] <= 2 * reserved[1] + (1 << 16), Arrays.toString(reserved));
    }
}
