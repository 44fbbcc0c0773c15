package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Fused attention, its plain path and its gradients on every backend against the reference.
class AttentionConformanceTest {
    private static final int[] EDGES = {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129};

    /// @param contexts keys of each sequence
    /// @param queries queries of each sequence
    private record Case(int heads, int kvHeads, int headDim, int[] contexts, int[] queries, Mask mask) {
        AttentionSpec spec() {
            return new AttentionSpec(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), mask);
        }

        static Sequences pack(int[] lengths) {
            var starts = new int[lengths.length + 1];
            for (int s = 0; s < lengths.length; s++) {
                starts[s + 1] = starts[s] + lengths[s];
            }
            return new Sequences(starts);
        }

        Sequences keyRows() {
            return pack(contexts);
        }

        Sequences queryRows() {
            return pack(queries);
        }

        KvView.Packed past(Tensor key, Tensor value) {
            return new KvView.Packed(key, value, keyRows());
        }

        Tensor[] inputs() {
            var data = new Data(headDim + 1000L * contexts[0]);
            int keys = keyRows().tokens();
            return new Tensor[] {
                data.normal(queryRows().tokens(), heads, headDim),
                data.normal(keys, kvHeads, headDim),
                data.normal(keys, kvHeads, headDim),
                data.normal(queryRows().tokens(), heads, headDim)
            };
        }

