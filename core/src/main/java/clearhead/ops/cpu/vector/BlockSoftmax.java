package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// Softmax over one block of 64 keys at a time. Milakov and Gimelshein 2018, arXiv:1805.02867;
/// with the lazy rescaling of FlashAttention-4: the running maximum is a shift for the exponential
/// and need not be the true one, so it is raised only when a score exceeds it by more than
/// [#SLACK]. That spares a maximum across lanes for nearly all blocks. All in base 2:
/// score·scale·log₂e.
///
/// Sums are kept per lane from block to block and added up in a fixed order at the end.
/// [FloatVector#reduceLanes] is used for maxima alone, which are exact in any order; for sums its
/// order may change when the compiler takes over from the interpreter.
final class BlockSoftmax {
    static final float LOG2_E = (float) (1 / Math.log(2));
    static final double LN_2 = Math.log(2);

    /// How far, in powers of two, a score may exceed the shift.
    static final float SLACK = 10;

    /// Keys of one segment, at absolute positions. A row's keys are taken segment by segment, each
    /// from an empty state, and [#merge] adds the segments up in order: so they may be taken at once.
    static final int SEGMENT = 2048;

    private static final int PAGE = KvView.PAGE;
    static final long SCORE_ROW = PAGE * 4L;

    private static final float MAGIC = 0x1.8p23f;
    private static final float C1 = 0x1.62e430p-1f;
    private static final float C2 = 0x1.ebfbdcp-3f;
    private static final float C3 = 0x1.c6aee8p-5f;
    private static final float C4 = 0x1.3b2d4cp-7f;
    private static final float C5 = 0x1.5f3e54p-10f;
    private static final float C6 = 0x1.41fbbcp-13f;

    private static final VectorShuffle<Float> BY_8 = turn(8);
    private static final VectorShuffle<Float> BY_4 = turn(4);
    private static final VectorShuffle<Float> BY_2 = turn(2);
    private static final VectorShuffle<Float> BY_1 = turn(1);

    private BlockSoftmax() {}

