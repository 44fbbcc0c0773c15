package clearhead.ops.cpu.vector;

import clearhead.ops.Squash;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// A recurrent cell's nonlinearities, in place, and their slopes from their values. Sigmoid, tanh and relu
/// are vectors; the rest, which few models have, goes through [Squash#of] one by one.
///
/// Whole vectors have a loop without a mask: masked loads of what was just stored wait for it.
final class Squashes {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Below it, tanh is a polynomial: 1 − 2/(e^2x + 1) would lose what it takes away.
    private static final float SMALL = 0.625f;

    private Squashes() {}

    /// x = squash(x, bounded to ±clip)
    static void values(Squash squash, float clip, MemorySegment x, long at, int count) {
        if (clip < Float.POSITIVE_INFINITY) {
            bound(clip, x, at, count);
        }
        switch (squash.kind()) {
            case SIGMOID -> sigmoid(x, at, count);
            case TANH -> tanh(x, at, count);
            case RELU -> relu(x, at, count);
            case AFFINE, LEAKY_RELU, THRESHOLDED_RELU, SCALED_TANH, HARD_SIGMOID, ELU, SOFTSIGN, SOFTPLUS -> {
                for (long i = at; i < at + count * 4L; i += 4) {
                    x.set(F32, i, (float) squash.of(x.get(F32, i)));
                }
            }
        }
    }

    /// Slopes of a squash from its values.
    ///
    /// @param low value where the clip holds from below; NaN where there is none
    /// @param high value where it holds from above
    record Slope(Squash squash, float low, float high) {
        static Slope of(Squash squash, float clip, MemorySegment scratch, long at) {
            if (clip == Float.POSITIVE_INFINITY) {
                return new Slope(squash, Float.NaN, Float.NaN);
            }
            scratch.set(F32, at, -clip);
            scratch.set(F32, at + 4, clip);
            values(squash, clip, scratch, at, 2);
            return new Slope(squash, scratch.get(F32, at), scratch.get(F32, at + 4));
        }

        /// slope = squash′ where the value is y
        void of(MemorySegment y, long yAt, MemorySegment slope, long at, int count) {
            switch (squash.kind()) {
                case SIGMOID -> sigmoidSlope(y, yAt, slope, at, count);
                case TANH -> tanhSlope(y, yAt, slope, at, count);
                case RELU, AFFINE, LEAKY_RELU, THRESHOLDED_RELU, SCALED_TANH, HARD_SIGMOID, ELU, SOFTSIGN, SOFTPLUS -> {
                    for (long i = 0; i < count * 4L; i += 4) {
                        slope.set(F32, at + i, (float) squash.slope(y.get(F32, yAt + i)));
                    }
                }
            }
            if (!Float.isNaN(low)) {
                for (long i = 0; i < count * 4L; i += 4) {
                    float value = y.get(F32, yAt + i);
                    if (value == low || value == high) {
                        slope.set(F32, at + i, 0);
                    }
                }
            }
        }
    }

    private static void bound(float clip, MemorySegment x, long at, int count) {
        for (long i = at; i < at + count * 4L; i += 4) {
            x.set(F32, i, Math.max(-clip, Math.min(clip, x.get(F32, i))));
        }
    }

    private static void sigmoid(MemorySegment x, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(S, x, at + i * 4L, ORDER);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).intoMemorySegment(x, at + i * 4L, ORDER);
        }
        if (i < count) {
            VectorMask<Float> m = S.indexInRange(i, count);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at + i * 4L, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).intoMemorySegment(x, at + i * 4L, ORDER, m);
        }
    }

    private static void tanh(MemorySegment x, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            tanh(FloatVector.fromMemorySegment(S, x, at + i * 4L, ORDER)).intoMemorySegment(x, at + i * 4L, ORDER);
        }
        if (i < count) {
            VectorMask<Float> m = S.indexInRange(i, count);
            tanh(FloatVector.fromMemorySegment(S, x, at + i * 4L, ORDER, m))
                    .intoMemorySegment(x, at + i * 4L, ORDER, m);
        }
    }

    /// With e = exp(−2|x|): (1 − e)/(1 + e) far from zero, Moshier's Cephes `tanhf` polynomial near it.
    private static FloatVector tanh(FloatVector x) {
        FloatVector a = x.abs();
        FloatVector e = Transcendental.exp(a.mul(-2));
        FloatVector one = FloatVector.broadcast(S, 1);
        FloatVector far = one.sub(e).div(one.add(e));
        far = far.blend(far.neg(), x.compare(VectorOperators.LT, 0));
        FloatVector z = x.mul(x);
        FloatVector p = FloatVector.broadcast(S, -5.70498872745e-3f);
        p = p.fma(z, FloatVector.broadcast(S, 2.06390887954e-2f));
        p = p.fma(z, FloatVector.broadcast(S, -5.37397155531e-2f));
        p = p.fma(z, FloatVector.broadcast(S, 1.33314422036e-1f));
        p = p.fma(z, FloatVector.broadcast(S, -3.33332819422e-1f));
        FloatVector near = p.mul(z).fma(x, x);
        return far.blend(near, a.compare(VectorOperators.LT, SMALL));
    }

    private static void relu(MemorySegment x, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(S, x, at + i * 4L, ORDER);
            v.blend(0, v.compare(VectorOperators.LT, 0)).intoMemorySegment(x, at + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            float v = x.get(F32, at + i * 4L);
            x.set(F32, at + i * 4L, v < 0 ? 0 : v);
        }
    }

    private static void sigmoidSlope(MemorySegment y, long yAt, MemorySegment slope, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(S, y, yAt + i * 4L, ORDER);
            v.mul(FloatVector.broadcast(S, 1).sub(v)).intoMemorySegment(slope, at + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            float v = y.get(F32, yAt + i * 4L);
            slope.set(F32, at + i * 4L, v * (1 - v));
        }
    }

    private static void tanhSlope(MemorySegment y, long yAt, MemorySegment slope, long at, int count) {
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(S, y, yAt + i * 4L, ORDER);
            v.neg().fma(v, FloatVector.broadcast(S, 1)).intoMemorySegment(slope, at + i * 4L, ORDER);
        }
        for (; i < count; i++) {
            float v = y.get(F32, yAt + i * 4L);
            slope.set(F32, at + i * 4L, Math.fma(-v, v, 1f));
        }
    }
}
