package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Gradients of attention with everything that a spec can have, on every backend against the
/// reference.
class AttentionGradientConformanceTest {
    static List<Subject> subjects() {
        return Subject.all();
    }

    /// It is what the others are compared with.
    private static boolean isReference(Subject subject) {
        return subject.toString().contains("reference");
    }

    private static void check(Subject subject, AttentionGradients.Case c) {
        var data = new Data(c.headDim() + 1000L * c.contexts()[0]);
        var inputs = new ArrayList<>(List.of(c.inputs(data)));
        Tensor dOut = data.normal(c.queryRows().tokens(), c.heads(), c.valueDim());
        inputs.add(dOut);
        Tensor[] in = inputs.toArray(new Tensor[0]);
        // dQuery sums p·(dOut·v − delta)·slope·k: the difference is rounded where dOut·v is large. The
        // same for dKey with q. dValue sums p·dOut with p = exp(score − lse), whose relative error is the
        // absolute error of a score: that of a number as large as the largest score.
        double scale = Math.abs(c.spec(in).scale());
        double weight = largestProduct(c, dOut, in[2]);
        double score = largestProduct(c, in[0], in[1]) * scale;
        double[] magnitudes = {
            0,
            score,
            weight * scale * Kit.largest(in[1]),
            weight * scale * Kit.largest(in[0]),
            score * Kit.largest(dOut)
        };
        Kit.checkGradient(
                subject,
                "gradients of attention, " + c,
                output -> output < magnitudes.length ? magnitudes[output] : weight,
                (d, all) -> {
                    Tensor[] own = Arrays.copyOf(all, all.length - 1);
                    Attended forward = c.forward(d.ops(), own);
                    var outputs = new ArrayList<>(List.of(forward.out(), forward.lse()));
                    outputs.addAll(c.gradients(d.adjoints(), own, forward, all[all.length - 1]));
                    return outputs;
                },
                in);
    }

