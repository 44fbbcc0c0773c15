package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;

import clearhead.ops.KvView;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// [BlockSoftmax] on the arrays of a forward attention tile: the same arithmetic, to the bit.
///
/// @param m where the rows of one task are: row r's scores of one block of 64 keys at s0 + 64·r, its
///     sums per lane at l0 + r·[Lanes#COUNT], its Σ weight·value so far at o0 + r·width
/// @param width floats from row to row of the output, a multiple of 16
record TileSoftmax(float[] m, int s0, int l0, int o0, int width) {
    /// Floats from row to row of the scores.
    private static final int ROW = KvView.PAGE;

    /// The empty state of rows 0 to `count`: sums and output 0, shift −∞.
    void begin(int count, float[] shift) {
        Arrays.fill(m, l0, l0 + count * COUNT, 0);
        Arrays.fill(m, o0, o0 + count * width, 0);
        Arrays.fill(shift, 0, count, Float.NEGATIVE_INFINITY);
    }

    /// Scores of keys `lo` to `hi` of the block, in place, into weights 2^(score·factor − shift).
    ///
    /// @param shift of each row; raised where a score exceeds it by more than the slack
    /// @param lo, hi multiples of 16
    void weights(int from, int to, int lo, int hi, float[] shift, float factor) {
        float[] m = this.m;
        for (int r = from; r < to; r++) {
            int row = s0 + r * ROW;
            // The factor is positive: the largest product is that of the largest score, rounded or not.
            var largest = FloatVector.fromArray(FLOATS, m, row + lo);
            for (int key = lo + COUNT; key < hi; key += COUNT) {
                var x = FloatVector.fromArray(FLOATS, m, row + key);
                largest = largest.blend(x, x.compare(VectorOperators.GT, largest));
            }
            largest = largest.mul(factor);
            if (largest.compare(VectorOperators.GT, shift[r] + BlockSoftmax.SLACK)
                    .anyTrue()) {
                shift[r] = raise(r, shift[r], largest.reduceLanes(VectorOperators.MAX));
            }
            var f = FloatVector.broadcast(FLOATS, factor);
            var minus = FloatVector.broadcast(FLOATS, shift[r] == Float.NEGATIVE_INFINITY ? 0 : -shift[r]);
            var sum = FloatVector.fromArray(FLOATS, m, l0 + r * COUNT);
            for (int key = lo; key < hi; key += COUNT) {
                var p = BlockSoftmax.exp2(
                        FloatVector.fromArray(FLOATS, m, row + key).fma(f, minus));
                p.intoArray(m, row + key);
                sum = sum.add(p);
            }
            sum.intoArray(m, l0 + r * COUNT);
        }
    }

    /// Scores of keys `lo` to `hi` that a row does not see become −∞.
    ///
    /// @param seen bit j stands for key j of the block
    void mask(int r, int lo, int hi, long seen) {
        int row = s0 + r * ROW;
        for (int key = lo; key < hi; key += COUNT) {
            var visible = VectorMask.fromLong(FLOATS, seen >>> key);
            FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY)
                    .blend(FloatVector.fromArray(FLOATS, m, row + key), visible)
                    .intoArray(m, row + key);
        }
    }

    /// Raises the shift to `now`, and brings sums and output to it.
    private float raise(int r, float shift, float now) {
        if (Float.isNaN(now) || shift == Float.NEGATIVE_INFINITY) {
            return now;
        }
        float down =
                BlockSoftmax.exp2(FloatVector.broadcast(FLOATS, shift - now)).lane(0);
        FloatVector.fromArray(FLOATS, m, l0 + r * COUNT).mul(down).intoArray(m, l0 + r * COUNT);
        for (int at = o0 + r * width; at < o0 + (r + 1) * width; at += COUNT) {
            FloatVector.fromArray(FLOATS, m, at).mul(down).intoArray(m, at);
        }
        return now;
    }

    /// [BlockSoftmax#merge] of rows 0 to `count` of a segment into this total.
    void merge(int count, float[] shift, TileSoftmax part, float[] partShift) {
        for (int r = 0; r < count; r++) {
            int sums = l0 + r * COUNT;
            int partSums = part.l0 + r * COUNT;
            int out = o0 + r * width;
            int partOut = part.o0 + r * width;
            boolean copy = shift[r] == Float.NEGATIVE_INFINITY;
            if (copy || partShift[r] == Float.NEGATIVE_INFINITY) {
                if (copy) {
                    System.arraycopy(part.m, partSums, m, sums, COUNT);
                    shift[r] = partShift[r];
                }
                choose(copy, out, part.m, partOut);
            } else {
                float now = Math.max(shift[r], partShift[r]);
                float ofTotal = BlockSoftmax.downTo(now, shift[r]);
                float ofPart = BlockSoftmax.downTo(now, partShift[r]);
                add(sums, ofTotal, part.m, partSums, ofPart, COUNT);
                add(out, ofTotal, part.m, partOut, ofPart, width);
                shift[r] = now;
            }
        }
    }

    private void choose(boolean part, int to, float[] other, int from) {
        for (int i = 0; i < width; i++) {
            boolean takePart = part ? !Float.isNaN(m[to + i]) : Float.isNaN(other[from + i]);
            m[to + i] = takePart ? other[from + i] : m[to + i];
        }
    }

    private void add(int to, float ofTotal, float[] part, int from, float ofPart, int count) {
        for (int i = 0; i < count; i += COUNT) {
            var own = FloatVector.fromArray(FLOATS, m, to + i).mul(ofTotal);
            FloatVector.fromArray(FLOATS, part, from + i)
                    .fma(FloatVector.broadcast(FLOATS, ofPart), own)
                    .intoArray(m, to + i);
        }
    }

    /// Σ of the weights of row r.
    float sum(int r) {
        return BlockSoftmax.sum(FloatVector.fromArray(FLOATS, m, l0 + r * COUNT));
    }
}
