package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// Register blocks for 32 inputs of quantized weights and activations, both integers in float32:
/// c [rows, 2 vectors] += sum·(scale of the weights · scale of the activations), where a sum is
/// exact. Written by `BlockSource`, which lies among the tests: change that, not this.
///
/// `scaled8` is 8 rows; x is a tile [inner, GROUP] of which the first 8 columns count. `numbers`
/// has the scale of row i at n + 4·i. w has the steps [inner, 16] of the two vectors at w0 and w1,
/// d their scales at d0 and d1. Rows of c are WIDE apart.
final class ScaledBlocks {
    /// Rows of a tile: of the largest register block that this vector length has registers for.
    static final int GROUP = Lanes.COUNT == 16 ? 8 : 6;

    private static final int PANEL = Product.PANEL;
    private static final int WIDE = QuantizedProduct.WIDE;
    private static final int NUMBERS = QuantizedActivations.NUMBERS;

    private ScaledBlocks() {}

    static void scaled8(
            float[] x,
            int xAt,
            float[] numbers,
            int n,
            float[] w,
            int w0,
            int w1,
            float[] d,
            int d0,
            int d1,
            float[] c,
            int at,
            int inner) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        FloatVector s40 = FloatVector.zero(FLOATS);
        FloatVector s41 = FloatVector.zero(FLOATS);
        FloatVector s50 = FloatVector.zero(FLOATS);
        FloatVector s51 = FloatVector.zero(FLOATS);
        FloatVector s60 = FloatVector.zero(FLOATS);
        FloatVector s61 = FloatVector.zero(FLOATS);
        FloatVector s70 = FloatVector.zero(FLOATS);
        FloatVector s71 = FloatVector.zero(FLOATS);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 0]);
            FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + k * PANEL);
            s00 = v0.fma(x0, s00);
            FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + k * PANEL);
            s01 = v1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 1]);
            s10 = v0.fma(x1, s10);
            s11 = v1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 2]);
            s20 = v0.fma(x2, s20);
            s21 = v1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 3]);
            s30 = v0.fma(x3, s30);
            s31 = v1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 4]);
            s40 = v0.fma(x4, s40);
            s41 = v1.fma(x4, s41);
            FloatVector x5 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 5]);
            s50 = v0.fma(x5, s50);
            s51 = v1.fma(x5, s51);
            FloatVector x6 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 6]);
            s60 = v0.fma(x6, s60);
            s61 = v1.fma(x6, s61);
            FloatVector x7 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 7]);
            s70 = v0.fma(x7, s70);
            s71 = v1.fma(x7, s71);
        }
        FloatVector e0 = FloatVector.fromArray(FLOATS, d, d0);
        FloatVector e1 = FloatVector.fromArray(FLOATS, d, d1);
        FloatVector n0 = FloatVector.broadcast(FLOATS, numbers[n + 0 * NUMBERS]);
        s00.fma(e0.mul(n0), FloatVector.fromArray(FLOATS, c, at)).intoArray(c, at);
        s01.fma(e1.mul(n0), FloatVector.fromArray(FLOATS, c, at + Lanes.COUNT)).intoArray(c, at + Lanes.COUNT);
        FloatVector n1 = FloatVector.broadcast(FLOATS, numbers[n + 1 * NUMBERS]);
        s10.fma(e0.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE)).intoArray(c, at + WIDE);
        s11.fma(e1.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE + Lanes.COUNT))
                .intoArray(c, at + WIDE + Lanes.COUNT);
        FloatVector n2 = FloatVector.broadcast(FLOATS, numbers[n + 2 * NUMBERS]);
        s20.fma(e0.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE)).intoArray(c, at + 2 * WIDE);
        s21.fma(e1.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 2 * WIDE + Lanes.COUNT);
        FloatVector n3 = FloatVector.broadcast(FLOATS, numbers[n + 3 * NUMBERS]);
        s30.fma(e0.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE)).intoArray(c, at + 3 * WIDE);
        s31.fma(e1.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 3 * WIDE + Lanes.COUNT);
        FloatVector n4 = FloatVector.broadcast(FLOATS, numbers[n + 4 * NUMBERS]);
        s40.fma(e0.mul(n4), FloatVector.fromArray(FLOATS, c, at + 4 * WIDE)).intoArray(c, at + 4 * WIDE);
        s41.fma(e1.mul(n4), FloatVector.fromArray(FLOATS, c, at + 4 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 4 * WIDE + Lanes.COUNT);
        FloatVector n5 = FloatVector.broadcast(FLOATS, numbers[n + 5 * NUMBERS]);
        s50.fma(e0.mul(n5), FloatVector.fromArray(FLOATS, c, at + 5 * WIDE)).intoArray(c, at + 5 * WIDE);
        s51.fma(e1.mul(n5), FloatVector.fromArray(FLOATS, c, at + 5 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 5 * WIDE + Lanes.COUNT);
        FloatVector n6 = FloatVector.broadcast(FLOATS, numbers[n + 6 * NUMBERS]);
        s60.fma(e0.mul(n6), FloatVector.fromArray(FLOATS, c, at + 6 * WIDE)).intoArray(c, at + 6 * WIDE);
        s61.fma(e1.mul(n6), FloatVector.fromArray(FLOATS, c, at + 6 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 6 * WIDE + Lanes.COUNT);
        FloatVector n7 = FloatVector.broadcast(FLOATS, numbers[n + 7 * NUMBERS]);
        s70.fma(e0.mul(n7), FloatVector.fromArray(FLOATS, c, at + 7 * WIDE)).intoArray(c, at + 7 * WIDE);
        s71.fma(e1.mul(n7), FloatVector.fromArray(FLOATS, c, at + 7 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 7 * WIDE + Lanes.COUNT);
    }

    static void scaled6(
            float[] x,
            int xAt,
            float[] numbers,
            int n,
            float[] w,
            int w0,
            int w1,
            float[] d,
            int d0,
            int d1,
            float[] c,
            int at,
            int inner) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        FloatVector s40 = FloatVector.zero(FLOATS);
        FloatVector s41 = FloatVector.zero(FLOATS);
        FloatVector s50 = FloatVector.zero(FLOATS);
        FloatVector s51 = FloatVector.zero(FLOATS);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 0]);
            FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + k * PANEL);
            s00 = v0.fma(x0, s00);
            FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + k * PANEL);
            s01 = v1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 1]);
            s10 = v0.fma(x1, s10);
            s11 = v1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 2]);
            s20 = v0.fma(x2, s20);
            s21 = v1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 3]);
            s30 = v0.fma(x3, s30);
            s31 = v1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 4]);
            s40 = v0.fma(x4, s40);
            s41 = v1.fma(x4, s41);
            FloatVector x5 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 5]);
            s50 = v0.fma(x5, s50);
            s51 = v1.fma(x5, s51);
        }
        FloatVector e0 = FloatVector.fromArray(FLOATS, d, d0);
        FloatVector e1 = FloatVector.fromArray(FLOATS, d, d1);
        FloatVector n0 = FloatVector.broadcast(FLOATS, numbers[n + 0 * NUMBERS]);
        s00.fma(e0.mul(n0), FloatVector.fromArray(FLOATS, c, at)).intoArray(c, at);
        s01.fma(e1.mul(n0), FloatVector.fromArray(FLOATS, c, at + Lanes.COUNT)).intoArray(c, at + Lanes.COUNT);
        FloatVector n1 = FloatVector.broadcast(FLOATS, numbers[n + 1 * NUMBERS]);
        s10.fma(e0.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE)).intoArray(c, at + WIDE);
        s11.fma(e1.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE + Lanes.COUNT))
                .intoArray(c, at + WIDE + Lanes.COUNT);
        FloatVector n2 = FloatVector.broadcast(FLOATS, numbers[n + 2 * NUMBERS]);
        s20.fma(e0.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE)).intoArray(c, at + 2 * WIDE);
        s21.fma(e1.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 2 * WIDE + Lanes.COUNT);
        FloatVector n3 = FloatVector.broadcast(FLOATS, numbers[n + 3 * NUMBERS]);
        s30.fma(e0.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE)).intoArray(c, at + 3 * WIDE);
        s31.fma(e1.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 3 * WIDE + Lanes.COUNT);
        FloatVector n4 = FloatVector.broadcast(FLOATS, numbers[n + 4 * NUMBERS]);
        s40.fma(e0.mul(n4), FloatVector.fromArray(FLOATS, c, at + 4 * WIDE)).intoArray(c, at + 4 * WIDE);
        s41.fma(e1.mul(n4), FloatVector.fromArray(FLOATS, c, at + 4 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 4 * WIDE + Lanes.COUNT);
        FloatVector n5 = FloatVector.broadcast(FLOATS, numbers[n + 5 * NUMBERS]);
        s50.fma(e0.mul(n5), FloatVector.fromArray(FLOATS, c, at + 5 * WIDE)).intoArray(c, at + 5 * WIDE);
        s51.fma(e1.mul(n5), FloatVector.fromArray(FLOATS, c, at + 5 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 5 * WIDE + Lanes.COUNT);
    }

    static void scaled4(
            float[] x,
            int xAt,
            float[] numbers,
            int n,
            float[] w,
            int w0,
            int w1,
            float[] d,
            int d0,
            int d1,
            float[] c,
            int at,
            int inner) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        FloatVector s20 = FloatVector.zero(FLOATS);
        FloatVector s21 = FloatVector.zero(FLOATS);
        FloatVector s30 = FloatVector.zero(FLOATS);
        FloatVector s31 = FloatVector.zero(FLOATS);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 0]);
            FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + k * PANEL);
            s00 = v0.fma(x0, s00);
            FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + k * PANEL);
            s01 = v1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 1]);
            s10 = v0.fma(x1, s10);
            s11 = v1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 2]);
            s20 = v0.fma(x2, s20);
            s21 = v1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 3]);
            s30 = v0.fma(x3, s30);
            s31 = v1.fma(x3, s31);
        }
        FloatVector e0 = FloatVector.fromArray(FLOATS, d, d0);
        FloatVector e1 = FloatVector.fromArray(FLOATS, d, d1);
        FloatVector n0 = FloatVector.broadcast(FLOATS, numbers[n + 0 * NUMBERS]);
        s00.fma(e0.mul(n0), FloatVector.fromArray(FLOATS, c, at)).intoArray(c, at);
        s01.fma(e1.mul(n0), FloatVector.fromArray(FLOATS, c, at + Lanes.COUNT)).intoArray(c, at + Lanes.COUNT);
        FloatVector n1 = FloatVector.broadcast(FLOATS, numbers[n + 1 * NUMBERS]);
        s10.fma(e0.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE)).intoArray(c, at + WIDE);
        s11.fma(e1.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE + Lanes.COUNT))
                .intoArray(c, at + WIDE + Lanes.COUNT);
        FloatVector n2 = FloatVector.broadcast(FLOATS, numbers[n + 2 * NUMBERS]);
        s20.fma(e0.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE)).intoArray(c, at + 2 * WIDE);
        s21.fma(e1.mul(n2), FloatVector.fromArray(FLOATS, c, at + 2 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 2 * WIDE + Lanes.COUNT);
        FloatVector n3 = FloatVector.broadcast(FLOATS, numbers[n + 3 * NUMBERS]);
        s30.fma(e0.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE)).intoArray(c, at + 3 * WIDE);
        s31.fma(e1.mul(n3), FloatVector.fromArray(FLOATS, c, at + 3 * WIDE + Lanes.COUNT))
                .intoArray(c, at + 3 * WIDE + Lanes.COUNT);
    }

    static void scaled2(
            float[] x,
            int xAt,
            float[] numbers,
            int n,
            float[] w,
            int w0,
            int w1,
            float[] d,
            int d0,
            int d1,
            float[] c,
            int at,
            int inner) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = FloatVector.zero(FLOATS);
        FloatVector s10 = FloatVector.zero(FLOATS);
        FloatVector s11 = FloatVector.zero(FLOATS);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 0]);
            FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + k * PANEL);
            s00 = v0.fma(x0, s00);
            FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + k * PANEL);
            s01 = v1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[xAt + k * GROUP + 1]);
            s10 = v0.fma(x1, s10);
            s11 = v1.fma(x1, s11);
        }
        FloatVector e0 = FloatVector.fromArray(FLOATS, d, d0);
        FloatVector e1 = FloatVector.fromArray(FLOATS, d, d1);
        FloatVector n0 = FloatVector.broadcast(FLOATS, numbers[n + 0 * NUMBERS]);
        s00.fma(e0.mul(n0), FloatVector.fromArray(FLOATS, c, at)).intoArray(c, at);
        s01.fma(e1.mul(n0), FloatVector.fromArray(FLOATS, c, at + Lanes.COUNT)).intoArray(c, at + Lanes.COUNT);
        FloatVector n1 = FloatVector.broadcast(FLOATS, numbers[n + 1 * NUMBERS]);
        s10.fma(e0.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE)).intoArray(c, at + WIDE);
        s11.fma(e1.mul(n1), FloatVector.fromArray(FLOATS, c, at + WIDE + Lanes.COUNT))
                .intoArray(c, at + WIDE + Lanes.COUNT);
    }
}
