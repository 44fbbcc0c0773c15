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
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + BYTES, ORDER);
        FloatVector s40 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * sRow, ORDER);
        FloatVector s41 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * sRow + BYTES, ORDER);
        FloatVector s50 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 5 * sRow, ORDER);
        FloatVector s51 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 5 * sRow + BYTES, ORDER);
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
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s21.intoMemorySegment(c, cOff + 2 * cRow + BYTES, ORDER);
        s30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        s31.intoMemorySegment(c, cOff + 3 * cRow + BYTES, ORDER);
        s40.intoMemorySegment(c, cOff + 4 * cRow, ORDER);
        s41.intoMemorySegment(c, cOff + 4 * cRow + BYTES, ORDER);
        s50.intoMemorySegment(c, cOff + 5 * cRow, ORDER);
        s51.intoMemorySegment(c, cOff + 5 * cRow + BYTES, ORDER);
    }

    static void tile5x2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + BYTES, ORDER);
        FloatVector s40 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * sRow, ORDER);
        FloatVector s41 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * sRow + BYTES, ORDER);
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
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s21.intoMemorySegment(c, cOff + 2 * cRow + BYTES, ORDER);
        s30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        s31.intoMemorySegment(c, cOff + 3 * cRow + BYTES, ORDER);
        s40.intoMemorySegment(c, cOff + 4 * cRow, ORDER);
        s41.intoMemorySegment(c, cOff + 4 * cRow + BYTES, ORDER);
    }

    static void tile4x2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + BYTES, ORDER);
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
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s21.intoMemorySegment(c, cOff + 2 * cRow + BYTES, ORDER);
        s30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        s31.intoMemorySegment(c, cOff + 3 * cRow + BYTES, ORDER);
    }

    static void tile3x2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + BYTES, ORDER);
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
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s21.intoMemorySegment(c, cOff + 2 * cRow + BYTES, ORDER);
    }

    static void tile2x2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
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
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
    }

    static void tile1x2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        long b0 = bOff;
        long b1 = bOff + BYTES;
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 4L + 0));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
    }
}
