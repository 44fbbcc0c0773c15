package clearhead.ops.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Register blocks of the matrix product for 16 registers of 256 bits: 5 rows × 2 vectors. One
/// accumulator an output, one fused multiply-add a k, in the order of k.
final class Blocks256 {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_256;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Blocks256() {}

    /// [Block#strip] at 256 bit.
    static void strip(
            MemorySegment a, long aOff, long aRow, long aStep,
            MemorySegment b, long bOff, long bPanel,
            MemorySegment c, long cOff, long cRow,
            int rows, int cols, int inner, boolean fresh) {
        for (int j = 0; j < cols; j += 16) {
            long bAt = bOff + (j >> 4) * bPanel;
            int width = Math.min(16, cols - j);
            int i = 0;
            if (width == 16) {
                for (; i + 5 <= rows; i += 5) {
                    rows5x2(
                            a, aOff + i * aRow, aRow, aStep, b, bAt,
                            c, cOff + i * cRow + j * 4L, cRow, inner, fresh);
                }
            }
            for (; i < rows; i++) {
                rows1(
                        a, aOff + i * aRow, aStep, b, bAt,
                        c, cOff + i * cRow + j * 4L, inner, fresh, width);
            }
        }
    }

    /// 5 rows × 16 outputs.
    private static void rows5x2(
            MemorySegment a, long aOff, long aRow, long aStep,
            MemorySegment b, long bOff,
            MemorySegment c, long cOff, long cRow, int inner, boolean fresh) {
        FloatVector c00, c01;
        FloatVector c10, c11;
        FloatVector c20, c21;
        FloatVector c30, c31;
        FloatVector c40, c41;
        if (fresh) {
            c00 = c01 = FloatVector.zero(S);
            c10 = c11 = FloatVector.zero(S);
            c20 = c21 = FloatVector.zero(S);
            c30 = c31 = FloatVector.zero(S);
            c40 = c41 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 32, ORDER);
            c10 = FloatVector.fromMemorySegment(S, c, cOff + cRow, ORDER);
            c11 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 32, ORDER);
            c20 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow, ORDER);
            c21 = FloatVector.fromMemorySegment(S, c, cOff + 2 * cRow + 32, ORDER);
            c30 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow, ORDER);
            c31 = FloatVector.fromMemorySegment(S, c, cOff + 3 * cRow + 32, ORDER);
            c40 = FloatVector.fromMemorySegment(S, c, cOff + 4 * cRow, ORDER);
            c41 = FloatVector.fromMemorySegment(S, c, cOff + 4 * cRow + 32, ORDER);
        }
        long a1 = aOff + aRow;
        long a2 = aOff + 2 * aRow;
        long a3 = aOff + 3 * aRow;
        long a4 = aOff + 4 * aRow;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 32, ORDER);
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
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 32, ORDER);
        c10.intoMemorySegment(c, cOff + cRow, ORDER);
        c11.intoMemorySegment(c, cOff + cRow + 32, ORDER);
        c20.intoMemorySegment(c, cOff + 2 * cRow, ORDER);
        c21.intoMemorySegment(c, cOff + 2 * cRow + 32, ORDER);
        c30.intoMemorySegment(c, cOff + 3 * cRow, ORDER);
        c31.intoMemorySegment(c, cOff + 3 * cRow + 32, ORDER);
        c40.intoMemorySegment(c, cOff + 4 * cRow, ORDER);
        c41.intoMemorySegment(c, cOff + 4 * cRow + 32, ORDER);
    }

    /// 1 row × up to 16 outputs.
    private static void rows1(
            MemorySegment a, long aOff, long aStep,
            MemorySegment b, long bOff,
            MemorySegment c, long cOff, int inner, boolean fresh, int cols) {
        VectorMask<Float> m0 = S.indexInRange(0, cols);
        VectorMask<Float> m1 = S.indexInRange(8, cols);
        FloatVector c00, c01;
        if (fresh) {
            c00 = c01 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER, m0);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 32, ORDER, m1);
        }
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 32, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
        }
        c00.intoMemorySegment(c, cOff, ORDER, m0);
        c01.intoMemorySegment(c, cOff + 32, ORDER, m1);
    }
}
