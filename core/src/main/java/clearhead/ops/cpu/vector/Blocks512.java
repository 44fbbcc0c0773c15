package clearhead.ops.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Register blocks of the matrix product for 32 registers of 512 bits: 4 rows × 4 vectors where there
/// are that many outputs, else 8 × 2 and 8 × 1. One accumulator an output, one fused multiply-add a
/// k, in the order of k.
final class Blocks512 {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_512;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Blocks512() {}

    /// [Block#strip] at 512 bit.
    static void strip(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            long cRow,
            int rows,
            int cols,
            int inner,
            boolean fresh) {
        int j = 0;
        for (; j + 64 <= cols; j += 64) {
            long bAt = bOff + (j >> 4) * bPanel;
            int i = 0;
            for (; i + 4 <= rows; i += 4) {
                rows4x4(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        c,
                        cOff + i * cRow + j * 4L,
                        cRow,
                        inner,
                        fresh);
            }
            for (; i < rows; i++) {
                rows1x4(a, aOff + i * aRow, aStep, b, bAt, bPanel, c, cOff + i * cRow + j * 4L, inner, fresh);
            }
        }
        for (; j + 32 <= cols; j += 32) {
            long bAt = bOff + (j >> 4) * bPanel;
            int i = 0;
            for (; i + 8 <= rows; i += 8) {
                rows8x2(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        c,
                        cOff + i * cRow + j * 4L,
                        cRow,
                        inner,
                        fresh);
            }
            for (; i < rows; i++) {
                rows1x2(a, aOff + i * aRow, aStep, b, bAt, bPanel, c, cOff + i * cRow + j * 4L, inner, fresh);
            }
        }
        for (; j < cols; j += 16) {
            long bAt = bOff + (j >> 4) * bPanel;
            int width = Math.min(16, cols - j);
            int i = 0;
            for (; i + 8 <= rows; i += 8) {
                rows8x1(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        c,
                        cOff + i * cRow + j * 4L,
                        cRow,
                        inner,
                        fresh,
                        width);
            }
            for (; i < rows; i++) {
                rows1x1(a, aOff + i * aRow, aStep, b, bAt, c, cOff + i * cRow + j * 4L, inner, fresh, width);
            }
        }
    }