        @Override
        public String toString() {
            return heads + "/" + kvHeads + " heads of " + headDim + ", queries "
                    + java.util.Arrays.toString(queries) + " of context "
                    + java.util.Arrays.toString(contexts) + ", " + mask;
        }
    }

    static List<Subject> subjects() {
        return Subject.all();
    }

    private static int[] list(int... values) {
        return values;
    }

    private static List<Case> cases() {
        var cases = new ArrayList<Case>();
        for (Mask mask : new Mask[] {Mask.CAUSAL, Mask.BIDIRECTIONAL}) {
            for (int context : EDGES) {
                cases.add(new Case(2, 1, 16, list(context), list(context), mask));
            }
            for (int headDim : list(8, 9, 20, 24, 33, 40, 64, 72, 80, 96, 100, 128, 256)) {
                cases.add(new Case(2, 2, headDim, list(67), list(67), mask));
                cases.add(new Case(3, 1, headDim, list(70), list(1), mask));
            }
            for (int[] heads : new int[][] {{1, 1}, {4, 4}, {4, 2}, {6, 2}, {8, 1}, {5, 5}}) {
                cases.add(new Case(heads[0], heads[1], 32, list(70), list(70), mask));
                cases.add(new Case(heads[0], heads[1], 32, list(130), list(1), mask));
            }
            for (int queries : list(1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65)) {
                cases.add(new Case(2, 1, 16, list(200), list(queries), mask));
            }
            cases.add(new Case(1, 1, 16, list(1000), list(1000), mask));
            // beside the ends of segments of 2,048 keys
            for (int context : list(2047, 2048, 2049, 2112, 4160)) {
                cases.add(new Case(2, 1, 24, list(context), list(70), mask));
            }
            cases.add(new Case(4, 2, 16, list(1, 65, 3, 64, 129), list(1, 65, 3, 64, 129), mask));
            cases.add(new Case(4, 2, 16, list(9, 65, 100, 64), list(1, 2, 100, 0), mask));
            // more queries than keys: the first queries see nothing under a causal mask
            cases.add(new Case(2, 1, 16, list(5, 0, 70), list(9, 2, 75), mask));
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void fused(Subject subject) {
        for (Case c : cases()) {
            Kit.check(
                    subject,
                    "attention, " + c,
                    0,
                    (d, in) -> {
                        Attended a = d.ops().attention(in[0], c.queryRows(), c.past(in[1], in[2]), c.spec());
                        return List.of(a.out(), a.lse());
                    },
                    c.inputs());
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void fusedGradients(Subject subject) {
        for (Case c : cases()) {
            Tensor[] inputs = c.inputs();
            double scale = c.spec().scale();
            // dQuery sums p·(dOut·v − delta)·scale·k: the difference is rounded where dOut·v is large.
            // The same for dKey with q.
            double weight = largestProduct(c, inputs[3], inputs[2]) * scale;
            double query = weight * Kit.largest(inputs[1]);
            double key = weight * Kit.largest(inputs[0]);
            // dValue sums p·dOut with p = exp(score − lse), whose relative error is the absolute error of
            // a score: that of a number as large as the largest score.
            double value = largestProduct(c, inputs[0], inputs[1]) * scale * largestValueGradient(c, inputs);
            Kit.checkGradient(
                    subject,
                    "attention gradients, " + c,
                    output -> new double[] {0, 0, query, key, value}[output],
                    (d, in) -> {
                        KvView.Packed past = c.past(in[1], in[2]);
                        Attended a = d.ops().attention(in[0], c.queryRows(), past, c.spec());
                        Adjoints.Attention g = d.adjoints().attention(in[0], c.queryRows(), past, c.spec(), a, in[3]);
                        return List.of(a.out(), a.lse(), g.dQuery(), g.dKey(), g.dValue());
                    },
                    inputs);
        }
    }

    private static double largestValueGradient(Case c, Tensor[] inputs) {
        double[] dValue = Kit.exact(
                (d, in) -> {
                    KvView.Packed past = c.past(in[1], in[2]);
                    Attended a = d.ops().attention(in[0], c.queryRows(), past, c.spec());
                    return List.of(d.adjoints()
                            .attention(in[0], c.queryRows(), past, c.spec(), a, in[3])
                            .dValue());
                },
                inputs)[0];
        return Kit.largest(dValue);
    }

    /// max |a·b| over the queries and keys of each sequence.
    ///
    /// @param a [tokens, heads, headDim]
    /// @param b [keys, kvHeads, headDim]
    private static double largestProduct(Case c, Tensor a, Tensor b) {
        var unscaled = new AttentionSpec(c.heads, c.kvHeads, c.headDim, 1, Mask.BIDIRECTIONAL);
        double largest = 0;
        for (int s = 0; s < c.queries.length; s++) {
            int sequence = s;
            Tensor own = a.rows(c.queryRows().start(s), c.queryRows().start(s + 1));
            double[] products = Kit.exact(
                    (d, in) -> List.of(d.ops().scores(in[0], c.past(in[1], in[1]), sequence, unscaled)), own, b)[0];
            largest = Math.max(largest, Kit.largest(products));
        }
        return largest;
    }

    /// Scores far apart, large and negative: the maximum moves from block to block, both ways.
    @ParameterizedTest
    @MethodSource("subjects")
    void fusedWithLargeScores(Subject subject) {
        for (int direction : list(1, -1)) {
            var c = new Case(2, 1, 16, list(200), list(200), Mask.CAUSAL);
            Tensor[] inputs = c.inputs();
            for (int k = 0; k < 200; k++) {
                for (int i = 0; i < 16; i++) {
                    long at = k * 16L + i;
                    double ramp = direction * (k - 100) / 8.0;
                    inputs[1].set(at, inputs[1].at(at) + ramp);
                }
            }
            Kit.check(
                    subject,
                    "attention with scores of ±200, ramp " + direction,
                    0,
                    (d, in) -> {
                        KvView.Packed past = c.past(in[1], in[2]);
                        Attended a = d.ops().attention(in[0], c.queryRows(), past, c.spec());
                        Adjoints.Attention g = d.adjoints().attention(in[0], c.queryRows(), past, c.spec(), a, in[3]);
                        return List.of(a.out(), a.lse(), g.dQuery(), g.dKey(), g.dValue());
                    },
                    inputs);
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void plainPath(Subject subject) {
        for (Case c : cases()) {
            if (c.contexts.length > 1 || c.contexts[0] >= 1000) {
                continue;
            }
            Kit.check(
                    subject,
                    "scores, softmax, weigh, " + c,
                    0,
                    (d, in) -> {
                        KvView.Packed past = c.past(in[1], in[2]);
                        Tensor scores = d.ops().scores(in[0], past, 0, c.spec());
                        Tensor pattern = d.ops().softmax(scores);
                        return List.of(scores, pattern, d.ops().weigh(pattern, past, 0, c.spec()));
                    },
                    c.inputs());
        }
    }
}
