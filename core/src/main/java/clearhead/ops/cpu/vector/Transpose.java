package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/// Rows of a float32 matrix into steps: what panels and tiles of the matrix product are made of.
///
/// Squares of as many rows and steps as a vector has lanes, by exchanging halves, quarters … of pairs
/// of rows (Eklundh 1972); with 512 bits the halves in a second pass, as all in one method are more
/// than the compiler inlines. With 128 bits one element at a time. The squares have the length of all
/// other vectors, because two lengths in one process pollute the type profiles of the Vector API's own
/// methods: register blocks fell from 113 to 38 GFLOP/s.
final class Transpose {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final VectorShuffle<Float> BY_8 = exchange(8);
    private static final VectorShuffle<Float> BY_4 = exchange(4);
    private static final VectorShuffle<Float> BY_2 = exchange(2);
    private static final VectorShuffle<Float> BY_1 = exchange(1);
    private static final VectorMask<Float> BIT_3 = VectorMask.fromLong(FLOATS, 0xff00);
    private static final VectorMask<Float> BIT_2 = VectorMask.fromLong(FLOATS, 0xf0f0);
    private static final VectorMask<Float> BIT_1 = VectorMask.fromLong(FLOATS, 0xcccc);
    private static final VectorMask<Float> BIT_0 = VectorMask.fromLong(FLOATS, 0xaaaa);

    /// Steps that are exchanged at a time: their squares are 4 KiB.
    private static final int STEPS = 64;

