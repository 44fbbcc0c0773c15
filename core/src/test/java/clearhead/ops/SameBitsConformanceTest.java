package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// A row of a result does not depend on the rows beside it, and attention does not depend on how
/// its keys are stored or how many tokens come at once. (1 and 2 threads: [Kit].)
class SameBitsConformanceTest {
    /// Heads, kvHeads and headDim: groups of 1, 2 and 3 queries, dims at, below and beside whole vectors.
    static List<Arguments> cases() {
        var cases = new ArrayList<Arguments>();
        for (Subject subject : Subject.all()) {
            for (AttentionSpec spec : List.of(
                    AttentionSpec.causal(4, 2, 24),
                    AttentionSpec.causal(3, 1, 64),
                    AttentionSpec.causal(1, 1, 33),
                    AttentionSpec.causal(2, 2, 128),
                    new AttentionSpec(6, 2, 80, 0.1, Mask.CAUSAL))) {
                cases.add(Arguments.of(subject, spec));
            }
        }
        return cases;
    }

    static List<Subject> subjects() {
        return Subject.all();
    }

    private interface Body {
        void run(Ops ops, Adjoints adjoints, java.util.function.UnaryOperator<Tensor> pack);
    }

    private static void with(Subject subject, Body body) {
        for (Backend backend : List.of(subject.one(), subject.two())) {
            try (Workspace workspace = new Workspace();
                    Arena arena = Arena.ofShared()) {
                body.run(backend.ops(workspace), backend.adjoints(workspace), w -> backend.pack(w, arena));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void linearOfOneRowAndOfMany(Subject subject) {
        for (DType type : List.of(DType.F32, DType.F16, DType.BF16, DType.Q8_0, DType.Q4_0, DType.Q4_1)) {
            for (int[] s : new int[][] {{33, 64, 80}, {70, 160, 37}, {17, 1024, 16}, {5, 96, 129}}) {
                var data = new Data(s[0]);
                Tensor x = data.normal(s[0], s[1]);
                Tensor rows = data.weight(type, 1, s[2], s[1]);
                Tensor bias = data.normal(s[2]);
                with(subject, (ops, adjoints, pack) -> {
                    for (Tensor weight : List.of(rows, pack.apply(rows))) {
                        String what = "linear " + x + " · " + weight;
                        sameRows(subject, what, x, row -> ops.linear(row, weight));
                        sameRows(subject, what, x, row -> ops.linear(row, weight, bias));
                    }
                });
            }
        }
    }

    /// All rows at once, and 1 to 5 at a time.
    private static void sameRows(
            Subject subject, String what, Tensor x, java.util.function.UnaryOperator<Tensor> operation) {
        float[] all = operation.apply(x).toFloats();
        int width = all.length / x.dim(0);
        for (int from = 0; from < x.dim(0); ) {
            int count = Math.min(1 + from % 5, x.dim(0) - from);
            float[] some = operation.apply(x.rows(from, from + count)).toFloats();
            float[] wanted = java.util.Arrays.copyOfRange(all, from * width, (from + count) * width);
            Kit.sameBits(subject + ": " + what + ", rows " + from + " to " + (from + count), wanted, some);
            from += count;
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void rowsAloneAndTogether(Subject subject) {
        for (int dim : new int[] {1, 9, 24, 100, 257}) {
            var data = new Data(dim);
            Tensor x = data.normal(37, dim);
            Tensor dOut = data.normal(dim, 37);
            Tensor weight = data.normal(dim);
            Tensor square = data.normal(dim, dim);
            with(subject, (ops, adjoints, pack) -> {
                sameRows(subject, "layerNorm " + x, x, row -> ops.layerNorm(row, weight, weight, 1e-5));
                sameRows(subject, "rmsNorm " + x, x, row -> ops.rmsNorm(row, weight, 1e-5));
                sameRows(subject, "softmax " + x, x, ops::softmax);
                sameRows(subject, "scale " + x, x, row -> ops.scale(row, 0.3));
                sameRows(subject, "add " + x, x, row -> ops.add(row, row));
                sameRows(subject, "linearInput " + x, x, row -> adjoints.linearInput(row, square));
                for (Activation act : Activation.values()) {
                    sameRows(subject, act + " " + x, x, row -> ops.activate(act, row));
                    sameRows(subject, act + " gate " + x, x, row -> ops.gate(act, row, row));
                }
                sameRows(subject, "crossEntropy " + x, x, row -> {
                    var targets = new int[row.dim(0)];
                    return ops.crossEntropy(row, data.ints(targets));
                });
            });
        }
    }

    private static Tensor query(Data data, AttentionSpec spec, int tokens) {
        return data.normal(tokens, spec.heads(), spec.headDim());
    }

    private static KvView.Packed past(Data data, AttentionSpec spec, Sequences rows) {
        return new KvView.Packed(
                data.normal(rows.tokens(), spec.kvHeads(), spec.headDim()),
                data.normal(rows.tokens(), spec.kvHeads(), spec.headDim()),
                rows);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void attentionPagedAndPacked(Subject subject, AttentionSpec spec) {
        var data = new Data(1);
        var rows = new Sequences(0, 1, 66, 66, 130, 300);
        var past = past(data, spec, rows);
        with(subject, (ops, adjoints, pack) -> {
            KvView.Paged paged = data.paged(ops, past, 3);
            Tensor all = query(data, spec, rows.tokens());
            var whole =
                    new AttentionSpec(spec.heads(), spec.kvHeads(), spec.headDim(), spec.scale(), Mask.BIDIRECTIONAL);
            for (AttentionSpec masked : List.of(spec, whole)) {
                same(
                        subject + ": paged, all queries",
                        ops.attention(all, rows, past, masked),
                        ops.attention(all, rows, paged, masked));
            }
            var last = new Sequences(0, 1, 2, 2, 5, 15);
            Tensor few = query(data, spec, last.tokens());
            same(
                    subject + ": paged, last queries",
                    ops.attention(few, last, past, spec),
                    ops.attention(few, last, paged, spec));
            for (int s = 0; s < rows.count(); s++) {
                Tensor q = query(data, spec, 3);
                Tensor scores = ops.scores(q, past, s, spec);
                Kit.sameBits(
                        subject + ": paged scores of sequence " + s,
                        scores.toFloats(),
                        ops.scores(q, paged, s, spec).toFloats());
                Tensor pattern = ops.softmax(scores);
                Kit.sameBits(
                        subject + ": paged values of sequence " + s,
                        ops.weigh(pattern, past, s, spec).toFloats(),
                        ops.weigh(pattern, paged, s, spec).toFloats());
            }
        });
    }

    private static void same(String name, Attended wanted, Attended found) {
        Kit.sameBits(name + ", out", wanted.out().toFloats(), found.out().toFloats());
        Kit.sameBits(name + ", lse", wanted.lse().toFloats(), found.lse().toFloats());
    }

    /// out of some rows, and their column of lse.
    private static void same(String name, Attended wanted, int from, int to, Attended found, int foundFrom) {
        int count = to - from;
        Kit.sameBits(
                name + ", out",
                wanted.out().rows(from, to).toFloats(),
                found.out().rows(foundFrom, foundFrom + count).toFloats());
        for (int h = 0; h < wanted.lse().dim(0); h++) {
            for (int i = 0; i < count; i++) {
                double a = wanted.lse().at((long) h * wanted.lse().dim(1) + from + i);
                double b = found.lse().at((long) h * found.lse().dim(1) + foundFrom + i);
                Kit.sameBits(
                        name + ", lse of head " + h + ", query " + i, new float[] {(float) a}, new float[] {(float) b});
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void attentionOfABatchAndAlone(Subject subject, AttentionSpec spec) {
        var data = new Data(2);
        var rows = new Sequences(0, 5, 70, 71, 135, 290);
        var past = past(data, spec, rows);
        Tensor query = query(data, spec, rows.tokens());
        Tensor dOut = query(data, spec, rows.tokens());
        with(subject, (ops, adjoints, pack) -> {
            Attended batch = ops.attention(query, rows, past, spec);
            Adjoints.Attention g = adjoints.attention(query, rows, past, spec, batch, dOut);
            for (int s = 0; s < rows.count(); s++) {
                int from = rows.start(s);
                int to = from + rows.length(s);
                var one = Sequences.one(to - from);
                var alone = new KvView.Packed(
                        past.key().rows(from, to), past.value().rows(from, to), one);
                Tensor q = query.rows(from, to);
                Attended a = ops.attention(q, one, alone, spec);
                String name = subject + ": sequence " + s + " in a batch and alone";
                same(name, batch, from, to, a, 0);
                Adjoints.Attention b = adjoints.attention(q, one, alone, spec, a, dOut.rows(from, to));
                sameRows(name + ", dQuery", g.dQuery(), from, to, b.dQuery());
                sameRows(name + ", dKey", g.dKey(), from, to, b.dKey());
                sameRows(name + ", dValue", g.dValue(), from, to, b.dValue());
            }
        });
    }

    private static void sameRows(String name, Tensor all, int from, int to, Tensor alone) {
        Kit.sameBits(name, all.rows(from, to).toFloats(), alone.toFloats());
    }

    /// One pass over 150 tokens, token by token, and in chunks that end beside block edges.
    @ParameterizedTest
    @MethodSource("cases")
    void attentionOfOnePassAndInParts(Subject subject, AttentionSpec spec) {
        int tokens = 150;
        var data = new Data(3);
        var whole = past(data, spec, Sequences.one(tokens));
        Tensor query = query(data, spec, tokens);
        BiFunction<KvView.Packed, Integer, KvView.Packed> first = (past, n) ->
                new KvView.Packed(past.key().rows(0, n), past.value().rows(0, n), Sequences.one(n));
        with(subject, (ops, adjoints, pack) -> {
            Attended once = ops.attention(query, Sequences.one(tokens), whole, spec);
            for (int chunk : new int[] {1, 2, 7, 16, 63, 64, 65}) {
                for (int from = 0; from < tokens; from += chunk) {
                    int to = Math.min(tokens, from + chunk);
                    var part = Sequences.one(to - from);
                    Tensor q = query.rows(from, to);
                    KvView.Packed packed = first.apply(whole, to);
                    String name = subject + ": queries " + from + " to " + to;
                    same(name + " packed", once, from, to, ops.attention(q, part, packed, spec), 0);
                    if (chunk == 1 && from % 9 != 0) {
                        continue; // paging all of it for every token takes long
                    }
                    same(name + " paged", once, from, to, ops.attention(q, part, data.paged(ops, packed, 1), spec), 0);
                }
            }
        });
    }

    /// Contexts of several segments of 2,048 keys: the last rows of one pass, in chunks and alone, and
    /// rows of an earlier segment in one tile with rows of the next.
    @ParameterizedTest
    @MethodSource("subjects")
    void attentionOverSegmentsInParts(Subject subject) {
        for (AttentionSpec spec : List.of(AttentionSpec.causal(4, 2, 24), AttentionSpec.causal(1, 1, 64))) {
            int tokens = 4120;
            var data = new Data(4);
            var whole = past(data, spec, Sequences.one(tokens));
            Tensor query = query(data, spec, tokens);
            with(subject, (ops, adjoints, pack) -> {
                Attended once = ops.attention(query, Sequences.one(tokens), whole, spec);
                for (int[] part : new int[][] {
                    {0, 2000}, {2000, 2060}, {2046, 2047}, {2047, 2048}, {2048, 2049}, {4000, 4096}, {4095, 4098}
                }) {
                    var packed = new KvView.Packed(
                            whole.key().rows(0, part[1]), whole.value().rows(0, part[1]), Sequences.one(part[1]));
                    var rows = Sequences.one(part[1] - part[0]);
                    Attended found = ops.attention(query.rows(part[0], part[1]), rows, packed, spec);
                    same(
                            subject + ": queries " + part[0] + " to " + part[1] + " of several segments",
                            once,
                            part[0],
                            part[1],
                            found,
                            0);
                }
            });
        }
    }
}
