package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// C (+)= A·B on tiles that lie in the first cache levels: all seven products of attention, forward
/// and backward.
///
/// A is read one element at a time and broadcast, with any stride between rows and between steps
/// (so Aᵀ is as good as A); B and C are read as vectors along their rows. Every element of C is one
/// fma chain over the steps in order, whatever the number of rows or columns asked for: one row and
/// many give the same bits.
///
/// Register blocks (rows × vectors): 4×4 with 32 registers (512 bit) for sums that begin at zero,
/// else 4×2.
final class TileProduct {
    /// Little-endian float32 at any byte address.
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private static final boolean WIDE = Lanes.BITS == 512;

    private TileProduct() {}

    /// Strides and offsets are in bytes.
    ///
    /// @param a [rows, steps] at a0, `aRow` from row to row, `aStep` from step to step
    /// @param b [steps, columns] at b0, rows contiguous
    /// @param c [rows, columns] at c0, rows contiguous
    /// @param add whether to add to what is in C
    static void multiply(
            MemorySegment a,
            long a0,
            long aRow,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int rows,
            int columns,
            int steps,
            boolean add) {
        int column = 0;
        if (WIDE) {
            for (; column + 4 * COUNT <= columns; column += 4 * COUNT) {
                long bc = b0 + column * 4L;
                long cc = c0 + column * 4L;
                int row = 0;
                for (; row + 4 <= rows; row += 4) {
                    if (add) {
                        block4x4Add(a, a0 + row * aRow, aRow, aStep, b, bc, bStep, c, cc + row * cRow, cRow, steps);
                    } else {
                        block4x4(a, a0 + row * aRow, aRow, aStep, b, bc, bStep, c, cc + row * cRow, cRow, steps);
                    }
                }
                for (; row < rows; row++) {
                    block1x4(a, a0 + row * aRow, aStep, b, bc, bStep, c, cc + row * cRow, steps, add);
                }
            }
        }
        for (; column + 2 * COUNT <= columns; column += 2 * COUNT) {
            long bc = b0 + column * 4L;
            long cc = c0 + column * 4L;
            int row = 0;
            for (; row + 4 <= rows; row += 4) {
                block4x2(a, a0 + row * aRow, aRow, aStep, b, bc, bStep, c, cc + row * cRow, cRow, steps, add);
            }
            for (; row < rows; row++) {
                block1x2(a, a0 + row * aRow, aStep, b, bc, bStep, c, cc + row * cRow, steps, add);
            }
        }
        if (column + COUNT <= columns) {
            long bc = b0 + column * 4L;
            long cc = c0 + column * 4L;
            int row = 0;
            for (; row + 4 <= rows; row += 4) {
                block4x1(a, a0 + row * aRow, aRow, aStep, b, bc, bStep, c, cc + row * cRow, cRow, steps, add);
            }
            for (; row < rows; row++) {
                block1x1(a, a0 + row * aRow, aStep, b, bc, bStep, c, cc + row * cRow, steps, add);
            }
            column += COUNT;
        }
        if (column < columns) {
            long bc = b0 + column * 4L;
            long cc = c0 + column * 4L;
            for (int row = 0; row < rows; row++) {
                edge(a, a0 + row * aRow, aStep, b, bc, bStep, c, cc + row * cRow, steps, columns - column, add);
            }
        }
    }

    static void clear(MemorySegment c, long c0, long cRow, int rows, int columns) {
        var zero = FloatVector.zero(FLOATS);
        for (int row = 0; row < rows; row++) {
            long at = c0 + row * cRow;
            int column = 0;
            for (; column + COUNT <= columns; column += COUNT) {
                zero.intoMemorySegment(c, at + column * 4L, ORDER);
            }
            for (; column < columns; column++) {
                c.set(F32, at + column * 4L, 0);
            }
        }
    }