    /// Lane i takes lane i + `by`, around the end.
    private static VectorShuffle<Float> turn(int by) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane + by) % COUNT);
    }

    /// 2^x for x up to 127, within 1 ulp; 0 below −126. Nearest integer by the usual large number,
    /// polynomial of degree 6 on the rest, exponent by integer addition.
    static FloatVector exp2(FloatVector x) {
        var shifted = x.add(MAGIC);
        var rest = x.sub(shifted.sub(MAGIC));
        var p = FloatVector.broadcast(FLOATS, C6);
        p = p.fma(rest, FloatVector.broadcast(FLOATS, C5));
        p = p.fma(rest, FloatVector.broadcast(FLOATS, C4));
        p = p.fma(rest, FloatVector.broadcast(FLOATS, C3));
        p = p.fma(rest, FloatVector.broadcast(FLOATS, C2));
        p = p.fma(rest, FloatVector.broadcast(FLOATS, C1));
        p = p.fma(rest, FloatVector.broadcast(FLOATS, 1f));
        var exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        var power = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return power.blend(0f, x.compare(VectorOperators.LT, -126f));
    }

    /// Where the rows of one task are: row r's scores of one block at s0 + r·[#SCORE_ROW], its sums
    /// per lane at l0 + r·[Lanes#BYTES], its Σ weight·value so far at o0 + r·outRow, all in `m`.
    record Rows(MemorySegment m, long s0, long l0, long o0, long outRow, int columns) {}

    /// Scores of rows that see the whole block, in place, into weights 2^(score·factor − shift).
    ///
    /// @param shift of each row; raised where a score exceeds it by more than [#SLACK]
    static void whole(Rows rows, int from, int to, float[] shift, float factor) {
        MemorySegment m = rows.m;
        for (int r = from; r < to; r++) {
            long row = rows.s0 + r * SCORE_ROW;
            var f = FloatVector.broadcast(FLOATS, factor);
            var largest = FloatVector.fromMemorySegment(FLOATS, m, row, ORDER).mul(f);
            for (int key = COUNT; key < PAGE; key += COUNT) {
                var x = FloatVector.fromMemorySegment(FLOATS, m, row + key * 4L, ORDER)
                        .mul(f);
                largest = largest.blend(x, x.compare(VectorOperators.GT, largest));
            }
            if (largest.compare(VectorOperators.GT, shift[r] + SLACK).anyTrue()) {
                shift[r] = raise(rows, r, shift[r], largest.reduceLanes(VectorOperators.MAX));
            }
            var minus = FloatVector.broadcast(FLOATS, minus(shift[r]));
            var sum = FloatVector.fromMemorySegment(FLOATS, m, rows.l0 + (long) r * BYTES, ORDER);
            for (int key = 0; key < PAGE; key += COUNT) {
                var p = exp2(FloatVector.fromMemorySegment(FLOATS, m, row + key * 4L, ORDER)
                        .fma(f, minus));
                p.intoMemorySegment(m, row + key * 4L, ORDER);
                sum = sum.add(p);
            }
            sum.intoMemorySegment(m, rows.l0 + (long) r * BYTES, ORDER);
        }
    }

    /// As [#whole], of rows that see the keys `lo` to `hi` of the block; the other weights are undefined.
    static void between(Rows rows, int from, int to, int lo, int hi, float[] shift, float factor) {
        MemorySegment m = rows.m;
        int begin = lo & -COUNT;
        for (int r = from; r < to; r++) {
            long row = rows.s0 + r * SCORE_ROW;
            var f = FloatVector.broadcast(FLOATS, factor);
            var largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
            for (int key = begin; key < hi; key += COUNT) {
                var seen = FLOATS.indexInRange(key - lo, hi - lo);
                var x = FloatVector.fromMemorySegment(FLOATS, m, row + key * 4L, ORDER)
                        .mul(f);
                largest =
                        largest.blend(x, x.compare(VectorOperators.GT, largest).and(seen));
            }
            if (largest.compare(VectorOperators.GT, shift[r] + SLACK).anyTrue()) {
                shift[r] = raise(rows, r, shift[r], largest.reduceLanes(VectorOperators.MAX));
            }
            var minus = FloatVector.broadcast(FLOATS, minus(shift[r]));
            var sum = FloatVector.fromMemorySegment(FLOATS, m, rows.l0 + (long) r * BYTES, ORDER);
            for (int key = begin; key < hi; key += COUNT) {
                var seen = FLOATS.indexInRange(key - lo, hi - lo);
                var p = exp2(FloatVector.fromMemorySegment(FLOATS, m, row + key * 4L, ORDER)
                        .fma(f, minus));
                p.intoMemorySegment(m, row + key * 4L, ORDER);
                sum = sum.add(FloatVector.zero(FLOATS).blend(p, seen));
            }
            sum.intoMemorySegment(m, rows.l0 + (long) r * BYTES, ORDER);
        }
    }

    private static float minus(float shift) {
        return shift == Float.NEGATIVE_INFINITY ? 0 : -shift;
    }

    /// Raises the shift to `now`, and brings sums and output to it.
    private static float raise(Rows rows, int r, float shift, float now) {
        MemorySegment m = rows.m;
        if (Float.isNaN(now) || shift == Float.NEGATIVE_INFINITY) {
            return now;
        }
        float down = exp2(FloatVector.broadcast(FLOATS, shift - now)).lane(0);
        long l0 = rows.l0 + (long) r * BYTES;
        FloatVector.fromMemorySegment(FLOATS, m, l0, ORDER).mul(down).intoMemorySegment(m, l0, ORDER);
        long o0 = rows.o0 + r * rows.outRow;
        int column = 0;
        for (; column + COUNT <= rows.columns; column += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, m, o0 + column * 4L, ORDER)
                    .mul(down)
                    .intoMemorySegment(m, o0 + column * 4L, ORDER);
        }
        for (; column < rows.columns; column++) {
            m.set(F32, o0 + column * 4L, m.get(F32, o0 + column * 4L) * down);
        }
        return now;
    }

    /// The empty state of rows 0 to `count`: sums and output 0, shift −∞.
    static void begin(Rows rows, int count, float[] shift) {
        TileProduct.clear(rows.m, rows.l0, BYTES, count, COUNT);
        TileProduct.clear(rows.m, rows.o0, rows.outRow, count, rows.columns);
        Arrays.fill(shift, 0, count, Float.NEGATIVE_INFINITY);
    }

    /// Merges row p of `part` into row t of `total`: the state with the lower shift is brought to the
    /// higher one. An empty total becomes a copy of the part and an empty part changes nothing, but a
    /// NaN in either's output stays.
    ///
    /// @return the total's new shift
    static float merge(Rows total, int t, float totalShift, Rows part, int p, float partShift) {
        long from = part.o0 + p * part.outRow;
        long to = total.o0 + t * total.outRow;
        long fromSum = part.l0 + (long) p * BYTES;
        long toSum = total.l0 + (long) t * BYTES;
        boolean copy = totalShift == Float.NEGATIVE_INFINITY;
        if (copy || partShift == Float.NEGATIVE_INFINITY) {
            if (copy) {
                FloatVector.fromMemorySegment(FLOATS, part.m, fromSum, ORDER).intoMemorySegment(total.m, toSum, ORDER);
            }
            choose(copy, total.m, to, part.m, from, total.columns);
            return copy ? partShift : totalShift;
        }
        float shift = Math.max(totalShift, partShift);
        float ofTotal = downTo(shift, totalShift);
        float ofPart = downTo(shift, partShift);
        add(total.m, toSum, ofTotal, part.m, fromSum, ofPart, COUNT);
        add(total.m, to, ofTotal, part.m, from, ofPart, total.columns);
        return shift;
    }

    /// 1 for the state whose shift is the higher one.
    static float downTo(float shift, float own) {
        return own == shift && shift != Float.POSITIVE_INFINITY
                ? 1
                : exp2(FloatVector.broadcast(FLOATS, own - shift)).lane(0);
    }

    /// total = part or total, but NaN where the other is.
    private static void choose(
            boolean part, MemorySegment total, long to, MemorySegment other, long from, int columns) {
        for (int column = 0; column < columns; column++) {
            float a = total.get(F32, to + column * 4L);
            float b = other.get(F32, from + column * 4L);
            boolean takePart = part ? !Float.isNaN(a) : Float.isNaN(b);
            total.set(F32, to + column * 4L, takePart ? b : a);
        }
    }

    /// total = total·ofTotal + part·ofPart.
    private static void add(
            MemorySegment total, long to, float ofTotal, MemorySegment part, long from, float ofPart, int columns) {
        var a = FloatVector.broadcast(FLOATS, ofTotal);
        var b = FloatVector.broadcast(FLOATS, ofPart);
        int column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            var own = FloatVector.fromMemorySegment(FLOATS, total, to + column * 4L, ORDER)
                    .mul(a);
            FloatVector.fromMemorySegment(FLOATS, part, from + column * 4L, ORDER)
                    .fma(b, own)
                    .intoMemorySegment(total, to + column * 4L, ORDER);
        }
        for (; column < columns; column++) {
            float own = total.get(F32, to + column * 4L) * ofTotal;
            total.set(F32, to + column * 4L, Math.fma(part.get(F32, from + column * 4L), ofPart, own));
        }
    }

    /// Sum of the lanes, in a fixed order: halves, quarters and so on onto each other.
    static float sum(FloatVector v) {
        var sum = v;
        if (COUNT >= 16) {
            sum = sum.add(sum.rearrange(BY_8));
        }
        if (COUNT >= 8) {
            sum = sum.add(sum.rearrange(BY_4));
        }
        sum = sum.add(sum.rearrange(BY_2));
        sum = sum.add(sum.rearrange(BY_1));
        return sum.lane(0);
    }
}