    private static final ThreadLocal<MemorySegment> SQUARES =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STEPS * BYTES, 64));

    private Transpose() {}

    private static VectorShuffle<Float> exchange(int distance) {
        return VectorShuffle.fromOp(FLOATS, i -> (i ^ distance) % COUNT);
    }

    /// Elements of up to 16 rows into a panel [steps, 16]; outputs beyond the rows are undefined.
    ///
    /// @param stride bytes from row to row
    /// @param present rows there are, 1 to 16
    static void panel(MemorySegment from, long at, long stride, int present, int steps, MemorySegment into, long to) {
        for (int i = 0; i < present; i += COUNT) {
            int rows = Math.min(COUNT, present - i);
            rows(from, at + i * stride, stride, rows, steps, into, to + i * 4L, Product.STEP_BYTES);
        }
    }

    /// Elements of up to 6 rows into a tile [steps, present], for vectors of up to 256 bits: a whole one is
    /// written at each step, part of it beyond the tile.
    static void tile(MemorySegment from, long at, long stride, int present, int steps, MemorySegment into, long to) {
        rows(from, at, stride, present, steps, into, to, 4L * present);
    }

    private static void rows(
            MemorySegment from, long at, long stride, int rows, int steps, MemorySegment into, long to, long toStep) {
        int whole = COUNT >= 8 ? steps / COUNT * COUNT : 0;
        if (COUNT == 8 && whole > 0) {
            eights(from, at, stride, rows, whole, into, to, toStep);
        } else if (COUNT == 16) {
            MemorySegment squares = SQUARES.get();
            for (int k = 0; k < whole; k += STEPS) {
                int some = Math.min(STEPS, whole - k);
                eights(from, at + k * 4L, stride, Math.min(rows, 8), some, squares, 0, BYTES);
                if (rows > 8) {
                    eights(from, at + 8 * stride + k * 4L, stride, rows - 8, some, squares, 8 * BYTES, BYTES);
                }
                halves(squares, some, into, to + k * toStep, toStep);
            }
        }
        for (int k = whole; k < steps; k++) {
            for (int i = 0; i < rows; i++) {
                into.set(F32, to + k * toStep + i * 4L, from.get(F32, at + i * stride + k * 4L));
            }
        }
    }

    /// Exchanges of distance 4, 2 and 1: vector j of each square has step j of 8 rows and, with 512 bits,
    /// step j + 8 in its upper half. Rows beyond the last are the last again.
    private static void eights(
            MemorySegment from, long at, long stride, int rows, int steps, MemorySegment into, long to, long toStep) {
        long last = (rows - 1) * stride;
        long at1 = at + Math.min(stride, last);
        long at2 = at + Math.min(2 * stride, last);
        long at3 = at + Math.min(3 * stride, last);
        long at4 = at + Math.min(4 * stride, last);
        long at5 = at + Math.min(5 * stride, last);
        long at6 = at + Math.min(6 * stride, last);
        long at7 = at + last;
        for (int k = 0; k < steps; k += COUNT) {
            FloatVector r0 = FloatVector.fromMemorySegment(FLOATS, from, at + k * 4L, ORDER);
            FloatVector r1 = FloatVector.fromMemorySegment(FLOATS, from, at1 + k * 4L, ORDER);
            FloatVector r2 = FloatVector.fromMemorySegment(FLOATS, from, at2 + k * 4L, ORDER);
            FloatVector r3 = FloatVector.fromMemorySegment(FLOATS, from, at3 + k * 4L, ORDER);
            FloatVector r4 = FloatVector.fromMemorySegment(FLOATS, from, at4 + k * 4L, ORDER);
            FloatVector r5 = FloatVector.fromMemorySegment(FLOATS, from, at5 + k * 4L, ORDER);
            FloatVector r6 = FloatVector.fromMemorySegment(FLOATS, from, at6 + k * 4L, ORDER);
            FloatVector r7 = FloatVector.fromMemorySegment(FLOATS, from, at7 + k * 4L, ORDER);
            FloatVector h0 = r0.blend(r4.rearrange(BY_4), BIT_2);
            FloatVector h4 = r0.rearrange(BY_4).blend(r4, BIT_2);
            FloatVector h1 = r1.blend(r5.rearrange(BY_4), BIT_2);
            FloatVector h5 = r1.rearrange(BY_4).blend(r5, BIT_2);
            FloatVector h2 = r2.blend(r6.rearrange(BY_4), BIT_2);
            FloatVector h6 = r2.rearrange(BY_4).blend(r6, BIT_2);
            FloatVector h3 = r3.blend(r7.rearrange(BY_4), BIT_2);
            FloatVector h7 = r3.rearrange(BY_4).blend(r7, BIT_2);
            FloatVector p0 = h0.blend(h2.rearrange(BY_2), BIT_1);
            FloatVector p2 = h0.rearrange(BY_2).blend(h2, BIT_1);
            FloatVector p1 = h1.blend(h3.rearrange(BY_2), BIT_1);
            FloatVector p3 = h1.rearrange(BY_2).blend(h3, BIT_1);
            FloatVector p4 = h4.blend(h6.rearrange(BY_2), BIT_1);
            FloatVector p6 = h4.rearrange(BY_2).blend(h6, BIT_1);
            FloatVector p5 = h5.blend(h7.rearrange(BY_2), BIT_1);
            FloatVector p7 = h5.rearrange(BY_2).blend(h7, BIT_1);
            long step = to + k * toStep;
            p0.blend(p1.rearrange(BY_1), BIT_0).intoMemorySegment(into, step, ORDER);
            p0.rearrange(BY_1).blend(p1, BIT_0).intoMemorySegment(into, step + toStep, ORDER);
            p2.blend(p3.rearrange(BY_1), BIT_0).intoMemorySegment(into, step + 2 * toStep, ORDER);
            p2.rearrange(BY_1).blend(p3, BIT_0).intoMemorySegment(into, step + 3 * toStep, ORDER);
            p4.blend(p5.rearrange(BY_1), BIT_0).intoMemorySegment(into, step + 4 * toStep, ORDER);
            p4.rearrange(BY_1).blend(p5, BIT_0).intoMemorySegment(into, step + 5 * toStep, ORDER);
            p6.blend(p7.rearrange(BY_1), BIT_0).intoMemorySegment(into, step + 6 * toStep, ORDER);
            p6.rearrange(BY_1).blend(p7, BIT_0).intoMemorySegment(into, step + 7 * toStep, ORDER);
        }
    }

    /// Exchanges of distance 8; steps in order.
    private static void halves(MemorySegment squares, int steps, MemorySegment into, long to, long toStep) {
        for (int k = 0; k < steps; k += COUNT) {
            long square = k * (long) BYTES;
            long step = to + k * toStep;
            for (int j = 0; j < 8; j++) {
                FloatVector low = FloatVector.fromMemorySegment(FLOATS, squares, square, ORDER);
                FloatVector high = FloatVector.fromMemorySegment(FLOATS, squares, square + 8 * BYTES, ORDER);
                low.blend(high.rearrange(BY_8), BIT_3).intoMemorySegment(into, step, ORDER);
                low.rearrange(BY_8).blend(high, BIT_3).intoMemorySegment(into, step + 8 * toStep, ORDER);
                square += BYTES;
                step += toStep;
            }
        }
    }
}
