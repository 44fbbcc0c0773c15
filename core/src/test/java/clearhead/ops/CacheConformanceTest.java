package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Caches of every kind: the same keys and values give the same bits however they are stored, cut into
/// passes, or held in a ring, and few queries the bits of many.
class CacheConformanceTest {
    private static final int PAGE = KvView.PAGE;

    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace();
    private final Random random = new Random(7);

    @AfterEach
    void close() {
        workspace.close();
        arena.close();
    }

    /// Keys, values and the last queries of one sequence.
    private record Case(AttentionSpec spec, Tensor query, Tensor key, Tensor value) {
        int queries() {
            return query.dim(0);
        }

        int context() {
            return key.dim(0);
        }

        KvView.Packed packed() {
            return new KvView.Packed(key, value, Sequences.one(context()));
        }
    }

    private Case random(AttentionSpec spec, int queries, int context) {
        return new Case(
                spec,
                gaussian(queries, spec.heads(), spec.headDim()),
                gaussian(context, spec.kvHeads(), spec.headDim()),
                gaussian(context, spec.kvHeads(), spec.valueDim()));
    }

    private Tensor gaussian(int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextGaussian());
        }
        return t;
    }

    /// Pages dealt out of order, NaN where no key is, with positions 0 to `length` stored.
    private KvView.Paged cache(Ops ops, Case c, DType type, int length) {
        int pages = Math.ceilDiv(c.context(), PAGE);
        var pool = KvView.Paged.zeros(arena, type, pages + 2, c.spec.kvHeads(), c.spec.headDim(), c.spec.valueDim());
        if (type != DType.I8) {
            pool.keys().data().fill((byte) 0xff);
            pool.values().data().fill((byte) 0xff);
        }
        var table = new int[pages];
        for (int p = 0; p < pages; p++) {
            table[p] = pages + 1 - p;
        }
        KvView.Paged past = pool.of(false, new int[][] {table}, length);
        ops.store(c.key.rows(0, length), c.value.rows(0, length), Sequences.one(length), past);
        return past;
    }

    private static KvView.Paged longer(KvView.Paged past, int length) {
        return past.of(past.ring(), past.table(), length);
    }

    /// Queries `from` to `to` of the case, after their keys were stored.
    private Attended attend(Ops ops, Case c, KvView.Paged past, int from, int to) {
        int first = c.context() - c.queries();
        KvView.Paged now = longer(past, first + to);
        var rows = Sequences.one(to - from);
        ops.store(c.key.rows(first + from, first + to), c.value.rows(first + from, first + to), rows, now);
        return ops.attention(c.query.rows(from, to), rows, now, c.spec);
    }

    private static void sameRows(String name, Attended whole, int from, Attended part) {
        int count = part.out().dim(0);
        assertArrayEquals(
                whole.out().rows(from, from + count).toFloats(), part.out().toFloats(), name);
        for (int head = 0; head < whole.lse().dim(0); head++) {
            for (int i = 0; i < count; i++) {
                assertEquals(
                        whole.lse().at((long) head * whole.lse().dim(1) + from + i),
                        part.lse().at((long) head * count + i),
                        name + " lse");
            }
        }
    }

    /// Split = one pass = chunked = token by token, on any number of threads.
    @Test
    void fewQueriesHaveTheBitsOfMany() {
        for (int[] s : new int[][] {{8, 1, 32}, {4, 2, 64}, {3, 3, 20}, {6, 2, 48}}) {
            for (int context : new int[] {1, 63, 64, 65, 2047, 2048, 2049, 6000}) {
                Case c = random(AttentionSpec.causal(s[0], s[1], s[2]), Math.min(context, 20), context);
                for (int threads : new int[] {1, 3}) {
                    try (Backend backend = Backends.named("vector", threads)) {
                        fewQueriesHaveTheBitsOfMany(backend.ops(workspace), c, s[0] + "/" + s[1] + " at " + context);
                    }
                }
            }
        }
    }

    /// The same with all that a spec can ask for, and values of another width than keys.
    @Test
    void everyKindOfAttentionIsDecodedWithTheBitsOfPrefill() {
        int context = 4200;
        var plain = AttentionSpec.causal(4, 2, 24);
        int[] documents = new int[context];
        Tensor allowed = Tensor.zeros(arena, DType.BOOL, 4, 1, context);
        Tensor bias = gaussian(4, 1, context);
        for (int i = 0; i < context; i++) {
            documents[i] = i % 3 == 0 ? i / 500 : i / 900;
        }
        for (int i = 0; i < allowed.size(); i++) {
            allowed.set(i, random.nextInt(3) == 0 ? 0 : 1);
            bias.set(i, random.nextInt(50) == 0 ? Double.NEGATIVE_INFINITY : bias.at(i));
        }
        var kinds = new LinkedHashMap<String, AttentionSpec>();
        kinds.put("192/128", AttentionSpec.causal(4, 2, 192).withValueDim(128));
        kinds.put("576/512", AttentionSpec.causal(3, 1, 576).withValueDim(512));
        kinds.put("24/13", plain.withValueDim(13));
        kinds.put("window", plain.withMask(new Mask.Window(2100, 0)));
        kinds.put("short window", plain.withMask(new Mask.Window(9, 0)));
        kinds.put("chunks", plain.withMask(new Mask.Chunked(1000)));
        kinds.put("prefix", plain.withMask(new Mask.Prefix(70)));
        kinds.put("documents", plain.withMask(new Mask.Documents(documents).and(Mask.CAUSAL)));
        kinds.put("allowed", plain.withMask(new Mask.Allowed(allowed).and(Mask.CAUSAL)));
        kinds.put("alibi", plain.withBias(new Bias.Alibi(0.5, 0.25, 0.1, 0.01)));
        kinds.put("bias", plain.withBias(new Bias.Added(bias)));
        kinds.put("soft-cap", plain.withSoftCap(2));
        kinds.put("sinks", plain.withSinks(gaussian(4)));
        kinds.put("negative scale", plain.withScale(-0.3));
        kinds.put("score function", plain.withScoreFunction((s, batch, head, query, key) -> s * 0.5 + key % 7));
        try (Backend backend = Backends.named("vector", 2)) {
            kinds.forEach((name, spec) -> {
                Case c = random(spec, 20, context);
                fewQueriesHaveTheBitsOfMany(backend.ops(workspace), c, name);
                c.value.set(3L * spec.kvHeads() * spec.valueDim() + 1, Double.POSITIVE_INFINITY);
                fewQueriesHaveTheBitsOfMany(backend.ops(workspace), c, name + " with an infinite value");
            });
        }
    }

    /// An infinite value with a weight of 0 adds nothing.
    @Test
    void aWeightOfZeroAddsNothing() {
        Case c = random(AttentionSpec.causal(2, 1, 16).withScale(4000), 20, 300);
        for (int k = 0; k < 300; k += 7) {
            c.value.set(k * 16L + 2, Double.NEGATIVE_INFINITY);
        }
        try (Backend backend = Backends.named("vector", 2)) {
            fewQueriesHaveTheBitsOfMany(backend.ops(workspace), c, "zero weights");
        }
    }

    private void fewQueriesHaveTheBitsOfMany(Ops ops, Case c, String name) {
        int before = c.context() - c.queries();
        Attended whole = ops.attention(c.query, Sequences.one(c.queries()), c.packed(), c.spec);
        for (int chunk : new int[] {1, 2, 5, c.queries()}) {
            KvView.Paged past = cache(ops, c, DType.F32, before);
            for (int from = 0; from < c.queries(); from += chunk) {
                int to = Math.min(c.queries(), from + chunk);
                sameRows(name + " by " + chunk, whole, from, attend(ops, c, past, from, to));
            }
        }
        workspace.reset();
    }

    /// Sequences in one batch, of which some are decoded and one is a prompt, as each alone.
    @Test
    void aRowOfABatchHasTheBitsOfItsOwn() {
        var spec = AttentionSpec.causal(8, 2, 32);
        int[] contexts = {1, 2049, 300, 70, 4500};
        int[] queries = {1, 1, 40, 2, 1};
        try (Backend backend = Backends.named("vector", 2)) {
            var ops = backend.ops(workspace);
            for (DType type : new DType[] {DType.F32, DType.I8}) {
                var starts = new int[6];
                var keyStarts = new int[6];
                var table = new int[5][];
                int pages = 0;
                for (int s = 0; s < 5; s++) {
                    starts[s + 1] = starts[s] + queries[s];
                    keyStarts[s + 1] = keyStarts[s] + contexts[s];
                    table[s] = new int[Math.ceilDiv(contexts[s], PAGE)];
                    for (int p = 0; p < table[s].length; p++) {
                        table[s][p] = pages++;
                    }
                }
                Tensor query = gaussian(starts[5], 8, 32);
                Tensor key = gaussian(keyStarts[5], 2, 32);
                Tensor value = gaussian(keyStarts[5], 2, 32);
                var past = KvView.Paged.zeros(arena, type, pages, 2, 32, 32).of(false, table, contexts);
                ops.store(key, value, new Sequences(keyStarts), past);
                Attended batch = ops.attention(query, new Sequences(starts), past, spec);
                for (int s = 0; s < 5; s++) {
                    var one = past.of(false, new int[][] {table[s]}, contexts[s]);
                    Attended alone =
                            ops.attention(query.rows(starts[s], starts[s + 1]), Sequences.one(queries[s]), one, spec);
                    sameRows(type + " sequence " + s, batch, starts[s], alone);
                }
            }
        }
    }

    /// Pages of few bits give what F32 pages give that hold the same numbers.
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "I8"})
    void storedNumbersAreWhatCounts(DType type) {
        for (String name : new String[] {"vector", "reference"}) {
            try (Backend backend = Backends.named(name, 2)) {
                var ops = backend.ops(workspace);
                for (int dim : new int[] {64, 20}) {
                    Case c = random(AttentionSpec.causal(8, 2, dim), 6, name.equals("vector") ? 2200 : 130);
                    KvView.Paged stored = cache(ops, c, type, c.context());
                    Case rounded = rounded(c, stored);
                    KvView.Paged floats = cache(ops, rounded, DType.F32, c.context());
                    for (int queries : new int[] {1, 2, 6}) {
                        Tensor query = c.query.rows(6 - queries, 6);
                        var rows = Sequences.one(queries);
                        Attended wanted = ops.attention(query, rows, floats, c.spec);
                        sameRows(name + " " + type, wanted, 0, ops.attention(query, rows, stored, c.spec));
                        Tensor scores = ops.scores(query, floats, 0, c.spec);
                        assertArrayEquals(
                                scores.toFloats(),
                                ops.scores(query, stored, 0, c.spec).toFloats());
                        Tensor pattern = ops.softmax(scores);
                        assertArrayEquals(
                                ops.weigh(pattern, floats, 0, c.spec).toFloats(),
                                ops.weigh(pattern, stored, 0, c.spec).toFloats());
                    }
                    if (type != DType.I8) {
                        var packed = new KvView.Packed(
                                c.key.to(arena, type), c.value.to(arena, type), Sequences.one(c.context()));
                        Attended wanted = ops.attention(c.query, Sequences.one(6), rounded.packed(), c.spec);
                        sameRows("packed", wanted, 0, ops.attention(c.query, Sequences.one(6), packed, c.spec));
                    }
                    workspace.reset();
                }
            }
        }
    }

    private Case rounded(Case c, KvView.Paged stored) {
        Tensor key = Tensor.zeros(arena, DType.F32, c.context(), c.spec.kvHeads(), c.spec.headDim());
        Tensor value = Tensor.zeros(arena, DType.F32, c.context(), c.spec.kvHeads(), c.spec.valueDim());
        for (int p = 0; p < c.context(); p++) {
            for (int h = 0; h < c.spec.kvHeads(); h++) {
                for (int i = 0; i < c.spec.headDim(); i++) {
                    key.set(((long) p * key.dim(1) + h) * key.dim(2) + i, stored.key(0, h, p, i));
                }
                for (int i = 0; i < c.spec.valueDim(); i++) {
                    value.set(((long) p * value.dim(1) + h) * value.dim(2) + i, stored.value(0, h, p, i));
                }
            }
        }
        return new Case(c.spec, c.query, key, value);
    }

    /// 8 bits are wrong by at most 1/254 of the largest magnitude of a key or value, both backends
    /// store the same bits, and what is not finite is not hidden.
    @Test
    void eightBitsKeepTheirBound() {
        Case c = random(AttentionSpec.causal(2, 2, 24), 1, 100);
        c.key.set(5 * 48 + 3, 1e30);
        c.key.set(7 * 48, Float.MIN_VALUE);
        c.value.set(9 * 48 + 2, Double.POSITIVE_INFINITY);
        for (int i = 0; i < 24; i++) {
            c.value.set(11 * 48 + i, 0);
        }
        try (Backend vector = Backends.named("vector", 2);
                Backend reference = Backends.named("reference", 1)) {
            KvView.Paged a = cache(vector.ops(workspace), c, DType.I8, 100);
            KvView.Paged b = cache(reference.ops(workspace), c, DType.I8, 100);
            assertEquals(-1, a.keys().data().mismatch(b.keys().data()));
            assertEquals(-1, a.values().data().mismatch(b.values().data()));
            for (int p = 0; p < 100; p++) {
                for (int h = 0; h < 2; h++) {
                    double largest = 0;
                    double wrong = 0;
                    for (int i = 0; i < 24; i++) {
                        double x = c.key.at((p * 2L + h) * 24 + i);
                        largest = Math.max(largest, Math.abs(x));
                        wrong = Math.max(wrong, Math.abs(x - a.key(0, h, p, i)));
                    }
                    assertTrue(wrong <= largest / 254 * (1 + 1e-6), p + " " + wrong + " of " + largest);
                }
            }
            assertTrue(Double.isNaN(a.value(0, 0, 9, 5)));
            assertEquals(0, a.value(0, 0, 11, 5));
        }
    }

    /// A ring that holds what the window sees gives the bits of a whole cache.
    @ParameterizedTest
    @ValueSource(strings = {"vector", "reference"})
    void aRingHasTheBitsOfAWholeCache(String name) {
        int context = name.equals("vector") ? 2300 : 400;
        var spec = AttentionSpec.causal(4, 2, 16).withMask(new Mask.Window(100, 0));
        Case c = random(spec, context, context);
        try (Backend backend = Backends.named(name, 2)) {
            var ops = backend.ops(workspace);
            for (DType type : new DType[] {DType.F32, DType.F16, DType.I8}) {
                KvView.Paged whole = cache(ops, c, type, 1);
                KvView.Paged ring =
                        KvView.Paged.zeros(arena, type, 3, 2, 16, 16).of(true, new int[][] {{2, 0, 1}}, 0);
                int to;
                for (int from = 0; from < context; from = to) {
                    workspace.reset();
                    to = Math.min(context, from + 1 + random.nextInt(6));
                    Attended wanted = attend(ops, c, whole, from, to);
                    sameRows(type + " at " + from, wanted, 0, attend(ops, c, ring, from, to));
                    Tensor scores = ops.scores(c.query.rows(from, to), longer(whole, to), 0, spec);
                    assertArrayEquals(
                            scores.toFloats(),
                            ops.scores(c.query.rows(from, to), longer(ring, to), 0, spec)
                                    .toFloats());
                    from = to;
                    to = Math.min(context, from + (name.equals("vector") ? 40 : 1));
                    attend(ops, c, whole, from, to);
                    attend(ops, c, ring, from, to);
                }
            }
        }
    }

    @Test
    void badCachesAreRefused() {
        var spec = AttentionSpec.causal(2, 1, 8);
        Tensor query = gaussian(2, 2, 8);
        Tensor key = gaussian(2, 1, 8);
        var two = Sequences.one(2);
        var pool = KvView.Paged.zeros(arena, DType.F32, 3, 1, 8, 8);
        var eight = KvView.Paged.zeros(arena, DType.I8, 3, 1, 8, 8);
        try (Backend backend = Backends.named("vector", 1)) {
            var ops = backend.ops(workspace);
            refused(
                    "needs 2 pages, its block table has 1",
                    () -> ops.attention(query, two, pool.of(false, new int[][] {{0}}, 65), spec));
            refused(
                    "needs 1 pages, its block table has 0",
                    () -> ops.attention(query, two, pool.of(true, new int[][] {{}}, 5), spec));
            refused(
                    "the ring of sequence 0 holds 64 positions, from 36 on, but its 2 queries may see keys from 0 on",
                    () -> ops.attention(query, two, pool.of(true, new int[][] {{0}}, 100), spec));
            Tensor many = gaussian(65, 1, 8);
            refused(
                    "the ring of sequence 0 holds 64 positions, which 65 new tokens do not fit into",
                    () -> ops.store(many, many, Sequences.one(65), pool.of(true, new int[][] {{0}}, 65)));
            var unscaled = new KvView.Paged(eight.keys(), eight.values(), new int[][] {{0}}, new int[] {2});
            refused("or I8 with scales", () -> ops.store(key, key, two, unscaled));
            var mixed = new KvView.Paged(pool.keys(), eight.values(), new int[][] {{0}}, new int[] {2});
            refused("keys and values alike", () -> ops.attention(query, two, mixed, spec));
            var doubles = KvView.Paged.zeros(arena, DType.F64, 3, 1, 8, 8).of(false, new int[][] {{0}}, 2);
            refused("use the reference backend", () -> ops.attention(query, two, doubles, spec));
        }
        try (Backend backend = Backends.named("reference", 1)) {
            var ops = backend.ops(workspace);
            refused(
                    "it needs 66 positions",
                    () -> ops.attention(
                            query, two, pool.of(true, new int[][] {{0}}, 100), spec.withMask(new Mask.Window(64, 0))));
        }
    }

    /// Scores at every stage, and weights times values, of every kind as the reference has them.
    @Test
    void thePlainPathKnowsEveryKind() {
        Tensor bias = gaussian(4, 1, 150);
        bias.set(70, Double.NEGATIVE_INFINITY);
        var plain = AttentionSpec.causal(4, 2, 24).withValueDim(13);
        var kinds = List.of(
                plain,
                plain.withMask(new Mask.Window(9, 2)),
                plain.withMask(Mask.BIDIRECTIONAL).withAlignment(Alignment.TOP_LEFT),
                plain.withSoftCap(2).withBias(new Bias.Alibi(0.5, 0.25, 0.1, 0.01)),
                plain.withBias(new Bias.Added(bias)),
                plain.withScale(-0.3).withScoreFunction((s, batch, head, query, key) -> s * 0.5 + key % 7));
        try (Backend vector = Backends.named("vector", 2);
                Backend reference = Backends.named("reference", 1)) {
            for (AttentionSpec spec : kinds) {
                Case c = random(spec, 20, 150);
                c.value.set(40 * 26L, Double.NaN);
                for (DType type : new DType[] {DType.F32, DType.BF16, DType.I8}) {
                    KvView.Paged past = cache(vector.ops(workspace), c, type, 150);
                    for (ScoreStage stage : ScoreStage.values()) {
                        near(
                                stage + " of " + spec,
                                reference.ops(workspace).scores(c.query, past, 0, spec, stage),
                                vector.ops(workspace).scores(c.query, past, 0, spec, stage));
                    }
                    Tensor pattern =
                            vector.ops(workspace).softmax(vector.ops(workspace).scores(c.query, past, 0, spec));
                    near(
                            "weigh " + spec,
                            reference.ops(workspace).weigh(pattern, past, 0, spec),
                            vector.ops(workspace).weigh(pattern, past, 0, spec));
                }
            }
        }
    }

    private static void near(String name, Tensor wanted, Tensor got) {
        assertEquals(wanted.shape(), got.shape(), name);
        for (long i = 0; i < wanted.size(); i++) {
            double w = wanted.at(i);
            double g = got.at(i);
            boolean same = Double.compare(w, g) == 0 || Math.abs(w - g) <= 1e-5 * Math.max(1, Math.abs(w));
            assertTrue(same, () -> name + ": wanted " + w + ", got " + g);
        }
    }

    private static void refused(String why, Runnable call) {
        var e = assertThrows(IllegalArgumentException.class, call::run);
        assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    }
}
