package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.ops.Broadcast;
import clearhead.ops.Dropout;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// What a spec does to scores between the product and the softmax: scale, soft-cap, score function and
/// bias, row by row of a tile of 64 keys; and dropout of the weights after it.
final class ScoreExtras {
    private static final int PAGE = KvView.PAGE;

    private final float scale;
    private final float cap;
    private final Optional<ScoreRow> rule;
    private final float[] line; // [heads, length]: bias of the distance nearest + index
    private final int length;
    private final int nearest;
    private final Optional<Tensor> added;

    private ScoreExtras(AttentionSpec spec, float[] line, int length, int nearest) {
        this.scale = (float) spec.scale();
        this.cap = (float) spec.softCap();
        this.rule = spec.rule().map(ScoreRow::of);
        this.line = line;
        this.length = length;
        this.nearest = nearest;
        this.added = spec.bias() instanceof Bias.Added(Tensor values) ? Optional.of(values) : Optional.empty();
    }

    /// Whether a score is more than the product times a positive factor.
    static boolean areNeeded(AttentionSpec spec) {
        return !spec.hasPlainScores() || !((float) (spec.scale() / BlockSoftmax.LN_2) > 0);
    }

    /// Of the queries of all sequences. A bias by distance becomes a line of numbers for each head, so
    /// that what a row adds to a block lies side by side.
    static ScoreExtras of(AttentionSpec spec, Sequences queries, KvView past) {
        if (!(spec.bias() instanceof Bias.ByDistance bias)) {
            return new ScoreExtras(spec, new float[0], 0, 0);
        }
        int least = 0;
        int most = 0;
        for (int s = 0; s < queries.count(); s++) {
            int first = spec.alignment().first(s, queries.length(s), past.length(s));
            least = Math.min(least, Math.subtractExact(1 - queries.length(s), first));
            most = Math.max(most, Math.subtractExact(past.length(s), first));
        }
        int distances = Math.addExact(Math.subtractExact(most, least), PAGE);
        float[] line = new float[Math.multiplyExact(distances, spec.heads())];
        for (int i = 0; i < distances; i++) {
            switch (bias) {
                case Bias.Alibi alibi -> {
                    for (int h = 0; h < spec.heads(); h++) {
                        line[h * distances + i] = (float) alibi.at(h, least + i);
                    }
                }
                case Bias.Relative relative -> {
                    long bucket = relative.bucket(least + i);
                    for (int h = 0; h < spec.heads(); h++) {
                        line[h * distances + i] = (float) relative.table().at(bucket * spec.heads() + h);
                    }
                }
            }
        }
        return new ScoreExtras(spec, line, distances, least);
    }

    /// Products of one row with keys `lo` to `hi` of a block become scores, in place.
    ///
    /// @param at where the row's product with the block's first key is
    /// @param lo, hi multiples of 16
    /// @param seen bit j stands for key j of the block; others may become anything
    /// @param key position of the block's first key
    /// @param row memory of 64 floats
    void scores(
            float[] m,
            int at,
            int lo,
            int hi,
            long seen,
            int sequence,
            int head,
            int query,
            int position,
            int key,
            MemorySegment row) {
        if (rule.isPresent()) {
            for (int k = lo; k < hi; k += COUNT) {
                var x = FloatVector.fromArray(FLOATS, m, at + k).mul(scale);
                (cap == 0 ? x : Transcendental.tanh(x.div(cap)).mul(cap)).intoMemorySegment(row, k * 4L, ORDER);
            }
            rule.get().values(row, 0, seen, sequence, head, position, key);
            for (int k = lo; k < hi; k += COUNT) {
                FloatVector.fromMemorySegment(FLOATS, row, k * 4L, ORDER).intoArray(m, at + k);
            }
        } else if (cap == 0 && length > 0) {
            int bias = head * length + key - position - nearest;
            for (int k = lo; k < hi; k += COUNT) {
                FloatVector.fromArray(FLOATS, m, at + k)
                        .mul(scale)
                        .add(FloatVector.fromArray(FLOATS, line, bias + k))
                        .intoArray(m, at + k);
            }
            return;
        } else if (cap == 0) {
            for (int k = lo; k < hi; k += COUNT) {
                FloatVector.fromArray(FLOATS, m, at + k).mul(scale).intoArray(m, at + k);
            }
        } else {
            for (int k = lo; k < hi; k += COUNT) {
                var x = FloatVector.fromArray(FLOATS, m, at + k).mul(scale);
                Transcendental.tanh(x.div(cap)).mul(cap).intoArray(m, at + k);
            }
        }
        addBias(m, at, lo, hi, sequence, head, query, position, key);
    }

    /// The last step of [#scores].
    void addBias(float[] m, int at, int lo, int hi, int sequence, int head, int query, int position, int key) {
        if (length > 0) {
            int bias = head * length + key - position - nearest;
            for (int k = lo; k < hi; k += COUNT) {
                FloatVector.fromArray(FLOATS, m, at + k)
                        .add(FloatVector.fromArray(FLOATS, line, bias + k))
                        .intoArray(m, at + k);
            }
        } else if (added.isPresent()) {
            add(added.get(), m, at, lo, hi, sequence, head, query, key);
        }
    }

    private static void add(
            Tensor bias, float[] m, int at, int lo, int hi, int sequence, int head, int query, int key) {
        int keys = bias.dim(-1);
        boolean one = keys == 1;
        if (!one && key >= keys) {
            java.util.Arrays.fill(m, at + lo, at + hi, Float.NEGATIVE_INFINITY);
            return;
        }
        long first = Broadcast.offset(bias, sequence, head, query, key);
        if (!one && bias.type() == DType.F32 && key + hi <= keys) {
            for (int k = lo; k < hi; k += COUNT) {
                var b = FloatVector.fromMemorySegment(FLOATS, bias.data(), (first + k) * 4, ORDER);
                plus(FloatVector.fromArray(FLOATS, m, at + k), b).intoArray(m, at + k);
            }
            return;
        }
        for (int k = lo; k < hi; k++) {
            float b = !one && key + k >= keys
                    ? Float.NEGATIVE_INFINITY
                    : bias.type() == DType.F32
                            ? bias.data().get(F32, (first + (one ? 0 : k)) * 4)
                            : (float) bias.at(first + (one ? 0 : k));
            m[at + k] = b == Float.NEGATIVE_INFINITY ? b : m[at + k] + b;
        }
    }

    /// x + bias, and −∞ where the bias is, whatever the score.
    private static FloatVector plus(FloatVector x, FloatVector bias) {
        return x.add(bias).blend(bias, bias.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
    }

    /// Weights of keys `lo` to `hi` of a block that dropout hits become 0; the others are to be divided
    /// by 1 − p. As [Dropout#keeps].
    ///
    /// @param random of [Dropout#row]
    static void drop(Dropout dropout, float[] m, int at, int lo, int hi, int random, int key) {
        int threshold = dropout.threshold();
        for (int k = lo; k < hi; k += COUNT) {
            var x = ScoreRow.STEPS.add(key + k).mul(0x9E3779B9).lanewise(VectorOperators.XOR, random);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16))
                    .mul(0x85EBCA6B);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 13))
                    .mul(0xC2B2AE35);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
            var dropped = x.lanewise(VectorOperators.LSHR, 8).lt(threshold);
            FloatVector.fromArray(FLOATS, m, at + k)
                    .blend(0, dropped.cast(FLOATS))
                    .intoArray(m, at + k);
        }
    }
}
