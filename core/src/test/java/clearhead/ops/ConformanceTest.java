package clearhead.ops;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every operation but attention, forward and backward, on every backend, at sizes around every
/// block edge.
class ConformanceTest {
    private static final int[] EDGES = {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1000};
    private static final int[] ROWS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65};
    private static final DType[] WEIGHTS = {DType.F32, DType.F16, DType.BF16, DType.Q8_0, DType.Q4_0, DType.Q4_1};

    /// tokens, in, out: each axis through its edges while the others stay odd and small, then corners.
    private static List<int[]> products(boolean quantized) {
        var shapes = new ArrayList<int[]>();
        int in = quantized ? 96 : 37;
        for (int tokens : ROWS) {
            shapes.add(new int[] {tokens, in, 19});
            shapes.add(new int[] {tokens, 64, 80});
        }
        for (int edge : EDGES) {
            int inner = quantized ? (edge + 31) / 32 * 32 : edge;
            shapes.add(new int[] {1, inner, 21});
            shapes.add(new int[] {5, inner, 18});
            shapes.add(new int[] {1, in, edge});
            shapes.add(new int[] {6, in, edge});
        }
        shapes.add(new int[] {129, 128, 127});
        shapes.add(new int[] {65, 256, 257});
        return shapes;
    }

    static List<Subject> subjects() {
        return Subject.all();
    }

    /// max over outputs of Σ |x|·|w|, what a product rounds on its way.
    private static double sums(Tensor x, Tensor weight) {
        int in = x.dim(1);
        float[] a = x.toFloats();
        float[] w = weight.toFloats();
        double largest = 0;
        for (int t = 0; t < x.dim(0); t++) {
            for (int o = 0; o < weight.dim(0); o++) {
                double sum = 0;
                for (int i = 0; i < in; i++) {
                    sum += Math.abs(a[t * in + i] * w[o * in + i]);
                }
                largest = Math.max(largest, sum);
            }
        }
        return largest;
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void linear(Subject subject) {
        for (DType type : WEIGHTS) {
            for (int[] s : products(type.isQuantized())) {
                var data = new Data(s[0] + 31L * s[1] + 997L * s[2]);
                Tensor x = data.normal(s[0], s[1]);
                Tensor weight = data.weight(type, 1, s[2], s[1]);
                Tensor bias = data.normal(s[2]);
                String what = "linear " + x + " · " + weight;
                Kit.check(
                        subject,
                        what,
                        sums(x, weight),
                        (d, in) -> List.of(
                                d.ops().linear(in[0], in[1]),
                                d.ops().linear(in[0], d.pack().apply(in[1])),
                                d.ops().linear(in[0], d.pack().apply(in[1]), in[2])),
                        x,
                        weight,
                        bias);
            }
        }
    }

    /// The types whose blocks are longer, and those that have no panels of their own.
    @ParameterizedTest
    @MethodSource("subjects")
    void linearAndEmbedOfEveryQuantizedType(Subject subject) {
        for (DType type : DType.values()) {
            for (int[] s : new int[][] {{1, 256, 21}, {5, 768, 33}, {9, 512, 16}, {65, 256, 130}}) {
                if (!type.isQuantized()) {
                    continue;
                }
                var data = new Data(s[0]);
                Tensor x = data.normal(s[0], s[1]);
                Tensor weight = data.weight(type, 1, s[2], s[1]);
                Kit.check(
                        subject,
                        "linear " + x + " · " + weight,
                        sums(x, weight),
                        (d, in) -> List.of(
                                d.ops().linear(in[0], in[1]),
                                d.ops().linear(in[0], d.pack().apply(in[1])),
                                d.ops().linear(in[0], d.pack().apply(in[1]), in[2])),
                        x,
                        weight,
                        data.normal(s[2]));
                Kit.check(
                        subject,
                        "embed " + weight,
                        0,
                        (d, in) -> List.of(
                                d.ops().embed(in[0], in[1]),
                                d.ops().embed(d.pack().apply(in[0]), in[1])),
                        weight,
                        data.ids(s[2], 17));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void linearGradients(Subject subject) {
        for (int[] s : products(false)) {
            var data = new Data(s[0] + 31L * s[1] + 997L * s[2]);
            Tensor x = data.normal(s[0], s[1]);
            Tensor weight = data.normal(s[2], s[1]);
            Tensor dOut = data.normal(s[0], s[2]);
            String what = "linear gradients " + x + " · " + weight;
            Kit.checkGradient(
                    subject,
                    what,
                    Math.sqrt(Math.max(s[0], Math.max(s[1], s[2]))) * 4,
                    (d, in) -> {
                        Tensor dX = d.adjoints().linearInput(in[2], in[1]);
                        d.adjoints().linearWeight(in[0], in[2], in[3]);
                        d.adjoints().linearBias(in[2], in[4]);
                        return List.of(dX, in[3], in[4]);
                    },
                    x,
                    weight,
                    dOut,
                    data.normal(s[2], s[1]),
                    data.normal(s[2]));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void embedAndSelect(Subject subject) {
        for (DType type : WEIGHTS) {
            for (int edge : EDGES) {
                int dim = type.isQuantized() ? (edge + 31) / 32 * 32 : edge;
                var data = new Data(edge);
                Kit.check(
                        subject,
                        "embed and select " + type + " of dim " + dim,
                        0,
                        (d, in) -> {
                            Tensor x = d.ops().embed(in[0], in[1]);
                            return List.of(x, d.ops().select(x, in[2]));
                        },
                        data.weight(type, 1, 11, dim),
                        data.ids(11, 17),
                        data.ints(16, 0, 3, 3));
            }
        }
    }

    /// A weight that the backend packed still gives its rows.
    @ParameterizedTest
    @MethodSource("subjects")
    void embedOfAPackedWeight(Subject subject) {
        for (DType type : WEIGHTS) {
            var data = new Data(5);
            Kit.check(
                    subject,
                    "embed of a packed " + type,
                    0,
                    (d, in) -> List.of(d.ops().embed(d.pack().apply(in[0]), in[1])),
                    data.weight(type, 1, 37, 96),
                    data.ints(0, 36, 15, 16, 17, 31, 32, 36));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void embedAndSelectGradients(Subject subject) {
        for (int dim : EDGES) {
            var data = new Data(dim);
            Kit.checkGradient(
                    subject,
                    "embed and select gradients of dim " + dim,
                    0,
                    (d, in) -> {
                        d.adjoints().embed(in[0], in[1], in[2]);
                        return List.of(in[2], d.adjoints().select(in[3], in[1], 20));
                    },
                    data.ids(5, 17),
                    data.normal(17, dim),
                    data.normal(5, dim),
                    data.ints(19, 3, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3));
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void elementwise(Subject subject) {
        for (int edge : EDGES) {
            for (int rows : new int[] {1, 3}) {
                var data = new Data(edge);
                Kit.check(
                        subject,
                        "add, scale, accumulate, zerosLike [" + rows + ", " + edge + "]",
                        0,
                        (d, in) -> {
                            Tensor sum = d.ops().add(in[0], in[1]);
                            Tensor scaled = d.ops().scale(in[0], -0.3);
                            d.adjoints().accumulate(in[0], in[2]);
                            return List.of(sum, scaled, in[2], d.adjoints().zerosLike(in[0]));
                        },
                        data.normal(rows, edge),
                        data.normal(rows, edge),
                        data.normal(rows, edge));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void norms(Subject subject) {
        for (int dim : EDGES) {
            for (int tokens : new int[] {1, 3, 17}) {
                for (double mean : new double[] {0, 30}) {
                    var data = new Data(dim + tokens);
                    Tensor x = data.around(mean, 2, tokens, dim);
                    Kit.check(
                            subject,
                            "norms of " + x + " about " + mean,
                            0,
                            (d, in) -> List.of(
                                    d.ops().layerNorm(in[0], in[1], in[2], 1e-5),
                                    d.ops().rmsNorm(in[0], in[1], 1e-6)),
                            x,
                            data.around(1, 0.2, dim),
                            data.normal(dim));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void normGradients(Subject subject) {
        for (int dim : EDGES) {
            for (int tokens : new int[] {1, 3, 17, 65}) {
                var data = new Data(dim + tokens);
                Tensor x = data.around(0.5, 2, tokens, dim);
                Kit.checkGradient(
                        subject,
                        "norm gradients of " + x,
                        dim < 8 ? 8 : 0, // terms of a small row cancel
                        (d, in) -> List.of(
                                d.adjoints().layerNorm(in[0], in[1], 1e-5, in[2], in[3], in[4]),
                                d.adjoints().rmsNorm(in[0], in[1], 1e-6, in[2], in[5]),
                                in[3],
                                in[4],
                                in[5]),
                        x,
                        data.around(1, 0.2, dim),
                        data.normal(tokens, dim),
                        data.normal(dim),
                        data.normal(dim),
                        data.normal(dim));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void activationsAndGates(Subject subject) {
        for (Activation act : Activation.values()) {
            for (int edge : EDGES) {
                var data = new Data(edge);
                Kit.check(
                        subject,
                        act + " of [3, " + edge + "]",
                        0,
                        (d, in) -> List.of(d.ops().activate(act, in[0]), d.ops().gate(act, in[0], in[1])),
                        data.around(0, 3, 3, edge),
                        data.normal(3, edge));
                Kit.checkGradient(
                        subject,
                        act + " gradients of [3, " + edge + "]",
                        0,
                        (d, in) -> {
                            Adjoints.Gated g = d.adjoints().gate(act, in[0], in[1], in[2]);
                            return List.of(d.adjoints().activate(act, in[0], in[2]), g.dGate(), g.dUp());
                        },
                        data.around(0, 3, 3, edge),
                        data.normal(3, edge),
                        data.normal(3, edge));
            }
        }
    }

    /// One value at a time, so that each is judged by its own size: far out on both sides, around 0,
    /// and where float exponentials end.
    @ParameterizedTest
    @MethodSource("subjects")
    void activationsAtExtremes(Subject subject) {
        float[] values = {
            0f, -0f, 1e-30f, -1e-30f, 1e-6f, -1e-6f, 0.5f, -0.5f, 3, -3, 5.5f, -5.5f, 10, -10, 20, -20, 50, -50, 87,
            -87, 88.7f, -88.7f, 89, -89, 104, -104, 1000, -1000, 1e30f, -1e30f
        };
        for (Activation act : Activation.values()) {
            for (float value : values) {
                if (act == Activation.RELU_SQUARED && value > 1e19f) {
                    continue; // its square is beyond float
                }
                var data = new Data(1);
                Kit.check(
                        subject,
                        act + " and its gradient at " + value,
                        Math.min(Math.abs(value), 2), // e.g. 1 + tanh cancels for large negative x
                        (d, in) -> List.of(
                                d.ops().activate(act, in[0]), d.adjoints().activate(act, in[0], in[1])),
                        data.floats(value),
                        data.floats(1));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void rope(Subject subject) {
        for (Pairing pairing : Pairing.values()) {
            for (int headDim : new int[] {2, 4, 6, 8, 16, 20, 34, 64, 66, 80, 96, 128, 256}) {
                for (int pairs : new int[] {headDim / 2, Math.max(1, headDim / 4)}) {
                    var data = new Data(headDim);
                    Tensor[] tables = data.rotary(40, pairs);
                    Tensor x = data.normal(5, 3, headDim);
                    Kit.checkGradient(
                            subject,
                            "rope " + pairing + " of " + x + ", pairs " + pairs,
                            0,
                            (d, in) -> List.of(
                                    d.ops().rope(in[0], in[1], in[2], in[3], pairing),
                                    d.adjoints().rope(in[0], in[1], in[2], in[3], pairing)),
                            x,
                            tables[0],
                            tables[1],
                            data.ints(0, 1, 39, 7, 7));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void softmax(Subject subject) {
        for (int width : EDGES) {
            for (int rows : new int[] {1, 5}) {
                var data = new Data(width);
                Tensor x = data.around(0, 4, 2, rows, width);
                for (int i = 0; i < width; i += 3) {
                    x.set(i, Double.NEGATIVE_INFINITY); // all of a row where width is 1
                }
                Kit.check(
                        subject,
                        "softmax of " + x,
                        0,
                        (d, in) -> List.of(d.ops().softmax(in[0])),
                        x);
                Kit.checkGradient(
                        subject,
                        "softmax gradient of " + x,
                        3, // of dOut: dOut − Σ dOut·y cancels
                        (d, in) -> List.of(d.adjoints().softmax(in[0], in[1])),
                        probabilities(x),
                        data.normal(2, rows, width));
            }
        }
    }

    private static Tensor probabilities(Tensor x) {
        double[] y = Kit.exact((d, in) -> List.of(d.ops().softmax(in[0])), x)[0];
        return Tensor.of(Arena.ofAuto(), DType.F32, y, x.shape().dims());
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void softmaxOfFarApartValues(Subject subject) {
        var data = new Data(1);
        Tensor x = data.zeros(3, 5);
        double[] values = {1e30, 0, -1e30, 1e30, 5, -1e30, -1e30, -1e30, -1e30, -1e30, 88, 89, 90, 0, -300};
        for (int i = 0; i < values.length; i++) {
            x.set(i, values[i]);
        }
        Kit.check(
                subject,
                "softmax of far apart values",
                0,
                (d, in) -> List.of(d.ops().softmax(in[0])),
                x);
    }

    @ParameterizedTest
    @MethodSource("subjects")
    void crossEntropy(Subject subject) {
        for (int vocab : EDGES) {
            for (int tokens : new int[] {1, 3, 17}) {
                var data = new Data(vocab + tokens);
                Tensor targets = data.ids(vocab, tokens);
                targets.set(tokens / 2, tokens == 1 ? 0 : -1);
                Kit.checkGradient(
                        subject,
                        "cross-entropy of [" + tokens + ", " + vocab + "]",
                        20, // logits reach this far; the loss is a difference of such numbers
                        (d, in) -> List.of(d.ops().crossEntropy(in[0], in[1])),
                        data.around(0, 4, tokens, vocab),
                        targets);
                Kit.checkGradient(
                        subject,
                        "cross-entropy gradient of [" + tokens + ", " + vocab + "]",
                        1, // softmax − 1 cancels
                        (d, in) -> List.of(d.adjoints().crossEntropy(in[0], in[1], in[2])),
                        data.around(0, 4, tokens, vocab),
                        targets,
                        data.normal(tokens));
            }
        }
    }
}
