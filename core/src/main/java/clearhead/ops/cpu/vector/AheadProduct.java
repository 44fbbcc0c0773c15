package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// C (+)= A·B as in [TileProduct], for few rows of A and a B that comes from memory, a chunk of it
/// at a time: while a chunk is multiplied, one word of each cache line of the next is read. A line
/// that is waited for holds up the few products that the processor can keep unfinished, and a line
/// that was asked for one chunk earlier is there.
final class AheadProduct {
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ORDER);

    private AheadProduct() {}

    /// As [TileProduct#multiply] with A's steps contiguous.
    ///
    /// @param b the chunk, [steps, columns] at b0, without gaps
    /// @param ahead what is read next, as long as the chunk, from byte `next` on
    /// @return all words read ahead, exclusive-or: to be kept, so that they are read
    static long multiply(
            MemorySegment a,
            long a0,
            long aRow,
            MemorySegment b,
            long b0,
            MemorySegment c,
            long c0,
            long cRow,
            int rows,
            int columns,
            int steps,
            boolean add,
            MemorySegment ahead,
            long next) {
        long bStep = columns * 4L;
        int strips = columns / (2 * COUNT);
        int fours = rows / 4;
        long words = 0;
        if (strips > 0 && fours > 0) {
            long stride = columns * 4L / (strips * fours);
            long part = stride * steps;
            for (int strip = 0; strip < strips; strip++) {
                long at = strip * 2L * BYTES;
                for (int four = 0; four < fours; four++) {
                    words ^= block4x2(
                            a,
                            a0 + four * 4 * aRow,
                            aRow,
                            b,
                            b0 + at,
                            bStep,
                            c,
                            c0 + four * 4 * cRow + at,
                            cRow,
                            steps,
                            add,
                            ahead,
                            next + (strip * fours + four) * part,
                            stride);
                }
            }
        }
        int done = strips * 2 * COUNT;
        int doneRows = strips > 0 ? fours * 4 : 0;
        if (doneRows < rows) {
            rest(a, a0, aRow, b, b0, bStep, c, c0, cRow, doneRows, rows, 0, columns, steps, add);
        }
        if (doneRows > 0 && done < columns) {
            rest(a, a0, aRow, b, b0, bStep, c, c0, cRow, 0, doneRows, done, columns, steps, add);
        }
        return words;
    }

    private static void rest(
            MemorySegment a,
            long a0,
            long aRow,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int row,
            int rows,
            int column,
            int columns,
            int steps,
            boolean add) {
        TileProduct.multiply(
                a,
                a0 + row * aRow,
                aRow,
                4,
                b,
                b0 + column * 4L,
                bStep,
                c,
                c0 + row * cRow + column * 4L,
                cRow,
                rows - row,
                columns - column,
                steps,
                add);
    }

    private static long block4x2(
            MemorySegment a,
            long a0,
            long aRow,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps,
            boolean add,
            MemorySegment ahead,
            long next,
            long stride) {
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
        long words = 0;
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * 4L;
            long bk = b0 + k * bStep;
            words ^= ahead.get(I64, next + k * stride);
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
        return words;
    }
}
