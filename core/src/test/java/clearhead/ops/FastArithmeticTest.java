package clearhead.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Products with quantized weights under [Arithmetic#FAST] are those of activations rounded to int8, to
/// the bit the same however they are cut.
class FastArithmeticTest {
    /// Tokens, outputs, inputs.
    private static final int[][] SHAPES = {
        {1, 16, 256}, {1, 1, 256}, {2, 33, 512}, {3, 64, 256}, {5, 130, 768}, {61, 50, 256}, {130, 100, 512}
    };

    static Stream<DType> types() {
        return Arrays.stream(DType.values()).filter(t -> t.isQuantized() && t.blockSize() >= 32);
    }

    /// x as int8 in blocks of 32: the model, in double but for the scale, which is a float.
    private static double[] rounded(float[] x) {
        var y = new double[x.length];
        for (int b = 0; b < x.length; b += 32) {
            float most = 0;
            for (int i = b; i < b + 32; i++) {
                most = Math.max(most, Math.abs(x[i]));
            }
            float scale = most / 127;
            float inverse = 127 / most;
            for (int i = b; i < b + 32; i++) {
                y[i] = most == 0 ? 0 : scale * Math.rint(x[i] * inverse);
            }
        }
        return y;
    }

    @ParameterizedTest
    @MethodSource("types")
    void isTheProductOfRoundedActivations(DType type) {
        for (int[] s : SHAPES) {
            var data = new Data(s[1]);
            Tensor x = data.normal(s[0], s[2]);
            Tensor weight = data.weight(type, 1, s[1], s[2]);
            Tensor bias = data.normal(s[1]);
            double[] q = rounded(x.toFloats());
            double[] w = weight.toDoubles();
            float[] with = linear(type, 2, x, weight, bias);
            float[] without = linear(type, 2, x, weight);
            for (int t = 0; t < s[0]; t++) {
                for (int o = 0; o < s[1]; o++) {
                    double sum = 0;
                    double size = 0;
                    for (int k = 0; k < s[2]; k++) {
                        double p = q[t * s[2] + k] * w[o * s[2] + k];
                        sum += p;
                        size += Math.abs(p);
                    }
                    double far = size * 4e-7 + 1e-30;
                    String at = type + " " + Arrays.toString(s) + " token " + t + " output " + o;
                    assertEquals(sum, without[t * s[1] + o], far, at);
                    assertEquals(sum + bias.at(o), with[t * s[1] + o], far + 1e-6, at);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void rowsAndThreadsChangeNoBit(DType type) {
        for (int[] s : new int[][] {{67, 130, 512}, {9, 17, 256}}) {
            var data = new Data(3);
            Tensor x = data.normal(s[0], s[2]);
            Tensor weight = data.weight(type, 1, s[1], s[2]);
            float[] all = linear(type, 2, x, weight);
            assertArrayEquals(all, linear(type, 1, x, weight), type + " one thread");
            for (int[] cut : new int[][] {{0, 1}, {3, 4}, {4, 6}, {5, 8}, {1, 9}}) {
                float[] part = linear(type, 2, x.rows(cut[0], cut[1]), weight);
                assertArrayEquals(
                        Arrays.copyOfRange(all, cut[0] * s[1], cut[1] * s[1]),
                        part,
                        type + " rows " + cut[0] + " to " + cut[1]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void numbersThatAreNoneSpoilTheirTokenAlone(DType type) {
        var data = new Data(4);
        for (int tokens : new int[] {1, 5}) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                float[] values = data.normal(tokens, 256).toFloats();
                values[70] = bad;
                float[] y = linear(type, 1, data.floats(values).reshape(tokens, 256), data.weight(type, 1, 40, 256));
                for (int i = 0; i < y.length; i++) {
                    assertEquals(i >= 40, Float.isFinite(y[i]), type + " " + bad + " at " + i);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void zeroAndTinyAndHugeActivations(DType type) {
        var data = new Data(5);
        Tensor weight = data.weight(type, 1, 40, 256);
        for (float scale : new float[] {0, Float.MIN_VALUE, 1e-38f, 1e-33f, 1e30f}) {
            float[] values = data.normal(3, 256).toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] *= scale;
            }
            for (float v : linear(type, 1, data.floats(values).reshape(3, 256), weight)) {
                assertTrue(Float.isFinite(v) && Math.abs(v) <= scale * 1000, type + " " + scale + ": " + v);
            }
        }
    }

    @Test
    void extremeSteps() {
        var data = new Data(6);
        for (DType type : types().toList()) {
            Tensor weight = data.weight(type, 1, 32, 256);
            // every bit set, and every bit but those of the scales cleared, are the types' extremes
            for (int fill : new int[] {0xff, 0x00, 0x80, 0x7f}) {
                for (int row = 0; row < 32; row++) {
                    spread(type, weight, row, (byte) fill);
                }
                float[] values = new float[3 * 256];
                for (int i = 0; i < values.length; i++) {
                    values[i] = i < 256 ? 127 : i < 512 ? -127 : i % 2 == 0 ? 127 : -127;
                }
                Tensor x = data.floats(values).reshape(3, 256);
                float[] y = linear(type, 1, x, weight);
                double[] w = weight.toDoubles();
                for (int t = 0; t < 3; t++) {
                    float[] one = linear(type, 1, x.rows(t, t + 1), weight);
                    double sum = 0;
                    double size = 0;
                    for (int k = 0; k < 256; k++) {
                        sum += values[t * 256 + k] * w[k];
                        size += Math.abs(values[t * 256 + k] * w[k]);
                    }
                    assertEquals(sum, y[t * 32], size * 4e-7, type + " " + fill);
                    assertEquals(y[t * 32], one[0], type + " " + fill);
                }
            }
        }
    }

    /// Fills a row's blocks with a byte, except their half precision numbers.
    private static void spread(DType type, Tensor weight, int row, byte fill) {
        int bytes = type.blockBytes();
        int count = 256 / type.blockSize();
        List<Integer> kept = switch (type) {
            case Q2_K -> List.of(80, 81, 82, 83);
            case Q3_K -> List.of(108, 109);
            case Q6_K -> List.of(208, 209);
            case Q4_K, Q5_K, Q4_1, Q5_1 -> List.of(0, 1, 2, 3);
            case MXFP4 -> List.of(0);
            default -> List.of(0, 1);
        };
        for (int b = 0; b < count; b++) {
            for (int i = 0; i < bytes; i++) {
                if (!kept.contains(i)) {
                    weight.data().set(ValueLayout.JAVA_BYTE, ((long) row * count + b) * bytes + i, fill);
                }
            }
        }
    }

    @Test
    void choosesAndNamesIt() {
        try (Backend fast = Backends.named("vector", 1, Arithmetic.FAST);
                Backend exact = Backends.named("vector", 1);
                Backend reference = Backends.named("reference", 1, Arithmetic.FAST)) {
            assertEquals(Arithmetic.FAST, fast.arithmetic());
            assertEquals(Arithmetic.EXACT, exact.arithmetic());
            assertEquals(Arithmetic.EXACT, reference.arithmetic());
        }
    }

    private static float[] linear(DType type, int threads, Tensor... in) {
        try (Backend backend = Backends.named("vector", threads, Arithmetic.FAST);
                Arena arena = Arena.ofShared();
                var workspace = new Workspace()) {
            Tensor packed = backend.pack(in[1], arena);
            assertFalse(packed.layout() == Layout.ROWS, type + " is packed");
            Ops ops = backend.ops(workspace);
            return (in.length == 2 ? ops.linear(in[0], packed) : ops.linear(in[0], packed, in[2])).toFloats();
        }
    }
}
