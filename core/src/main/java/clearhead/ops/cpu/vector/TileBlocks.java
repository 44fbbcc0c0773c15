package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// Register blocks of the matrix product, c [rows, vectors] += a·b: one accumulator an
/// output, one fused multiply-add a step of the inner axis, in order. Written by
/// `BlockSource`, which lies among the tests: change that, not this.
///
/// `tile6x2` is 6 rows by 2 vectors of one panel; a is a tile [inner, 6]: with one address for
/// all its elements the compiler makes do with 16 registers. Offsets are in bytes.
final class TileBlocks {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Bytes of a panel for each step.
    private static final long STEP = Product.STEP_BYTES;

    private TileBlocks() {}

    static void tile6x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        long c1 = cOff + cRow;
        long c2 = cOff + 2 * cRow;
        long c3 = cOff + 3 * cRow;
        long c4 = cOff + 4 * cRow;
        long c5 = cOff + 5 * cRow;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER);
        FloatVector s40 = FloatVector.fromMemorySegment(FLOATS, c, c4, ORDER);
        FloatVector s41 = FloatVector.fromMemorySegment(FLOATS, c, c4 + BYTES, ORDER);
        FloatVector s50 = FloatVector.fromMemorySegment(FLOATS, c, c5, ORDER);
        FloatVector s51 = FloatVector.fromMemorySegment(FLOATS, c, c5 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 4));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 8));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 12));
            s30 = w0.fma(x3, s30);
            s31 = w1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 16));
            s40 = w0.fma(x4, s40);
            s41 = w1.fma(x4, s41);
            FloatVector x5 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 24L + 20));
            s50 = w0.fma(x5, s50);
            s51 = w1.fma(x5, s51);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
        s30.intoMemorySegment(c, c3, ORDER);
        s31.intoMemorySegment(c, c3 + BYTES, ORDER);
        s40.intoMemorySegment(c, c4, ORDER);
        s41.intoMemorySegment(c, c4 + BYTES, ORDER);
        s50.intoMemorySegment(c, c5, ORDER);
        s51.intoMemorySegment(c, c5 + BYTES, ORDER);
    }

    static void tile5x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        long c1 = cOff + cRow;
        long c2 = cOff + 2 * cRow;
        long c3 = cOff + 3 * cRow;
        long c4 = cOff + 4 * cRow;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER);
        FloatVector s40 = FloatVector.fromMemorySegment(FLOATS, c, c4, ORDER);
        FloatVector s41 = FloatVector.fromMemorySegment(FLOATS, c, c4 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 20L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 20L + 4));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 20L + 8));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 20L + 12));
            s30 = w0.fma(x3, s30);
            s31 = w1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 20L + 16));
            s40 = w0.fma(x4, s40);
            s41 = w1.fma(x4, s41);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
        s30.intoMemorySegment(c, c3, ORDER);
        s31.intoMemorySegment(c, c3 + BYTES, ORDER);
        s40.intoMemorySegment(c, c4, ORDER);
        s41.intoMemorySegment(c, c4 + BYTES, ORDER);
    }

    static void tile4x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        long c1 = cOff + cRow;
        long c2 = cOff + 2 * cRow;
        long c3 = cOff + 3 * cRow;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 16L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 16L + 4));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 16L + 8));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 16L + 12));
            s30 = w0.fma(x3, s30);
            s31 = w1.fma(x3, s31);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
        s30.intoMemorySegment(c, c3, ORDER);
        s31.intoMemorySegment(c, c3 + BYTES, ORDER);
    }

    static void tile3x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        long c1 = cOff + cRow;
        long c2 = cOff + 2 * cRow;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 12L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 12L + 4));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 12L + 8));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
    }

    static void tile2x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        long c1 = cOff + cRow;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
    }

    static void tile1x2(
            MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment c, long cOff, long cRow, int inner) {
        long c0 = cOff;
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 4L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
    }
}
