package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Dropout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// From products q·k of one row of a block and the gradients by its weights to the weights and the
/// gradients by the products, in place. With p = exp(score − lse) and dropout's factor f:
/// weight = p·f, dScore = p·(f·dWeight − delta), dProduct = dScore·(score by product).
final class ScoreGradients {
    /// Bit i of lane i.
    private static final IntVector BITS = (IntVector) IntVector.broadcast(INTS, 1)
            .lanewise(VectorOperators.LSHL, IntVector.zero(INTS).addIndex(1));

    private static final long ROW_BYTES = SIDE * 4L;

    private final float scale;
    private final float cap;
    private final Optional<ScoreRow> rule;
    private final ScoreExtras extras;
    private final Dropout dropout;
    private final float[] slopes = new float[SIDE];
    private final MemorySegment memory = Scratch.of(2 * ROW_BYTES);

    ScoreGradients(AttentionSpec spec, ScoreExtras extras) {
        this.scale = (float) spec.scale();
        this.cap = (float) spec.softCap();
        this.rule = spec.rule().map(ScoreRow::of);
        this.extras = extras;
        this.dropout = spec.dropout();
    }

    /// The row at `at` of both arrays, columns `lo` to `hi`; the others become 0.
    ///
    /// @param seen bit j stands for key `key` + j
    /// @return `seen` without keys whose score is −∞
    long row(
            float[] weights,
            float[] dScores,
            int at,
            int lo,
            int hi,
            long seen,
            int sequence,
            int head,
            int query,
            int position,
            int key,
            float lse,
            float delta,
            Optional<BiasGradient.Part> dBias) {
        scores(weights, at, lo, hi, seen, sequence, head, position, key);
        extras.addBias(weights, at, lo, hi, sequence, head, query, position, key);
        int random = dropout.isNone() ? 0 : dropout.row(sequence, head, query);
        if (!dropout.isNone()) {
            ScoreExtras.drop(dropout, dScores, at, lo, hi, random, key);
        }
        long left = gradients(weights, dScores, at, lo, hi, seen, lse, delta);
        if (!dropout.isNone()) {
            ScoreExtras.drop(dropout, weights, at, lo, hi, random, key);
        }
        dBias.ifPresent(part -> part.add(dScores, at, lo, hi, head, query, position, key));
        for (int k = lo; k < hi; k += COUNT) {
            var product = FloatVector.fromArray(FLOATS, dScores, at + k).mul(FloatVector.fromArray(FLOATS, slopes, k));
            FloatVector.zero(FLOATS).blend(product, mask(left, k).cast(FLOATS)).intoArray(dScores, at + k);
        }
        clear(weights, at, lo, hi);
        clear(dScores, at, lo, hi);
        return left;
    }

    private static VectorMask<Integer> mask(long seen, int k) {
        return IntVector.broadcast(INTS, (int) (seen >>> k)).and(BITS).compare(VectorOperators.NE, 0);
    }

    private static void clear(float[] m, int at, int lo, int hi) {
        Arrays.fill(m, at, at + lo, 0);
        Arrays.fill(m, at + hi, at + SIDE, 0);
    }

    /// Products into scores but for the bias, and their slopes.
    private void scores(float[] m, int at, int lo, int hi, long seen, int sequence, int head, int position, int key) {
        for (int k = lo; k < hi; k += COUNT) {
            var x = FloatVector.fromArray(FLOATS, m, at + k).mul(scale);
            if (cap == 0) {
                x.intoArray(m, at + k);
                FloatVector.broadcast(FLOATS, scale).intoArray(slopes, k);
            } else {
                var t = Transcendental.tanh(x.div(cap));
                t.mul(cap).intoArray(m, at + k);
                var one = FloatVector.broadcast(FLOATS, 1);
                one.sub(t).mul(one.add(t)).mul(scale).intoArray(slopes, k);
            }
        }
        if (rule.isEmpty()) {
            return;
        }
        for (int k = lo; k < hi; k += COUNT) {
            FloatVector.fromArray(FLOATS, m, at + k).intoMemorySegment(memory, k * 4L, ORDER);
        }
        rule.get().slopes(memory, 0, ROW_BYTES, seen, sequence, head, position, key);
        for (int k = lo; k < hi; k += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, memory, k * 4L, ORDER).intoArray(m, at + k);
            FloatVector.fromMemorySegment(FLOATS, memory, ROW_BYTES + k * 4L, ORDER)
                    .mul(FloatVector.fromArray(FLOATS, slopes, k))
                    .intoArray(slopes, k);
        }
    }

    private long gradients(float[] weights, float[] dScores, int at, int lo, int hi, long seen, float lse, float d) {
        var f = FloatVector.broadcast(FLOATS, BlockSoftmax.LOG2_E);
        var minus = FloatVector.broadcast(FLOATS, WeightGradients.minus(lse));
        var delta = FloatVector.broadcast(FLOATS, -d);
        float kept = (float) (1 / (1 - dropout.probability()));
        var zero = FloatVector.zero(FLOATS);
        long left = 0;
        for (int k = lo; k < hi; k += COUNT) {
            var x = FloatVector.fromArray(FLOATS, weights, at + k);
            var own = mask(seen, k).cast(FLOATS).and(x.compare(VectorOperators.NE, Float.NEGATIVE_INFINITY));
            left |= own.toLong() << k;
            var p = zero.blend(BlockSoftmax.exp2(x.fma(f, minus)), own);
            p.mul(kept).intoArray(weights, at + k);
            var g = FloatVector.fromArray(FLOATS, dScores, at + k).mul(kept).add(delta);
            zero.blend(p.mul(g), own).intoArray(dScores, at + k);
        }
        return left;
    }
}
