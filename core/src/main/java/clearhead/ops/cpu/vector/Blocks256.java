package clearhead.ops.cpu.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Register blocks of the matrix product for 16 registers of 256 bits: 5 rows × 2 vectors. One
/// accumulator an output, one fused multiply-add a k, in the order of k.
///
/// Several rows are computed in arrays on the heap, into which rows, panels and outputs are copied:
/// the same loops on native memory reach two thirds of the speed (68 against 107 of 109 GFLOP/s on
/// one Zen 4 core with -XX:UseAVX=2). In mid-iteration one accumulator is stored at its own place in
/// the tile: without that the compiler lifts all broadcasts above the products, runs out of
/// registers and falls to 43.
final class Blocks256 {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_256;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /// Rows of a tile.
    private static final int ROWS = 60;

    private static final int FEW = 5;

    private static final ThreadLocal<Blocks256> TILES = ThreadLocal.withInitial(Blocks256::new);

    private float[] a = new float[0];
    private float[] b = new float[0];
    private final float[] c = new float[ROWS * 16];

    private Blocks256() {}

    /// [Block#strip] at 256 bit.
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
        if (rows < FEW) {
            for (int i = 0; i < rows; i++) {
                row(a, aOff + i * aRow, aStep, b, bOff, bPanel, c, cOff + i * cRow, cols, inner, fresh);
            }
            return;
        }
        Blocks256 tile = TILES.get();
        tile.reserve(inner);
        for (int i = 0; i < rows; i += ROWS) {
            tile.rows(
                    a,
                    aOff + i * aRow,
                    aRow,
                    aStep,
                    b,
                    bOff,
                    bPanel,
                    c,
                    cOff + i * cRow,
                    cRow,
                    Math.min(ROWS, rows - i),
                    cols,
                    inner,
                    fresh);
        }
    }

    private void reserve(int inner) {
        if (b.length < inner * 16) {
            a = new float[inner * ROWS];
            b = new float[inner * 16];
        }
    }

    private void rows(
            MemorySegment from,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment panels,
            long bOff,
            long bPanel,
            MemorySegment into,
            long cOff,
            long cRow,
            int rows,
            int cols,
            int inner,
            boolean fresh) {
        if (aStep == 4) {
            for (int i = 0; i < rows; i++) {
                MemorySegment.copy(from, F32, aOff + i * aRow, a, i * inner, inner);
            }
        } else {
            for (int i = 0; i < rows; i += 5) {
                transpose(from, aOff + i * aRow, aRow, aStep, Math.min(5, rows - i), i, inner);
            }
        }
        for (int j = 0; j < cols; j += 16) {
            int width = Math.min(16, cols - j);
            MemorySegment.copy(panels, F32, bOff + (j >> 4) * bPanel, b, 0, inner * 16);
            for (int i = 0; i < rows; i++) {
                if (fresh) {
                    FloatVector.zero(S).intoArray(c, i * 16);
                    FloatVector.zero(S).intoArray(c, i * 16 + 8);
                } else {
                    load(into, cOff + i * cRow + j * 4L, c, i * 16, width);
                }
            }
            // Rows beyond the last are computed from whatever is there, and dropped.
            for (int i = 0; i < rows; i += 5) {
                rows5x2(a, i * inner, inner, b, c, i * 16, inner);
            }
            for (int i = 0; i < rows; i++) {
                store(c, i * 16, into, cOff + i * cRow + j * 4L, width);
            }
        }
    }

    /// A left side that comes step by step, into rows.
    private void transpose(MemorySegment from, long at, long aRow, long aStep, int rows, int first, int inner) {
        if (rows == 5) {
            int to = first * inner;
            for (int k = 0; k < inner; k++) {
                long step = at + k * aStep;
                a[to + k] = from.get(F32, step);
                a[to + inner + k] = from.get(F32, step + aRow);
                a[to + 2 * inner + k] = from.get(F32, step + 2 * aRow);
                a[to + 3 * inner + k] = from.get(F32, step + 3 * aRow);
                a[to + 4 * inner + k] = from.get(F32, step + 4 * aRow);
            }
            return;
        }
        for (int k = 0; k < inner; k++) {
            for (int i = 0; i < rows; i++) {
                a[(first + i) * inner + k] = from.get(F32, at + i * aRow + k * aStep);
            }
        }
    }

    /// Whole vectors are written.
    private static void load(MemorySegment from, long at, float[] into, int first, int count) {
        int i = 0;
        for (; i <= count - 8; i += 8) {
            FloatVector.fromMemorySegment(S, from, at + i * 4L, ORDER).intoArray(into, first + i);
        }
        if (i < count) {
            VectorMask<Float> m = S.indexInRange(i, count);
            FloatVector.fromMemorySegment(S, from, at + i * 4L, ORDER, m).intoArray(into, first + i);
        }
    }

    private static void store(float[] from, int first, MemorySegment into, long at, int count) {
        int i = 0;
        for (; i <= count - 8; i += 8) {
            FloatVector.fromArray(S, from, first + i).intoMemorySegment(into, at + i * 4L, ORDER);
        }
        if (i < count) {
            VectorMask<Float> m = S.indexInRange(i, count);
            FloatVector.fromArray(S, from, first + i).intoMemorySegment(into, at + i * 4L, ORDER, m);
        }
    }

    private static void row(
            MemorySegment a,
            long aOff,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            int cols,
            int inner,
            boolean fresh) {
        int j = 0;
        for (; j + 64 <= cols; j += 64) {
            row1x8(a, aOff, aStep, b, bOff + (j >> 4) * bPanel, bPanel, c, cOff + j * 4L, inner, fresh);
        }
        for (; j < cols; j += 16) {
            row1x2(a, aOff, aStep, b, bOff + (j >> 4) * bPanel, c, cOff + j * 4L, inner, fresh, Math.min(16, cols - j));
        }
    }

    /// 5 rows × 16 outputs, rows of a contiguous.
    private static void rows5x2(float[] a, int aOff, int aRow, float[] b, float[] c, int cOff, int inner) {
        FloatVector c00 = FloatVector.fromArray(S, c, cOff);
        FloatVector c01 = FloatVector.fromArray(S, c, cOff + 8);
        FloatVector c10 = FloatVector.fromArray(S, c, cOff + 16);
        FloatVector c11 = FloatVector.fromArray(S, c, cOff + 24);
        FloatVector c20 = FloatVector.fromArray(S, c, cOff + 32);
        FloatVector c21 = FloatVector.fromArray(S, c, cOff + 40);
        FloatVector c30 = FloatVector.fromArray(S, c, cOff + 48);
        FloatVector c31 = FloatVector.fromArray(S, c, cOff + 56);
        FloatVector c40 = FloatVector.fromArray(S, c, cOff + 64);
        FloatVector c41 = FloatVector.fromArray(S, c, cOff + 72);
        int a1 = aOff + aRow;
        int a2 = aOff + 2 * aRow;
        int a3 = aOff + 3 * aRow;
        int a4 = aOff + 4 * aRow;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromArray(S, b, k * 16);
            FloatVector w1 = FloatVector.fromArray(S, b, k * 16 + 8);
            FloatVector x0 = FloatVector.broadcast(S, a[aOff + k]);
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            FloatVector x1 = FloatVector.broadcast(S, a[a1 + k]);
            c10 = x1.fma(w0, c10);
            c11 = x1.fma(w1, c11);
            FloatVector x2 = FloatVector.broadcast(S, a[a2 + k]);
            c20 = x2.fma(w0, c20);
            c21 = x2.fma(w1, c21);
            c21.intoArray(c, cOff + 40);
            FloatVector x3 = FloatVector.broadcast(S, a[a3 + k]);
            c30 = x3.fma(w0, c30);
            c31 = x3.fma(w1, c31);
            FloatVector x4 = FloatVector.broadcast(S, a[a4 + k]);
            c40 = x4.fma(w0, c40);
            c41 = x4.fma(w1, c41);
        }
        c00.intoArray(c, cOff);
        c01.intoArray(c, cOff + 8);
        c10.intoArray(c, cOff + 16);
        c11.intoArray(c, cOff + 24);
        c20.intoArray(c, cOff + 32);
        c21.intoArray(c, cOff + 40);
        c30.intoArray(c, cOff + 48);
        c31.intoArray(c, cOff + 56);
        c40.intoArray(c, cOff + 64);
        c41.intoArray(c, cOff + 72);
    }

    /// 1 row × 64 outputs.
    private static void row1x8(
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
        FloatVector c00, c01, c02, c03, c04, c05, c06, c07;
        if (fresh) {
            c00 = c01 = c02 = c03 = c04 = c05 = c06 = c07 = FloatVector.zero(S);
        } else {
            c00 = FloatVector.fromMemorySegment(S, c, cOff, ORDER);
            c01 = FloatVector.fromMemorySegment(S, c, cOff + 32, ORDER);
            c02 = FloatVector.fromMemorySegment(S, c, cOff + 64, ORDER);
            c03 = FloatVector.fromMemorySegment(S, c, cOff + 96, ORDER);
            c04 = FloatVector.fromMemorySegment(S, c, cOff + 128, ORDER);
            c05 = FloatVector.fromMemorySegment(S, c, cOff + 160, ORDER);
            c06 = FloatVector.fromMemorySegment(S, c, cOff + 192, ORDER);
            c07 = FloatVector.fromMemorySegment(S, c, cOff + 224, ORDER);
        }
        long b1 = bOff + bPanel;
        long b2 = bOff + 2 * bPanel;
        long b3 = bOff + 3 * bPanel;
        for (int k = 0; k < inner; k++) {
            FloatVector w0 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(S, b, bOff + k * 64L + 32, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(S, b, b1 + k * 64L + 32, ORDER);
            FloatVector w4 = FloatVector.fromMemorySegment(S, b, b2 + k * 64L, ORDER);
            FloatVector w5 = FloatVector.fromMemorySegment(S, b, b2 + k * 64L + 32, ORDER);
            FloatVector w6 = FloatVector.fromMemorySegment(S, b, b3 + k * 64L, ORDER);
            FloatVector w7 = FloatVector.fromMemorySegment(S, b, b3 + k * 64L + 32, ORDER);
            FloatVector x0 = FloatVector.broadcast(S, a.get(F32, aOff + k * aStep));
            c00 = x0.fma(w0, c00);
            c01 = x0.fma(w1, c01);
            c02 = x0.fma(w2, c02);
            c03 = x0.fma(w3, c03);
            c04 = x0.fma(w4, c04);
            c05 = x0.fma(w5, c05);
            c06 = x0.fma(w6, c06);
            c07 = x0.fma(w7, c07);
        }
        c00.intoMemorySegment(c, cOff, ORDER);
        c01.intoMemorySegment(c, cOff + 32, ORDER);
        c02.intoMemorySegment(c, cOff + 64, ORDER);
        c03.intoMemorySegment(c, cOff + 96, ORDER);
        c04.intoMemorySegment(c, cOff + 128, ORDER);
        c05.intoMemorySegment(c, cOff + 160, ORDER);
        c06.intoMemorySegment(c, cOff + 192, ORDER);
        c07.intoMemorySegment(c, cOff + 224, ORDER);
    }

    /// 1 row × up to 16 outputs.
    private static void row1x2(
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
