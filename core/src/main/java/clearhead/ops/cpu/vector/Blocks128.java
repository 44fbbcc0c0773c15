package clearhead.ops.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Register blocks of the matrix product for 16 registers of 128 bits: 2 rows × 4 vectors. One
/// accumulator an output, one fused multiply-add a k, in the order of k.
final class Blocks128 {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_128;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Blocks128() {}

    /// [Block#strip] at 128 bit.
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
        for (int j = 0; j < cols; j += 16) {
            long bAt = bOff + (j >> 4) * bPanel;
            int width = Math.min(16, cols - j);
            int i = 0;
            if (width == 16) {
                for (; i + 2 <= rows; i += 2) {
                    rows2x4(a, aOff + i * aRow, aRow, aStep, b, bAt, c, cOff + i * cRow + j * 4L, cRow, inner, fresh);
                }
            }
            for (; i < rows; i++) {
                rows1(a, aOff + i * aRow, aStep, b, bAt, c, cOff + i * cRow + j * 4L, inner, fresh, width);
            }
        }
    }

    /// 2 rows × 16 outputs.
    private static void rows2x4(
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
            boolean fresh) {
        FloatVector c00, c01, c02, c03;
        FloatVector c10, c11, c12, c13;
        if (fresh) {
            c00 = c01 = c02 = c03 = FloatVector.zero(S);
            c10 = c11 = c12 = c13 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 16, ORDER);
            c02 = FloatVector.fromMemorySegment(S, c, cOff + 32, ORDER);
            c03 = FloatVector.fromMemorySegment(S, c, cOff + 48, ORDER);
            c10 = FloatVector.fromMemorySegment(S, c, cOff + cRow, ORDER);
            c11 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 16, ORDER);
            c12 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 32, ORDER);
            c13 = FloatVector.fromMemorySegment(S, c, cOff + cRow + 48, ORDER);
        }
        long a1 = aOff + aRow;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 16, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 32, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 48, ORDER);
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
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 16, ORDER);
        c02.intoMemorySegment(c, cOff + 32, ORDER);
        c03.intoMemorySegment(c, cOff + 48, ORDER);
        c10.intoMemorySegment(c, cOff + cRow, ORDER);
        c11.intoMemorySegment(c, cOff + cRow + 16, ORDER);
        c12.intoMemorySegment(c, cOff + cRow + 32, ORDER);
        c13.intoMemorySegment(c, cOff + cRow + 48, ORDER);
    }

    /// 1 row × up to 16 outputs.
    private static void rows1(
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
        VectorMask<Float> m1 = S.indexInRange(4, cols);
        VectorMask<Float> m2 = S.indexInRange(8, cols);
        VectorMask<Float> m3 = S.indexInRange(12, cols);
        FloatVector c00, c01, c02, c03;
        if (fresh) {
            c00 = c01 = c02 = c03 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER, m0);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 16, ORDER, m1);
            c02 = FloatVector.fromMemorySegment(S, c, cOff + 32, ORDER, m2);
            c03 = FloatVector.fromMemorySegment(S, c, cOff + 48, ORDER, m3);
        }
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 16, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 32, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 48, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            c02 = x0.fma(w2, c02);
            c03 = x0.fma(w3, c03);
        }
        c00.intoMemorySegment(c, cOff, ORDER, m0);
        c01.intoMemorySegment(c, cOff + 16, ORDER, m1);
        c02.intoMemorySegment(c, cOff + 32, ORDER, m2);
        c03.intoMemorySegment(c, cOff + 48, ORDER, m3);
    }
}