    /// max |a·b| over the queries and keys of each sequence.
    ///
    /// @param a [tokens, heads, dim]
    /// @param b [keys, kvHeads, dim]
    private static double largestProduct(AttentionGradients.Case c, Tensor a, Tensor b) {
        float[] x = a.toFloats();
        float[] y = b.toFloats();
        int dim = a.dim(2);
        double largest = 0;
        for (int s = 0; s < c.queries().length; s++) {
            for (int i = c.queryRows().start(s); i < c.queryRows().start(s + 1); i++) {
                for (int j = c.keyRows().start(s); j < c.keyRows().start(s + 1); j++) {
                    for (int h = 0; h < c.heads(); h++) {
                        int from = (i * c.heads() + h) * dim;
                        int to = (j * c.kvHeads() + h / (c.heads() / c.kvHeads())) * dim;
                        double sum = 0;
                        for (int k = 0; k < dim; k++) {
                            sum += (double) x[from + k] * y[to + k];
                        }
                        largest = Math.max(largest, Math.abs(sum));
                    }
                }
            }
        }
        return largest;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void everyFeature(Subject subject) {
        for (int length : isReference(subject) ? new int[] {12} : new int[] {12, 75}) {
            for (var c : AttentionGradients.cases(length)) {
                check(subject, c);
            }
        }
    }

    /// FlashAttention's grid of lengths and head sizes, thinned out.
    @ParameterizedTest
    @MethodSource("subjects")
    void lengthsAndHeadSizes(Subject subject) {
        if (isReference(subject)) {
            return;
        }
        int[][] lengths = {
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
        int[] sizes = {40, 59, 64, 80, 96, 111, 128, 160, 192, 224, 256};
        for (int i = 0; i < lengths.length; i++) {
            check(subject, plain(lengths[i], 1, 1, sizes[i], (s, _) -> s));
        }
        for (int size : sizes) {
            check(subject, plain(lengths[0], 4, 2, size, (s, _) -> s.withMask(new Mask.Window(64, 0))));
            check(
                    subject,
                    plain(
                            lengths[2],
                            3,
                            1,
                            size,
                            (s, _) -> s.withMask(Mask.BIDIRECTIONAL).withSoftCap(15)));
        }
        check(subject, plain(new int[] {100, 130}, 2, 2, 192, (s, _) -> s.withValueDim(128)));
        check(subject, plain(new int[] {70, 70}, 2, 1, 576, (s, _) -> s.withValueDim(512)));
    }

    private static AttentionGradients.Case plain(
            int[] lengths, int heads, int kvHeads, int size, AttentionGradients.Kind kind) {
        int valueDim = kind.of(new AttentionSpec(heads, kvHeads, size, 1, Mask.CAUSAL), Optional.empty())
                .valueDim();
        return new AttentionGradients.Case(
                "grid",
                new int[] {lengths[0]},
                new int[] {lengths[1]},
                heads,
                kvHeads,
                size,
                valueDim,
                false,
                new int[0],
                kind);
    }

    private record Result(List<float[]> gradients) {}

    private record Case(AttentionGradients.Case c, Tensor[] in, Tensor dOut) {
        Result run(Backend backend) {
            try (var workspace = new Workspace()) {
                Attended forward = c.forward(backend.ops(workspace), in);
                List<Tensor> all = c.gradients(backend.adjoints(workspace), in, forward, dOut);
                return new Result(all.stream().map(Tensor::toFloats).toList());
            }
        }
    }

    /// One head of one long sequence, on any number of threads: ranges of keys wait for each other.
    @ParameterizedTest
    @MethodSource("subjects")
    void anyNumberOfThreads(Subject subject) {
        if (isReference(subject)) {
            return;
        }
        var data = new Data(4);
        for (var c : List.of(
                plain(new int[] {700, 700}, 1, 1, 16, (s, _) -> s),
                plain(new int[] {700, 700}, 1, 1, 16, (s, _) -> s.withMask(new Mask.Window(100, 50))),
                plain(new int[] {333, 700}, 2, 1, 16, (s, _) -> s.withMask(Mask.BIDIRECTIONAL)))) {
            var one = new Case(c, c.inputs(data), data.normal(c.queries()[0], c.heads(), 16));
            Result wanted = one.run(subject.one());
            for (int threads : new int[] {2, 3, 7}) {
                try (Backend backend = Backends.named("vector", threads)) {
                    Result found = one.run(backend);
                    for (int n = 0; n < 3; n++) {
                        Kit.sameBits(
                                c + ", " + threads + " threads, output " + n,
                                wanted.gradients().get(n),
                                found.gradients().get(n));
                    }
                }
            }
        }
    }

    /// Each sequence of a batch has the gradients that it has alone.
    @ParameterizedTest
    @MethodSource("subjects")
    void batchesAreSequences(Subject subject) {
        int[] lengths = {130, 1, 700, 64};
        AttentionGradients.Kind kind =
                (s, _) -> s.withMask(new Mask.Window(200, 0)).withSoftCap(3);
        var batch = new AttentionGradients.Case("batch", lengths, lengths, 2, 1, 24, 24, false, new int[0], kind);
        var data = new Data(8);
        Tensor[] in = batch.inputs(data);
        Tensor dOut = data.normal(batch.queryRows().tokens(), 2, 24);
        Result all = new Case(batch, in, dOut).run(subject.two());
        for (int s = 0; s < lengths.length; s++) {
            int from = batch.queryRows().start(s);
            int to = batch.queryRows().start(s + 1);
            Tensor[] own = {in[0].rows(from, to), in[1].rows(from, to), in[2].rows(from, to)};
            var alone = plain(new int[] {lengths[s], lengths[s]}, 2, 1, 24, kind);
            Result single = new Case(alone, own, dOut.rows(from, to)).run(subject.two());
            for (int n = 0; n < 3; n++) {
                int width = n == 0 ? 48 : 24;
                float[] part = Arrays.copyOfRange(all.gradients().get(n), from * width, to * width);
                Kit.sameBits(
                        "sequence " + s + ", output " + n,
                        part,
                        single.gradients().get(n));
            }
        }
    }

    /// A NaN stays in what depends on it, and rows that see nothing have gradients of zero.
    @ParameterizedTest
    @MethodSource("subjects")
    void notANumberStaysWhereItIs(Subject subject) {
        int t = 150;
        int bad = 100;
        for (Mask mask : List.of(Mask.CAUSAL, new Mask.Window(20, 0), new Mask.Window(3, 30))) {
            for (int which = 0; which < 4; which++) {
                var c = plain(new int[] {t, t}, 1, 1, 16, (s, _) -> s.withMask(mask));
                var data = new Data(9);
                Tensor[] in = c.inputs(data);
                Tensor dOut = data.normal(t, 1, 16);
                (which == 3 ? dOut : in[which]).set(bad * 16L + 5, Double.NaN);
                Result found = new Case(c, in, dOut).run(subject.two());
                for (int i = 0; i < t; i++) {
                    boolean query = which == 0 || which == 3;
                    // who sees the bad key, or is seen by the bad query
                    boolean row = query ? i == bad : mask.sees(0, 0, i, i, bad);
                    boolean key = false;
                    for (int q = 0; q < t; q++) {
                        boolean spoilt = query ? q == bad : mask.sees(0, 0, q, q, bad);
                        key |= spoilt && mask.sees(0, 0, q, q, i);
                    }
                    String where = subject + ", " + mask + ", input " + which + ", row " + i;
                    assertEquals(row, Float.isNaN(found.gradients().get(0)[i * 16]), where + ", dQuery");
                    assertEquals(key, Float.isNaN(found.gradients().get(1)[i * 16]), where + ", dKey");
                    if (!key) {
                        assertTrue(Float.isFinite(found.gradients().get(2)[i * 16]), where + ", dValue");
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void rowsThatSeeNothing(Subject subject) {
        var c = plain(new int[] {100, 70}, 2, 1, 16, (s, _) -> s);
        var data = new Data(2);
        Tensor[] in = c.inputs(data);
        Result found = new Case(c, in, data.normal(100, 2, 16)).run(subject.two());
        for (int n = 0; n < 3; n++) {
            for (float x : found.gradients().get(n)) {
                assertTrue(Float.isFinite(x), "output " + n);
            }
        }
        for (int i = 0; i < 30 * 2 * 16; i++) {
            assertEquals(0, found.gradients().get(0)[i]);
        }
    }
}