    /// 4 rows × 64 outputs.
    private static void rows4x4(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner,
            boolean fresh) {
        FloatVector c00, c01, c02, c03;
        FloatVector c10, c11, c12, c13;
        FloatVector c20, c21, c22, c23;
        FloatVector c30, c31, c32, c33;
        if (fresh) {
            c00 = c01 = c02 = c03 = FloatVector.zero(S);
            c10 = c11 = c12 = c13 = FloatVector.zero(S);
            c20 = c21 = c22 = c23 = FloatVector.zero(S);
            c30 = c31 = c32 = c33 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 64, ORDER);
            c02 = FloatVector.fromMemorySegment(S, c, cOff + 128, ORDER);
            c03 = FloatVector.fromMemorySegment(S, c, cOff + 192, ORDER);
            c10 = FloatVector.fromMemorySegment(S, c, cOff + cRow, ORDER);
            c11 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 64, ORDER);
            c12 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 128, ORDER);
            c13 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 192, ORDER);
            c20 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow, ORDER);
            c21 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow + 64, ORDER);
            c22 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow + 128, ORDER);
            c23 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow + 192, ORDER);
            c30 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow, ORDER);
            c31 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow + 64, ORDER);
            c32 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow + 128, ORDER);
            c33 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow + 192, ORDER);
        }
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long b1 = bOff + bPanel;
        long b2 = bOff + 2 * bPanel;
        long b3 = bOff + 3 * bPanel;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(S, b, b2 + k * 64L, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(S, b, b3 + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            c02 = x0.fma(w2, c02);
            c03 = x0.fma(w3, c03);
            FloatVector x1 = FloatVector.broadcast(S, a.get(F32, a1 + k * aStep));
            c10 = x1.fma(w0, c10);
            c11 = x1.fma(w1, c11);
            c12 = x1.fma(w2, c12);
            c13 = x1.fma(w3, c13);
            FloatVector x2 = FloatVector.broadcast(S, a.get(F32, a2 + k * aStep));
            c20 = x2.fma(w0, c20);
            c21 = x2.fma(w1, c21);
            c22 = x2.fma(w2, c22);
            c23 = x2.fma(w3, c23);
            FloatVector x3 = FloatVector.broadcast(S, a.get(F32, a3 + k * aStep));
            c30 = x3.fma(w0, c30);
            c31 = x3.fma(w1, c31);
            c32 = x3.fma(w2, c32);
            c33 = x3.fma(w3, c33);
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 64, ORDER);
        c02.intoMemorySegment(c, cOff + 128, ORDER);
        c03.intoMemorySegment(c, cOff + 192, ORDER);
        c10.intoMemorySegment(c, cOff + cRow, ORDER);
        c11.intoMemorySegment(c, cOff + cRow + 64, ORDER);
        c12.intoMemorySegment(c, cOff + cRow + 128, ORDER);
        c13.intoMemorySegment(c, cOff + cRow + 192, ORDER);
        c20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        c21.intoMemorySegment(c, cOff + 2 * cRow + 64, ORDER);
        c22.intoMemorySegment(c, cOff + 2 * cRow + 128, ORDER);
        c23.intoMemorySegment(c, cOff + 2 * cRow + 192, ORDER);
        c30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        c31.intoMemorySegment(c, cOff + 3 * cRow + 64, ORDER);
        c32.intoMemorySegment(c, cOff + 3 * cRow + 128, ORDER);
        c33.intoMemorySegment(c, cOff + 3 * cRow + 192, ORDER);
    }

    /// 1 row × 64 outputs.
    private static void rows1x4(
            MemorySegment a,
            long aOff,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            int inner,
            boolean fresh) {
        FloatVector c00, c01, c02, c03;
        if (fresh) {
            c00 = c01 = c02 = c03 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 64, ORDER);
            c02 = FloatVector.fromMemorySegment(S, c, cOff + 128, ORDER);
            c03 = FloatVector.fromMemorySegment(S, c, cOff + 192, ORDER);
        }
        long b1 = bOff + bPanel;
        long b2 = bOff + 2 * bPanel;
        long b3 = bOff + 3 * bPanel;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(S, b, b2 + k * 64L, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(S, b, b3 + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            c02 = x0.fma(w2, c02);
            c03 = x0.fma(w3, c03);
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 64, ORDER);
        c02.intoMemorySegment(c, cOff + 128, ORDER);
        c03.intoMemorySegment(c, cOff + 192, ORDER);
    }

    /// 8 rows × 32 outputs.
    private static void rows8x2(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner,
            boolean fresh) {
        FloatVector c00, c01;
        FloatVector c10, c11;
        FloatVector c20, c21;
        FloatVector c30, c31;
        FloatVector c40, c41;
        FloatVector c50, c51;
        FloatVector c60, c61;
        FloatVector c70, c71;
        if (fresh) {
            c00 = c01 = FloatVector.zero(S);
            c10 = c11 = FloatVector.zero(S);
            c20 = c21 = FloatVector.zero(S);
            c30 = c31 = FloatVector.zero(S);
            c40 = c41 = FloatVector.zero(S);
            c50 = c51 = FloatVector.zero(S);
            c60 = c61 = FloatVector.zero(S);
            c70 = c71 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 64, ORDER);
            c10 = FloatVector.fromMemorySegment(S, c, cOff + cRow, ORDER);
            c11 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 64, ORDER);
            c20 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow, ORDER);
            c21 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow + 64, ORDER);
            c30 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow, ORDER);
            c31 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow + 64, ORDER);
            c40 = FloatVector.fromMemorySegment(S, c, cOff + 4 * cRow, ORDER);
            c41 = FloatVector.fromMemorySegment(S, c, cOff + 4 * cRow + 64, ORDER);
            c50 = FloatVector.fromMemorySegment(S, c, cOff + 5 * cRow, ORDER);
            c51 = FloatVector.fromMemorySegment(S, c, cOff + 5 * cRow + 64, ORDER);
            c60 = FloatVector.fromMemorySegment(S, c, cOff + 6 * cRow, ORDER);
            c61 = FloatVector.fromMemorySegment(S, c, cOff + 6 * cRow + 64, ORDER);
            c70 = FloatVector.fromMemorySegment(S, c, cOff + 7 * cRow, ORDER);
            c71 = FloatVector.fromMemorySegment(S, c, cOff + 7 * cRow + 64, ORDER);
        }
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long a4 = aOff + 4 * aRow;
        long a5 = aOff + 5 * aRow;
        long a6 = aOff + 6 * aRow;
        long a7 = aOff + 7 * aRow;
        long b1 = bOff + bPanel;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            FloatVector x1 = FloatVector.broadcast(S, a.get(F32, a1 + k * aStep));
            c10 = x1.fma(w0, c10);
            c11 = x1.fma(w1, c11);
            FloatVector x2 = FloatVector.broadcast(S, a.get(F32, a2 + k * aStep));
            c20 = x2.fma(w0, c20);
            c21 = x2.fma(w1, c21);
            FloatVector x3 = FloatVector.broadcast(S, a.get(F32, a3 + k * aStep));
            c30 = x3.fma(w0, c30);
            c31 = x3.fma(w1, c31);
            FloatVector x4 = FloatVector.broadcast(S, a.get(F32, a4 + k * aStep));
            c40 = x4.fma(w0, c40);
            c41 = x4.fma(w1, c41);
            FloatVector x5 = FloatVector.broadcast(S, a.get(F32, a5 + k * aStep));
            c50 = x5.fma(w0, c50);
            c51 = x5.fma(w1, c51);
            FloatVector x6 = FloatVector.broadcast(S, a.get(F32, a6 + k * aStep));
            c60 = x6.fma(w0, c60);
            c61 = x6.fma(w1, c61);
            FloatVector x7 = FloatVector.broadcast(S, a.get(F32, a7 + k * aStep));
            c70 = x7.fma(w0, c70);
            c71 = x7.fma(w1, c71);
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 64, ORDER);
        c10.intoMemorySegment(c, cOff + cRow, ORDER);
        c11.intoMemorySegment(c, cOff + cRow + 64, ORDER);
        c20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        c21.intoMemorySegment(c, cOff + 2 * cRow + 64, ORDER);
        c30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        c31.intoMemorySegment(c, cOff + 3 * cRow + 64, ORDER);
        c40.intoMemorySegment(c, cOff + 4 * cRow, ORDER);
        c41.intoMemorySegment(c, cOff + 4 * cRow + 64, ORDER);
        c50.intoMemorySegment(c, cOff + 5 * cRow, ORDER);
        c51.intoMemorySegment(c, cOff + 5 * cRow + 64, ORDER);
        c60.intoMemorySegment(c, cOff + 6 * cRow, ORDER);
        c61.intoMemorySegment(c, cOff + 6 * cRow + 64, ORDER);
        c70.intoMemorySegment(c, cOff + 7 * cRow, ORDER);
        c71.intoMemorySegment(c, cOff + 7 * cRow + 64, ORDER);
    }

    /// 1 row × 32 outputs.
    private static void rows1x2(
            MemorySegment a,
            long aOff,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            int inner,
            boolean fresh) {
        FloatVector c00, c01;
        if (fresh) {
            c00 = c01 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 64, ORDER);
        }
        long b1 = bOff + bPanel;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 64, ORDER);
    }

    /// 8 rows × up to 16 outputs.
    private static void rows8x1(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            MemorySegment c,
            long cOff,
            long cRow,
            int inner,
            boolean fresh,
            int cols) {
        VectorMask<Float> m0 = S.indexInRange(0, cols);
        FloatVector c00;
        FloatVector c10;
        FloatVector c20;
        FloatVector c30;
        FloatVector c40;
        FloatVector c50;
        FloatVector c60;
        FloatVector c70;
        if (fresh) {
            c00 = FloatVector.zero(S);
            c10 = FloatVector.zero(S);
            c20 = FloatVector.zero(S);
            c30 = FloatVector.zero(S);
            c40 = FloatVector.zero(S);
            c50 = FloatVector.zero(S);
            c60 = FloatVector.zero(S);
            c70 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER, m0);
            c10 = FloatVector.fromMemorySegment(S, c, cOff + cRow, ORDER, m0);
            c20 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow, ORDER, m0);
            c30 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow, ORDER, m0);
            c40 = FloatVector.fromMemorySegment(S, c, cOff + 4 * cRow, ORDER, m0);
            c50 = FloatVector.fromMemorySegment(S, c, cOff + 5 * cRow, ORDER, m0);
            c60 = FloatVector.fromMemorySegment(S, c, cOff + 6 * cRow, ORDER, m0);
            c70 = FloatVector.fromMemorySegment(S, c, cOff + 7 * cRow, ORDER, m0);
        }
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long a4 = aOff + 4 * aRow;
        long a5 = aOff + 5 * aRow;
        long a6 = aOff + 6 * aRow;
        long a7 = aOff + 7 * aRow;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            FloatVector x1 = FloatVector.broadcast(S, a.get(F32, a1 + k * aStep));
            c10 = x1.fma(w0, c10);
            FloatVector x2 = FloatVector.broadcast(S, a.get(F32, a2 + k * aStep));
            c20 = x2.fma(w0, c20);
            FloatVector x3 = FloatVector.broadcast(S, a.get(F32, a3 + k * aStep));
            c30 = x3.fma(w0, c30);
            FloatVector x4 = FloatVector.broadcast(S, a.get(F32, a4 + k * aStep));
            c40 = x4.fma(w0, c40);
            FloatVector x5 = FloatVector.broadcast(S, a.get(F32, a5 + k * aStep));
            c50 = x5.fma(w0, c50);
            FloatVector x6 = FloatVector.broadcast(S, a.get(F32, a6 + k * aStep));
            c60 = x6.fma(w0, c60);
            FloatVector x7 = FloatVector.broadcast(S, a.get(F32, a7 + k * aStep));
            c70 = x7.fma(w0, c70);
        }
        c00.intoMemorySegment(c, cOff, ORDER, m0);
        c10.intoMemorySegment(c, cOff + cRow, ORDER, m0);
        c20.intoMemorySegment(c, cOff + 2 * cRow, ORDER, m0);
        c30.intoMemorySegment(c, cOff + 3 * cRow, ORDER, m0);
        c40.intoMemorySegment(c, cOff + 4 * cRow, ORDER, m0);
        c50.intoMemorySegment(c, cOff + 5 * cRow, ORDER, m0);
        c60.intoMemorySegment(c, cOff + 6 * cRow, ORDER, m0);
        c70.intoMemorySegment(c, cOff + 7 * cRow, ORDER, m0);
    }

    /// 1 row × up to 16 outputs.
    private static void rows1x1(
            MemorySegment a,
            long aOff,
            long aStep,
            MemorySegment b,
            long bOff,
            MemorySegment c,
            long cOff,
            int inner,
            boolean fresh,
            int cols) {
        VectorMask<Float> m0 = S.indexInRange(0, cols);
        FloatVector c00;
        if (fresh) {
            c00 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER, m0);
        }
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
        }
        c00.intoMemorySegment(c, cOff, ORDER, m0);
    }
}
