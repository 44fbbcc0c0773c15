package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.ops.score.BlockMask;
import clearhead.ops.score.Index;
import clearhead.ops.score.ScoreMod;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every kind of attention, forward, on every backend: against the reference in double precision, and
/// the same bits where two ways must lead to the same.
class AttentionKindsConformanceTest {
    private static final int[] CONTEXTS = {9, 150, 0, 64, 70};
    private static final int[] QUERIES = {9, 150, 2, 3, 70};
    private static final float NONE = Float.NEGATIVE_INFINITY;

    static List<Subject> subjects() {
        return Subject.all();
    }

    /// Those that do not compute in double precision.
    static List<Subject> inFloat32() {
        return Subject.all().stream()
                .filter(subject -> !subject.name().equals("reference"))
                .toList();
    }

    private static int[] list(int... values) {
        return values;
    }

    private static Sequences pack(int[] lengths) {
        var starts = new int[lengths.length + 1];
        for (int s = 0; s < lengths.length; s++) {
            starts[s + 1] = starts[s] + lengths[s];
        }
        return new Sequences(starts);
    }

    private static Tensor bools(int every, int... dims) {
        Tensor t = Tensor.zeros(Arena.ofAuto(), DType.BOOL, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, (i * 7919 + 1) % 13 % every == 0 ? 0 : 1);
        }
        return t;
    }

    private static Tensor ones(int keys) {
        Tensor t = Tensor.zeros(Arena.ofAuto(), DType.BOOL, keys);
        for (int i = 0; i < keys; i++) {
            t.set(i, 1);
        }
        return t;
    }

    /// With some −∞.
    private static Tensor biases(int... dims) {
        Tensor t = new Data(dims.length).normal(dims);
        for (long i = 0; i < t.size(); i += 7) {
            t.set(i, NONE);
        }
        return t;
    }

    private static List<Mask> masks() {
        int[][] pieces = new int[CONTEXTS.length][];
        int[][] scattered = new int[CONTEXTS.length][];
        for (int s = 0; s < CONTEXTS.length; s++) {
            pieces[s] = new int[CONTEXTS[s]];
            scattered[s] = new int[CONTEXTS[s]];
            for (int i = 0; i < CONTEXTS[s]; i++) {
                pieces[s][i] = i / 37;
                scattered[s][i] = i % 3;
            }
        }
        int n = CONTEXTS.length;
        return List.of(
                new Mask.Window(16, 0),
                new Mask.Window(0, 0),
                new Mask.Window(100, 20),
                new Mask.Window(-1, 3),
                new Mask.Window(5, -1),
                new Mask.Chunked(48),
                new Mask.Chunked(64),
                new Mask.Prefix(37),
                new Mask.Prefix(9, 100, 0, 1, 70),
                new Mask.Documents(pieces),
                new Mask.Documents(pieces).and(Mask.CAUSAL),
                new Mask.Documents(scattered).and(new Mask.Window(80, 0)),
                new Mask.Allowed(bools(2, 150)),
                new Mask.Allowed(bools(3, 150, 1)),
                new Mask.Allowed(bools(2, 4, 150, 121)),
                new Mask.Allowed(bools(3, n, 1, 150, 150)).and(Mask.CAUSAL));
    }

    /// Over 4 heads of 24 on 2 kv heads.
    private static List<AttentionSpec> specs() {
        var plain = new AttentionSpec(4, 2, 24, 1 / Math.sqrt(24), Mask.CAUSAL);
        var specs = new ArrayList<AttentionSpec>();
        for (Mask mask : masks()) {
            specs.add(plain.withMask(mask));
        }
        int n = CONTEXTS.length;
        var full = plain.withMask(Mask.BIDIRECTIONAL);
        var blocks = BlockMask.of((batch, head, query, key) -> (query + head) % 5 != 0 && key % 64 < query, 1, 4, 150);
        specs.add(plain.withAlignment(Alignment.TOP_LEFT));
        specs.add(plain.withAlignment(new Alignment.Offset(-3)));
        specs.add(plain.withMask(new Mask.Window(20, 2)).withAlignment(new Alignment.Offset(5, 60, 3, 0, 7)));
        specs.add(full.withMask(new Mask.Blocks(blocks)).withAlignment(Alignment.TOP_LEFT));
        specs.add(plain.withScale(0));
        specs.add(plain.withScale(-0.3));
        specs.add(plain.withSoftCap(0.7));
        specs.add(full.withSoftCap(50));
        specs.add(plain.withBias(Bias.Alibi.of(4)));
        specs.add(full.withBias(Bias.Alibi.of(4)).withAlignment(new Alignment.Offset(40)));
        specs.add(plain.withBias(new Bias.Relative(new Data(1).normal(32, 4), false, 128)));
        specs.add(full.withBias(new Bias.Relative(new Data(2).normal(8, 4), true, 20)));
        specs.add(full.withBias(new Bias.Added(biases(150))));
        specs.add(full.withBias(new Bias.Added(biases(150, 133))));
        specs.add(plain.withBias(new Bias.Added(biases(4, 150, 1))));
        specs.add(plain.withBias(new Bias.Added(biases(n, 4, 150, 150))));
        specs.add(plain.withSinks(new Data(3).normal(4)));
        Tensor some = new Data(4).normal(4);
        some.set(1, NONE);
        some.set(2, 30);
        specs.add(full.withSinks(some));
        specs.add(plain.withDropout(0.3, 77));
        ScoreMod away = (score, batch, head, query, key) ->
                score.minus(query.minus(key).abs().toValue().times(0.1)).plus(head);
        specs.add(plain.withScoreMod(away));
        specs.add(plain.withScoreMod((score, batch, head, query, key) ->
                Index.of(3).atMost(key).choose(score.over(5).tanh(), score)));
        specs.add(full.withScoreFunction((score, batch, head, query, key) -> score * 0.5 - Math.abs(query - key)));
        specs.add(plain.withMask(new Mask.Window(70, 0))
                .withSoftCap(3)
                .withScoreMod(away)
                .withBias(Bias.Alibi.of(4))
                .withSinks(some)
                .withDropout(0.1, 5));
        return specs;
    }

    private static Tensor[] inputs(AttentionSpec spec, int[] queries, int[] contexts) {
        var data = new Data(spec.headDim() + 1000L * contexts[0]);
        int keys = pack(contexts).tokens();
        return new Tensor[] {
            data.normal(pack(queries).tokens(), spec.heads(), spec.headDim()),
            data.normal(keys, spec.kvHeads(), spec.headDim()),
            data.normal(keys, spec.kvHeads(), spec.valueDim())
        };
    }

    private static void check(Subject subject, AttentionSpec spec, int[] queries, int[] contexts) {
        String what = "attention, queries " + java.util.Arrays.toString(queries) + " of context "
                + java.util.Arrays.toString(contexts) + ", " + spec;
        Kit.check(
                subject,
                what,
                0,
                (d, in) -> {
                    var past = new KvView.Packed(in[1], in[2], pack(contexts));
                    Attended a = d.ops().attention(in[0], pack(queries), past, spec);
                    return List.of(a.out(), a.lse());
                },
                inputs(spec, queries, contexts));
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void everyKind(Subject subject) {
        for (AttentionSpec spec : specs()) {
            check(subject, spec, QUERIES, CONTEXTS);
        }
    }

    /// Latent attention, and values of other widths than whole vectors.
    @ParameterizedTest
    @MethodSource("subjects")
    void valuesOfAnotherWidth(Subject subject) {
        for (int[] dims : new int[][] {{192, 128}, {576, 512}, {24, 40}, {40, 1}, {16, 100}, {100, 16}, {1, 17}}) {
            for (Mask mask : List.of(Mask.CAUSAL, Mask.BIDIRECTIONAL, new Mask.Window(30, 0))) {
                var spec = new AttentionSpec(4, 2, dims[0], 1 / Math.sqrt(dims[0]), mask).withValueDim(dims[1]);
                check(subject, spec, list(70), list(130));
                check(subject, spec, list(3), list(70));
            }
        }
    }

    /// FlashAttention's rule and grid: the error is at most twice that of attention in float32 with
    /// every score in memory. Each pair of lengths with all head sizes where it is short.
    @ParameterizedTest
    @MethodSource("inFloat32")
    void errorAtMostTwiceThatOfNaive(Subject subject) {
        int[][] pairs = {
            {113, 203},
            {128, 217},
            {113, 211},
            {108, 256},
            {256, 512},
            {512, 256},
            {1024, 1024},
            {1023, 1024},
            {1024, 1023}
        };
        int[] dims = {40, 59, 64, 80, 96, 111, 128, 160, 192, 224, 256};
        int turn = 0;
        for (int[] pair : pairs) {
            boolean isShort = pair[0] * pair[1] < 30_000;
            for (int i = 0; i < (isShort ? dims.length : 1); i++) {
                int dim = isShort ? dims[i] : dims[turn++ % dims.length];
                int kvHeads = 1 + i % 2;
                var spec = new AttentionSpec(2, kvHeads, dim, 1 / Math.sqrt(dim), Mask.CAUSAL);
                if (!isShort) {
                    spec = new AttentionSpec(1, 1, dim, 1 / Math.sqrt(dim), Mask.CAUSAL);
                }
                AttentionSpec other = switch (i % 4) {
                    case 0 -> spec.withMask(Mask.BIDIRECTIONAL);
                    case 1 -> spec.withMask(new Mask.Window(40, 0));
                    case 2 -> spec.withSoftCap(15);
                    default -> spec.withSinks(new Data(dim).normal(2));
                };
                check(subject, other, list(pair[0]), list(pair[1]));
                if (isShort) {
                    check(subject, spec, list(pair[0]), list(pair[1]));
                }
            }
        }
    }

    private interface Body {
        void run(Ops ops);
    }

    private static void with(Subject subject, Body body) {
        for (Backend backend : List.of(subject.one(), subject.two())) {
            try (Workspace workspace = new Workspace()) {
                body.run(backend.ops(workspace));
            }
        }
    }

    private static void same(String name, Attended wanted, Attended found) {
        Kit.sameBits(name + ", out", wanted.out().toFloats(), found.out().toFloats());
        Kit.sameBits(name + ", lse", wanted.lse().toFloats(), found.lse().toFloats());
    }

    /// Two specs that mean the same.
    private static void same(Subject subject, String name, AttentionSpec one, AttentionSpec other) {
        Tensor[] in = inputs(one, QUERIES, CONTEXTS);
        var past = new KvView.Packed(in[1], in[2], pack(CONTEXTS));
        with(
                subject,
                ops -> same(
                        subject + ": " + name,
                        ops.attention(in[0], pack(QUERIES), past, one),
                        ops.attention(in[0], pack(QUERIES), past, other)));
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void whatMeansTheSameGivesTheSameBits(Subject subject) {
        for (int dim : list(24, 64)) {
            var causal = new AttentionSpec(4, 2, dim, 1 / Math.sqrt(dim), Mask.CAUSAL);
            var full = causal.withMask(Mask.BIDIRECTIONAL);
            var square = BlockMask.of((batch, head, query, key) -> key <= query, 150);
            same(subject, "window as long as the context", causal, causal.withMask(new Mask.Window(150, 0)));
            same(subject, "window without limits", full, full.withMask(new Mask.Window(-1, -1)));
            same(subject, "one chunk", causal, causal.withMask(new Mask.Chunked(1000)));
            same(subject, "no prefix", causal, causal.withMask(new Mask.Prefix(0)));
            same(subject, "all allowed", causal, causal.withMask(Mask.CAUSAL.and(new Mask.Allowed(ones(150)))));
            same(subject, "all of a prefix", full, full.withMask(new Mask.Prefix(150)));
            same(
                    subject,
                    "causal as a block mask",
                    causal.withAlignment(Alignment.TOP_LEFT),
                    causal.withAlignment(Alignment.TOP_LEFT).withMask(new Mask.Blocks(square)));
            Tensor none = new Data(1).normal(4);
            for (int h = 0; h < 4; h++) {
                none.set(h, NONE);
            }
            same(subject, "sinks of −∞", causal, causal.withSinks(none));
            same(
                    subject,
                    "window as a bias of −∞",
                    causal.withBias(new Bias.Added(zeros())),
                    causal.withBias(new Bias.Added(zeros())).withMask(new Mask.Window(160, 0)));
        }
    }

    private static Tensor zeros() {
        return Tensor.zeros(Arena.ofAuto(), DType.F32, 1);
    }

    /// A row does not depend on the tokens that come with it, for every kind that knows positions.
    @ParameterizedTest
    @MethodSource("subjects")
    void inPartsAndAtOnce(Subject subject) {
        int tokens = 300;
        var causal = new AttentionSpec(4, 2, 24, 1 / Math.sqrt(24), Mask.CAUSAL);
        int[] documents = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            documents[i] = i / 50 % 4;
        }
        List<UnaryOperator<AttentionSpec>> kinds = List.of(
                s -> s.withMask(new Mask.Window(70, 0)),
                s -> s.withMask(new Mask.Chunked(100)),
                s -> s.withMask(new Mask.Documents(documents).and(Mask.CAUSAL)),
                s -> s.withBias(Bias.Alibi.of(4)),
                s -> s.withSoftCap(2).withSinks(new Data(9).normal(4)));
        for (UnaryOperator<AttentionSpec> kind : kinds) {
            AttentionSpec spec = kind.apply(causal);
            Tensor[] in = inputs(spec, list(tokens), list(tokens));
            var past = new KvView.Packed(in[1], in[2], Sequences.one(tokens));
            with(subject, ops -> {
                Attended once = ops.attention(in[0], Sequences.one(tokens), past, spec);
                for (int chunk : list(1, 33, 64, 100)) {
                    for (int from = chunk == 1 ? 130 : 0; from < (chunk == 1 ? 136 : tokens); from += chunk) {
                        int to = Math.min(tokens, from + chunk);
                        var some = new KvView.Packed(in[1].rows(0, to), in[2].rows(0, to), Sequences.one(to));
                        Attended found = ops.attention(in[0].rows(from, to), Sequences.one(to - from), some, spec);
                        Kit.sameBits(
                                subject + ": queries " + from + " to " + to + ", " + spec,
                                once.out().rows(from, to).toFloats(),
                                found.out().toFloats());
                    }
                }
            });
        }
    }

    /// What is not a number in a key or value stays with the rows that see it.
    @ParameterizedTest
    @MethodSource("subjects")
    void notANumberStaysWithTheRowsThatSeeIt(Subject subject) {
        int tokens = 200;
        int bad = 130;
        var causal = new AttentionSpec(2, 1, 40, 1 / Math.sqrt(40), Mask.CAUSAL);
        var hidden = Tensor.zeros(Arena.ofAuto(), DType.F32, tokens, tokens);
        for (int i = 0; i < bad + 10; i++) {
            hidden.set((long) i * tokens + bad, NONE);
        }
        for (AttentionSpec spec : List.of(
                causal,
                causal.withMask(new Mask.Window(10, 0)),
                causal.withMask(new Mask.Window(10, 5)).withSoftCap(5),
                causal.withMask(new Mask.Chunked(64)),
                causal.withBias(new Bias.Added(hidden)))) {
            for (int which : list(1, 2)) {
                for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                    Tensor[] in = inputs(spec, list(tokens), list(tokens));
                    with(subject, ops -> {
                        var rows = Sequences.one(tokens);
                        var clean = new Tensor[] {in[0], in[1].copy(Arena.ofAuto()), in[2].copy(Arena.ofAuto())};
                        float[] wanted = ops.attention(in[0], rows, new KvView.Packed(clean[1], clean[2], rows), spec)
                                .out()
                                .toFloats();
                        clean[which].set(bad * 40L + 3, value);
                        float[] found = ops.attention(in[0], rows, new KvView.Packed(clean[1], clean[2], rows), spec)
                                .out()
                                .toFloats();
                        for (int n = 0; n < tokens; n++) {
                            boolean sees = spec.score(0, 0, 0, n, n, bad) != NONE;
                            var a = java.util.Arrays.copyOfRange(wanted, n * 80, n * 80 + 80);
                            var b = java.util.Arrays.copyOfRange(found, n * 80, n * 80 + 80);
                            String name = subject + ": query " + n + ", " + spec;
                            if (!sees) {
                                Kit.sameBits(name, a, b);
                            } else if (Float.isNaN(value)) {
                                assertTrue(Float.isNaN(b[3]), name);
                            }
                            assertFalse(Float.isNaN(a[3]), name);
                        }
                    });
                }
            }
        }
    }
}