    /// From zero only: with 16 loads more the method is so large that the compiler, depending on what
    /// else it has seen, stops to inline inside it, and every vector becomes an object.
    private static void block4x4(
            MemorySegment a,
            long a0,
            long aRow,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps) {
        long c1 = c0 + cRow;
        long c2 = c1 + cRow;
        long c3 = c2 + cRow;
        var c00 = FloatVector.zero(FLOATS);
        var c01 = FloatVector.zero(FLOATS);
        var c02 = FloatVector.zero(FLOATS);
        var c03 = FloatVector.zero(FLOATS);
        var c10 = FloatVector.zero(FLOATS);
        var c11 = FloatVector.zero(FLOATS);
        var c12 = FloatVector.zero(FLOATS);
        var c13 = FloatVector.zero(FLOATS);
        var c20 = FloatVector.zero(FLOATS);
        var c21 = FloatVector.zero(FLOATS);
        var c22 = FloatVector.zero(FLOATS);
        var c23 = FloatVector.zero(FLOATS);
        var c30 = FloatVector.zero(FLOATS);
        var c31 = FloatVector.zero(FLOATS);
        var c32 = FloatVector.zero(FLOATS);
        var c33 = FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * aStep;
            long bk = b0 + k * bStep;
            var v0 = FloatVector.fromMemorySegment(FLOATS, b, bk, ORDER);
            var v1 = FloatVector.fromMemorySegment(FLOATS, b, bk + BYTES, ORDER);
            var v2 = FloatVector.fromMemorySegment(FLOATS, b, bk + 2 * BYTES, ORDER);
            var v3 = FloatVector.fromMemorySegment(FLOATS, b, bk + 3 * BYTES, ORDER);
            var x = FloatVector.broadcast(FLOATS, a.get(F32, ak));
            c00 = x.fma(v0, c00);
            c01 = x.fma(v1, c01);
            c02 = x.fma(v2, c02);
            c03 = x.fma(v3, c03);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow));
            c10 = x.fma(v0, c10);
            c11 = x.fma(v1, c11);
            c12 = x.fma(v2, c12);
            c13 = x.fma(v3, c13);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow));
            c20 = x.fma(v0, c20);
            c21 = x.fma(v1, c21);
            c22 = x.fma(v2, c22);
            c23 = x.fma(v3, c23);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow));
            c30 = x.fma(v0, c30);
            c31 = x.fma(v1, c31);
            c32 = x.fma(v2, c32);
            c33 = x.fma(v3, c33);
        }
        c00.intoMemorySegment(c, c0, ORDER);
        c01.intoMemorySegment(c, c0 + BYTES, ORDER);
        c02.intoMemorySegment(c, c0 + 2 * BYTES, ORDER);
        c03.intoMemorySegment(c, c0 + 3 * BYTES, ORDER);
        c10.intoMemorySegment(c, c1, ORDER);
        c11.intoMemorySegment(c, c1 + BYTES, ORDER);
        c12.intoMemorySegment(c, c1 + 2 * BYTES, ORDER);
        c13.intoMemorySegment(c, c1 + 3 * BYTES, ORDER);
        c20.intoMemorySegment(c, c2, ORDER);
        c21.intoMemorySegment(c, c2 + BYTES, ORDER);
        c22.intoMemorySegment(c, c2 + 2 * BYTES, ORDER);
        c23.intoMemorySegment(c, c2 + 3 * BYTES, ORDER);
        c30.intoMemorySegment(c, c3, ORDER);
        c31.intoMemorySegment(c, c3 + BYTES, ORDER);
        c32.intoMemorySegment(c, c3 + 2 * BYTES, ORDER);
        c33.intoMemorySegment(c, c3 + 3 * BYTES, ORDER);
    }

    private static void block4x4Add(
            MemorySegment a,
            long a0,
            long aRow,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps) {
        long c1 = c0 + cRow;
        long c2 = c1 + cRow;
        long c3 = c2 + cRow;
        var c00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        var c01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        var c02 = FloatVector.fromMemorySegment(FLOATS, c, c0 + 2 * BYTES, ORDER);
        var c03 = FloatVector.fromMemorySegment(FLOATS, c, c0 + 3 * BYTES, ORDER);
        var c10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        var c11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        var c12 = FloatVector.fromMemorySegment(FLOATS, c, c1 + 2 * BYTES, ORDER);
        var c13 = FloatVector.fromMemorySegment(FLOATS, c, c1 + 3 * BYTES, ORDER);
        var c20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        var c21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        var c22 = FloatVector.fromMemorySegment(FLOATS, c, c2 + 2 * BYTES, ORDER);
        var c23 = FloatVector.fromMemorySegment(FLOATS, c, c2 + 3 * BYTES, ORDER);
        var c30 = FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER);
        var c31 = FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER);
        var c32 = FloatVector.fromMemorySegment(FLOATS, c, c3 + 2 * BYTES, ORDER);
        var c33 = FloatVector.fromMemorySegment(FLOATS, c, c3 + 3 * BYTES, ORDER);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * aStep;
            long bk = b0 + k * bStep;
            var v0 = FloatVector.fromMemorySegment(FLOATS, b, bk, ORDER);
            var v1 = FloatVector.fromMemorySegment(FLOATS, b, bk + BYTES, ORDER);
            var v2 = FloatVector.fromMemorySegment(FLOATS, b, bk + 2 * BYTES, ORDER);
            var v3 = FloatVector.fromMemorySegment(FLOATS, b, bk + 3 * BYTES, ORDER);
            var x = FloatVector.broadcast(FLOATS, a.get(F32, ak));
            c00 = x.fma(v0, c00);
            c01 = x.fma(v1, c01);
            c02 = x.fma(v2, c02);
            c03 = x.fma(v3, c03);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow));
            c10 = x.fma(v0, c10);
            c11 = x.fma(v1, c11);
            c12 = x.fma(v2, c12);
            c13 = x.fma(v3, c13);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow));
            c20 = x.fma(v0, c20);
            c21 = x.fma(v1, c21);
            c22 = x.fma(v2, c22);
            c23 = x.fma(v3, c23);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow));
            c30 = x.fma(v0, c30);
            c31 = x.fma(v1, c31);
            c32 = x.fma(v2, c32);
            c33 = x.fma(v3, c33);
        }
        c00.intoMemorySegment(c, c0, ORDER);
        c01.intoMemorySegment(c, c0 + BYTES, ORDER);
        c02.intoMemorySegment(c, c0 + 2 * BYTES, ORDER);
        c03.intoMemorySegment(c, c0 + 3 * BYTES, ORDER);
        c10.intoMemorySegment(c, c1, ORDER);
        c11.intoMemorySegment(c, c1 + BYTES, ORDER);
        c12.intoMemorySegment(c, c1 + 2 * BYTES, ORDER);
        c13.intoMemorySegment(c, c1 + 3 * BYTES, ORDER);
        c20.intoMemorySegment(c, c2, ORDER);
        c21.intoMemorySegment(c, c2 + BYTES, ORDER);
        c22.intoMemorySegment(c, c2 + 2 * BYTES, ORDER);
        c23.intoMemorySegment(c, c2 + 3 * BYTES, ORDER);
        c30.intoMemorySegment(c, c3, ORDER);
        c31.intoMemorySegment(c, c3 + BYTES, ORDER);
        c32.intoMemorySegment(c, c3 + 2 * BYTES, ORDER);
        c33.intoMemorySegment(c, c3 + 3 * BYTES, ORDER);
    }

    private static void block4x2(
            MemorySegment a,
            long a0,
            long aRow,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps,
            boolean add) {
        long c1 = c0 + cRow;
        long c2 = c1 + cRow;
        long c3 = c2 + cRow;
        var c00 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER) : FloatVector.zero(FLOATS);
        var c01 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        var c10 = add ? FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER) : FloatVector.zero(FLOATS);
        var c11 = add ? FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        var c20 = add ? FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER) : FloatVector.zero(FLOATS);
        var c21 = add ? FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        var c30 = add ? FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER) : FloatVector.zero(FLOATS);
        var c31 = add ? FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * aStep;
            long bk = b0 + k * bStep;
            var v0 = FloatVector.fromMemorySegment(FLOATS, b, bk, ORDER);
            var v1 = FloatVector.fromMemorySegment(FLOATS, b, bk + BYTES, ORDER);
            var x = FloatVector.broadcast(FLOATS, a.get(F32, ak));
            c00 = x.fma(v0, c00);
            c01 = x.fma(v1, c01);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow));
            c10 = x.fma(v0, c10);
            c11 = x.fma(v1, c11);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow));
            c20 = x.fma(v0, c20);
            c21 = x.fma(v1, c21);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow));
            c30 = x.fma(v0, c30);
            c31 = x.fma(v1, c31);
        }
        c00.intoMemorySegment(c, c0, ORDER);
        c01.intoMemorySegment(c, c0 + BYTES, ORDER);
        c10.intoMemorySegment(c, c1, ORDER);
        c11.intoMemorySegment(c, c1 + BYTES, ORDER);
        c20.intoMemorySegment(c, c2, ORDER);
        c21.intoMemorySegment(c, c2 + BYTES, ORDER);
        c30.intoMemorySegment(c, c3, ORDER);
        c31.intoMemorySegment(c, c3 + BYTES, ORDER);
    }

    private static void block1x4(
            MemorySegment a,
            long a0,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            int steps,
            boolean add) {
        var s0 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER) : FloatVector.zero(FLOATS);
        var s1 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        var s2 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + 2 * BYTES, ORDER) : FloatVector.zero(FLOATS);
        var s3 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + 3 * BYTES, ORDER) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long bk = b0 + k * bStep;
            var x = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            s0 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk, ORDER), s0);
            s1 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk + BYTES, ORDER), s1);
            s2 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk + 2 * BYTES, ORDER), s2);
            s3 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk + 3 * BYTES, ORDER), s3);
        }
        s0.intoMemorySegment(c, c0, ORDER);
        s1.intoMemorySegment(c, c0 + BYTES, ORDER);
        s2.intoMemorySegment(c, c0 + 2 * BYTES, ORDER);
        s3.intoMemorySegment(c, c0 + 3 * BYTES, ORDER);
    }

    private static void block1x2(
            MemorySegment a,
            long a0,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            int steps,
            boolean add) {
        var s0 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER) : FloatVector.zero(FLOATS);
        var s1 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long bk = b0 + k * bStep;
            var x = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            s0 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk, ORDER), s0);
            s1 = x.fma(FloatVector.fromMemorySegment(FLOATS, b, bk + BYTES, ORDER), s1);
        }
        s0.intoMemorySegment(c, c0, ORDER);
        s1.intoMemorySegment(c, c0 + BYTES, ORDER);
    }

    private static void block4x1(
            MemorySegment a,
            long a0,
            long aRow,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps,
            boolean add) {
        var s0 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER) : FloatVector.zero(FLOATS);
        var s1 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + cRow, ORDER) : FloatVector.zero(FLOATS);
        var s2 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + 2 * cRow, ORDER) : FloatVector.zero(FLOATS);
        var s3 = add ? FloatVector.fromMemorySegment(FLOATS, c, c0 + 3 * cRow, ORDER) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * aStep;
            var v = FloatVector.fromMemorySegment(FLOATS, b, b0 + k * bStep, ORDER);
            s0 = FloatVector.broadcast(FLOATS, a.get(F32, ak)).fma(v, s0);
            s1 = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow)).fma(v, s1);
            s2 = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow)).fma(v, s2);
            s3 = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow)).fma(v, s3);
        }
        s0.intoMemorySegment(c, c0, ORDER);
        s1.intoMemorySegment(c, c0 + cRow, ORDER);
        s2.intoMemorySegment(c, c0 + 2 * cRow, ORDER);
        s3.intoMemorySegment(c, c0 + 3 * cRow, ORDER);
    }

    private static void block1x1(
            MemorySegment a,
            long a0,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            int steps,
            boolean add) {
        var sum = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            var x = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            sum = x.fma(FloatVector.fromMemorySegment(FLOATS, b, b0 + k * bStep, ORDER), sum);
        }
        sum.intoMemorySegment(c, c0, ORDER);
    }

    /// One row of less than one vector of columns, for what the blocks leave over.
    private static void edge(
            MemorySegment a,
            long a0,
            long aStep,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            int steps,
            int lanes,
            boolean add) {
        var mask = FLOATS.indexInRange(0, lanes);
        var sum = add ? FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER, mask) : FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            var x = FloatVector.broadcast(FLOATS, a.get(F32, a0 + k * aStep));
            sum = x.fma(FloatVector.fromMemorySegment(FLOATS, b, b0 + k * bStep, ORDER, mask), sum);
        }
        sum.intoMemorySegment(c, c0, ORDER, mask);
    }
}
