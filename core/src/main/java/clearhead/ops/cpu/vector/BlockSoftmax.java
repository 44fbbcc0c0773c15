package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

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
    private static final float SLACK = 10;

    private static final int PAGE = KvView.PAGE;
    static final long SCORE_ROW = PAGE * 4L;
    private static final int VECTORS = PAGE / COUNT;

    private static final float MAGIC = 0x1.8p23f;
    private static final float C1 = 0x1.62e430p-1f;
    private static final float C2 = 0x1.ebfbdcp-3f;
    private static final float C3 = 0x1.c6aee8p-5f;
    private static final float C4 = 0x1.3b2d4cp-7f;
    private static final float C5 = 0x1.5f3e54p-10f;
    private static final float C6 = 0x1.41fbbcp-13f;

    private BlockSoftmax() {}

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

    /// Scores of one row against one block, in place, into weights 2^(score·factor − shift).
    ///
    /// @param scores a row of 64 at s0
    /// @param sums the row's sums per lane at l0, added to
    /// @param out the row of Σ weight·value so far at o0, rescaled when the shift rises
    /// @param visible how many of the keys the row may see, 1 to 64; those after are not touched
    /// @param shift the row's shift so far
    /// @return the row's shift from now on
    static float row(
            MemorySegment scores,
            long s0,
            MemorySegment sums,
            long l0,
            MemorySegment out,
            long o0,
            int columns,
            int visible,
            float shift,
            float factor) {
        if (visible < PAGE) {
            return partialRow(scores, s0, sums, l0, out, o0, columns, visible, shift, factor);
        }
        var f = FloatVector.broadcast(FLOATS, factor);
        var limit = FloatVector.broadcast(FLOATS, shift + SLACK);
        var over = FLOATS.maskAll(false);
        for (int v = 0; v < VECTORS; v += 4) {
            long at = s0 + (long) v * BYTES;
            var x0 = FloatVector.fromMemorySegment(FLOATS, scores, at, ORDER);
            var x1 = FloatVector.fromMemorySegment(FLOATS, scores, at + BYTES, ORDER);
            var x2 = FloatVector.fromMemorySegment(FLOATS, scores, at + 2 * BYTES, ORDER);
            var x3 = FloatVector.fromMemorySegment(FLOATS, scores, at + 3 * BYTES, ORDER);
            var m01 = x0.mul(f).compare(VectorOperators.GT, limit).or(x1.mul(f).compare(VectorOperators.GT, limit));
            var m23 = x2.mul(f).compare(VectorOperators.GT, limit).or(x3.mul(f).compare(VectorOperators.GT, limit));
            over = over.or(m01.or(m23));
        }
        float now = shift;
        if (over.anyTrue()) {
            now = raise(scores, s0, sums, l0, out, o0, columns, PAGE, shift, factor);
        }
        var minus = FloatVector.broadcast(FLOATS, now == Float.NEGATIVE_INFINITY ? 0 : -now);
        var sum = FloatVector.fromMemorySegment(FLOATS, sums, l0, ORDER);
        for (int v = 0; v < VECTORS; v += 4) {
            long at = s0 + (long) v * BYTES;
            var p0 = exp2(
                    FloatVector.fromMemorySegment(FLOATS, scores, at, ORDER).fma(f, minus));
            var p1 = exp2(FloatVector.fromMemorySegment(FLOATS, scores, at + BYTES, ORDER)
                    .fma(f, minus));
            var p2 = exp2(FloatVector.fromMemorySegment(FLOATS, scores, at + 2 * BYTES, ORDER)
                    .fma(f, minus));
            var p3 = exp2(FloatVector.fromMemorySegment(FLOATS, scores, at + 3 * BYTES, ORDER)
                    .fma(f, minus));
            p0.intoMemorySegment(scores, at, ORDER);
            p1.intoMemorySegment(scores, at + BYTES, ORDER);
            p2.intoMemorySegment(scores, at + 2 * BYTES, ORDER);
            p3.intoMemorySegment(scores, at + 3 * BYTES, ORDER);
            sum = sum.add(p0.add(p1).add(p2.add(p3)));
        }
        sum.intoMemorySegment(sums, l0, ORDER);
        return now;
    }

    private static float partialRow(
            MemorySegment scores,
            long s0,
            MemorySegment sums,
            long l0,
            MemorySegment out,
            long o0,
            int columns,
            int visible,
            float shift,
            float factor) {
        var f = FloatVector.broadcast(FLOATS, factor);
        var limit = FloatVector.broadcast(FLOATS, shift + SLACK);
        boolean over = false;
        for (int key = 0; key < visible; key += COUNT) {
            var x = FloatVector.fromMemorySegment(FLOATS, scores, s0 + key * 4L, ORDER);
            over |= x.mul(f)
                    .compare(VectorOperators.GT, limit)
                    .and(FLOATS.indexInRange(key, visible))
                    .anyTrue();
        }
        float now = shift;
        if (over) {
            now = raise(scores, s0, sums, l0, out, o0, columns, visible, shift, factor);
        }
        var minus = FloatVector.broadcast(FLOATS, now == Float.NEGATIVE_INFINITY ? 0 : -now);
        var zero = FloatVector.zero(FLOATS);
        var sum = FloatVector.fromMemorySegment(FLOATS, sums, l0, ORDER);
        for (int key = 0; key < visible; key += COUNT) {
            var x = FloatVector.fromMemorySegment(FLOATS, scores, s0 + key * 4L, ORDER);
            var p = zero.blend(exp2(x.fma(f, minus)), FLOATS.indexInRange(key, visible));
            p.intoMemorySegment(scores, s0 + key * 4L, ORDER);
            sum = sum.add(p);
        }
        sum.intoMemorySegment(sums, l0, ORDER);
        return now;
    }

    /// Raises the shift to the largest score of the block, and brings sums and output to it.
    private static float raise(
            MemorySegment scores,
            long s0,
            MemorySegment sums,
            long l0,
            MemorySegment out,
            long o0,
            int columns,
            int visible,
            float shift,
            float factor) {
        float now = shift;
        for (int key = 0; key < visible; key++) {
            now = Math.max(now, scores.get(F32, s0 + key * 4L) * factor);
        }
        if (Float.isNaN(now)) {
            return now;
        }
        float down = exp2(FloatVector.broadcast(FLOATS, shift - now)).lane(0);
        FloatVector.fromMemorySegment(FLOATS, sums, l0, ORDER).mul(down).intoMemorySegment(sums, l0, ORDER);
        int column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, out, o0 + column * 4L, ORDER)
                    .mul(down)
                    .intoMemorySegment(out, o0 + column * 4L, ORDER);
        }
        for (; column < columns; column++) {
            out.set(F32, o0 + column * 4L, out.get(F32, o0 + column * 4L) * down);
        }
        return now;
    }

    /// Backward: scores of one row of a block become weights exp(score·scale − lse), and the
    /// gradients by the weights become those by the scores, both in place.
    ///
    /// @param m scores at s0, dWeights at d0
    /// @param visible how many keys the row sees; the others of `columns` get 0
    /// @param minusDelta −rowsum(dO∘O)·scale
    static void gradientRow(
            MemorySegment m,
            long s0,
            long d0,
            int visible,
            int columns,
            float factor,
            float scale,
            float lse,
            float minusDelta) {
        var f = FloatVector.broadcast(FLOATS, factor);
        var g = FloatVector.broadcast(FLOATS, scale);
        // A row that sees nothing has no weights, even where a score is −∞ as well.
        float shift = lse == Float.NEGATIVE_INFINITY ? lse : -lse * LOG2_E;
        var minus = FloatVector.broadcast(FLOATS, shift);
        var delta = FloatVector.broadcast(FLOATS, minusDelta);
        var zero = FloatVector.zero(FLOATS);
        int key = 0;
        for (; key + COUNT <= visible; key += COUNT) {
            var x = FloatVector.fromMemorySegment(FLOATS, m, s0 + key * 4L, ORDER);
            var d = FloatVector.fromMemorySegment(FLOATS, m, d0 + key * 4L, ORDER);
            var p = exp2(x.fma(f, minus));
            p.intoMemorySegment(m, s0 + key * 4L, ORDER);
            p.mul(d.fma(g, delta)).intoMemorySegment(m, d0 + key * 4L, ORDER);
        }
        if (key < visible) {
            var seen = FLOATS.indexInRange(key, visible);
            var x = FloatVector.fromMemorySegment(FLOATS, m, s0 + key * 4L, ORDER);
            var d = FloatVector.fromMemorySegment(FLOATS, m, d0 + key * 4L, ORDER);
            var p = exp2(x.fma(f, minus));
            zero.blend(p, seen).intoMemorySegment(m, s0 + key * 4L, ORDER);
            zero.blend(p.mul(d.fma(g, delta)), seen).intoMemorySegment(m, d0 + key * 4L, ORDER);
            key += COUNT;
        }
        for (; key < columns; key += COUNT) {
            zero.intoMemorySegment(m, s0 + key * 4L, ORDER);
            zero.intoMemorySegment(m, d0 + key * 4L, ORDER);
        }
    }

    /// Sum of one vector in memory, in a fixed order.
    static float sum(MemorySegment m, long at) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        for (int lane = 0; lane < COUNT; lane += 4) {
            s0 += m.get(F32, at + lane * 4L);
            s1 += m.get(F32, at + lane * 4L + 4);
            s2 += m.get(F32, at + lane * 4L + 8);
            s3 += m.get(F32, at + lane * 4L + 12);
        }
        return (s0 + s1) + (s2 + s3);
    }
}
