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
/// `rows8x2` is 8 rows by 2 vectors; element (i, k) of a is at aOff + i·aRow + k·aStep. Offsets
/// are in bytes.
final class Blocks {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Bytes of a panel for each step.
    private static final long STEP = Product.STEP_BYTES;

    private static final int IN_PANEL = Product.PANEL / Lanes.COUNT;

    private Blocks() {}

    /// From the first panel to vector `v`.
    private static long vector(int v, long bPanel) {
        return v / IN_PANEL * bPanel + v % IN_PANEL * BYTES;
    }

    static void rows4x4(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + 2 * BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + 3 * BYTES, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + BYTES, ORDER);
        FloatVector s22 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + 2 * BYTES, ORDER);
        FloatVector s23 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow + 3 * BYTES, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow, ORDER);
        FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + BYTES, ORDER);
        FloatVector s32 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + 2 * BYTES, ORDER);
        FloatVector s33 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow + 3 * BYTES, ORDER);
        long a0 = aOff;
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, b, b2 + k * STEP, ORDER);
            s02 = w2.fma(x0, s02);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, b, b3 + k * STEP, ORDER);
            s03 = w3.fma(x0, s03);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            s12 = w2.fma(x1, s12);
            s13 = w3.fma(x1, s13);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, a2 + k * aStep));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            s22 = w2.fma(x2, s22);
            s23 = w3.fma(x2, s23);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, a3 + k * aStep));
            s30 = w0.fma(x3, s30);
            s31 = w1.fma(x3, s31);
            s32 = w2.fma(x3, s32);
            s33 = w3.fma(x3, s33);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s02.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s12.intoMemorySegment(c, cOff + cRow + 2 * BYTES, ORDER);
        s13.intoMemorySegment(c, cOff + cRow + 3 * BYTES, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s21.intoMemorySegment(c, cOff + 2 * cRow + BYTES, ORDER);
        s22.intoMemorySegment(c, cOff + 2 * cRow + 2 * BYTES, ORDER);
        s23.intoMemorySegment(c, cOff + 2 * cRow + 3 * BYTES, ORDER);
        s30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        s31.intoMemorySegment(c, cOff + 3 * cRow + BYTES, ORDER);
        s32.intoMemorySegment(c, cOff + 3 * cRow + 2 * BYTES, ORDER);
        s33.intoMemorySegment(c, cOff + 3 * cRow + 3 * BYTES, ORDER);
    }

    static void rows2x4(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + BYTES, ORDER);
        FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + 2 * BYTES, ORDER);
        FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow + 3 * BYTES, ORDER);
        long a0 = aOff;
        long a1 = aOff + aRow;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, b, b2 + k * STEP, ORDER);
            s02 = w2.fma(x0, s02);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, b, b3 + k * STEP, ORDER);
            s03 = w3.fma(x0, s03);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            s12 = w2.fma(x1, s12);
            s13 = w3.fma(x1, s13);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s02.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
        s12.intoMemorySegment(c, cOff + cRow + 2 * BYTES, ORDER);
        s13.intoMemorySegment(c, cOff + cRow + 3 * BYTES, ORDER);
    }

    static void rows1x4(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        long a0 = aOff;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, b, b2 + k * STEP, ORDER);
            s02 = w2.fma(x0, s02);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, b, b3 + k * STEP, ORDER);
            s03 = w3.fma(x0, s03);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s02.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
    }

    static void rows8x2(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
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
        FloatVector s60 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 6 * sRow, ORDER);
        FloatVector s61 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 6 * sRow + BYTES, ORDER);
        FloatVector s70 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 7 * sRow, ORDER);
        FloatVector s71 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 7 * sRow + BYTES, ORDER);
        long a0 = aOff;
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long a4 = aOff + 4 * aRow;
        long a5 = aOff + 5 * aRow;
        long a6 = aOff + 6 * aRow;
        long a7 = aOff + 7 * aRow;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, a2 + k * aStep));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, a3 + k * aStep));
            s30 = w0.fma(x3, s30);
            s31 = w1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a.get(F32, a4 + k * aStep));
            s40 = w0.fma(x4, s40);
            s41 = w1.fma(x4, s41);
            FloatVector x5 = FloatVector.broadcast(FLOATS, a.get(F32, a5 + k * aStep));
            s50 = w0.fma(x5, s50);
            s51 = w1.fma(x5, s51);
            FloatVector x6 = FloatVector.broadcast(FLOATS, a.get(F32, a6 + k * aStep));
            s60 = w0.fma(x6, s60);
            s61 = w1.fma(x6, s61);
            FloatVector x7 = FloatVector.broadcast(FLOATS, a.get(F32, a7 + k * aStep));
            s70 = w0.fma(x7, s70);
            s71 = w1.fma(x7, s71);
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
        s60.intoMemorySegment(c, cOff + 6 * cRow, ORDER);
        s61.intoMemorySegment(c, cOff + 6 * cRow + BYTES, ORDER);
        s70.intoMemorySegment(c, cOff + 7 * cRow, ORDER);
        s71.intoMemorySegment(c, cOff + 7 * cRow + BYTES, ORDER);
    }

    static void rows4x2(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
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
        long a0 = aOff;
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, a2 + k * aStep));
            s20 = w0.fma(x2, s20);
            s21 = w1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, a3 + k * aStep));
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

    static void rows2x2(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
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
        long a0 = aOff;
        long a1 = aOff + aRow;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            s11 = w1.fma(x1, s11);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s11.intoMemorySegment(c, cOff + cRow + BYTES, ORDER);
    }

    static void rows1x2(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        long a0 = aOff;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
    }

    static void rows4x1(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, s, sOff + sRow, ORDER);
        FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * sRow, ORDER);
        FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * sRow, ORDER);
        long a0 = aOff;
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long b0 = bOff + vector(0, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, a1 + k * aStep));
            s10 = w0.fma(x1, s10);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a.get(F32, a2 + k * aStep));
            s20 = w0.fma(x2, s20);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a.get(F32, a3 + k * aStep));
            s30 = w0.fma(x3, s30);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s10.intoMemorySegment(c, cOff + cRow, ORDER);
        s20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        s30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
    }

    static void rows1x1(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        long a0 = aOff;
        long b0 = bOff + vector(0, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
    }

    static void rows1x8(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            long sRow,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner) {
        FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        FloatVector s04 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * BYTES, ORDER);
        FloatVector s05 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 5 * BYTES, ORDER);
        FloatVector s06 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 6 * BYTES, ORDER);
        FloatVector s07 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 7 * BYTES, ORDER);
        long a0 = aOff;
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        long b4 = bOff + vector(4, bPanel);
        long b5 = bOff + vector(5, bPanel);
        long b6 = bOff + vector(6, bPanel);
        long b7 = bOff + vector(7, bPanel);
        for (int k = 0; k < inner; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * STEP, ORDER);
            s00 = w0.fma(x0, s00);
            FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, b, b1 + k * STEP, ORDER);
            s01 = w1.fma(x0, s01);
            FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, b, b2 + k * STEP, ORDER);
            s02 = w2.fma(x0, s02);
            FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, b, b3 + k * STEP, ORDER);
            s03 = w3.fma(x0, s03);
            FloatVector w4 = FloatVector.fromMemorySegment(FLOATS, b, b4 + k * STEP, ORDER);
            s04 = w4.fma(x0, s04);
            FloatVector w5 = FloatVector.fromMemorySegment(FLOATS, b, b5 + k * STEP, ORDER);
            s05 = w5.fma(x0, s05);
            FloatVector w6 = FloatVector.fromMemorySegment(FLOATS, b, b6 + k * STEP, ORDER);
            s06 = w6.fma(x0, s06);
            FloatVector w7 = FloatVector.fromMemorySegment(FLOATS, b, b7 + k * STEP, ORDER);
            s07 = w7.fma(x0, s07);
        }
        s00.intoMemorySegment(c, cOff, ORDER);
        s01.intoMemorySegment(c, cOff + BYTES, ORDER);
        s02.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
        s04.intoMemorySegment(c, cOff + 4 * BYTES, ORDER);
        s05.intoMemorySegment(c, cOff + 5 * BYTES, ORDER);
        s06.intoMemorySegment(c, cOff + 6 * BYTES, ORDER);
        s07.intoMemorySegment(c, cOff + 7 * BYTES, ORDER);
    }
}
