package clearhead.ops.cpu.vector;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Nonlinearities and gates, element by element, with their adjoints.
///
/// Each nonlinearity has two loops of its own, for its values and for values with slopes: the
/// compiler inlines all of a loop only where it sees one of them. Factors are multiplied in
/// afterwards, a stretch at a time, while it is in the first cache.
final class Activations {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final float ROOT_HALF = (float) Math.sqrt(0.5);

    /// 1/√(2π)
    private static final float DENSITY_0 = (float) (1 / Math.sqrt(2 * Math.PI));

    /// Beyond it Φ is 0 or 1 in float32.
    private static final float FAR = 14;

    /// 2·√(2/π): 0.5·(1 + tanh u) is σ(2u).
    private static final float TWO_ROOT_TWO_BY_PI = (float) (2 * Math.sqrt(2 / Math.PI));

    private static final float CUBIC = 0.044715f;

    private static final float QUICK = 1.702f;

    /// Elements between one loop and the next over the same memory.
    private static final int STRETCH = 1024;

    private Activations() {}

    static Tensor activate(Workspace workspace, Workers workers, Activation act, Tensor x) {
        Tensor out = workspace.take(DType.F32, x.shape());
        stretches(workers, x.size(), (at, end) -> values(act, x.data(), out.data(), at, end));
        return out;
    }

    /// dX = dOut·act′(x)
    static Tensor activateAdjoint(Workspace workspace, Workers workers, Activation act, Tensor x, Tensor dOut) {
        Tensor dX = workspace.take(DType.F32, x.shape());
        MemorySegment d = dX.data();
        stretches(workers, x.size(), (at, end) -> {
            slopes(act, x.data(), d, d, at, end);
            times(d, dOut.data(), at, end);
        });
        return dX;
    }

    /// act(gate)·up
    static Tensor gate(Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up) {
        Tensor out = workspace.take(DType.F32, gate.shape());
        stretches(workers, gate.size(), (at, end) -> {
            values(act, gate.data(), out.data(), at, end);
            times(out.data(), up.data(), at, end);
        });
        return out;
    }

    /// dGate = dOut·up·act′(gate), dUp = dOut·act(gate)
    static Adjoints.Gated gateAdjoint(
            Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up, Tensor dOut) {
        Tensor dGate = workspace.take(DType.F32, gate.shape());
        Tensor dUp = workspace.take(DType.F32, gate.shape());
        stretches(workers, gate.size(), (at, end) -> {
            slopes(act, gate.data(), dUp.data(), dGate.data(), at, end);
            times(dUp.data(), dOut.data(), at, end);
            times(dGate.data(), dOut.data(), at, end);
            times(dGate.data(), up.data(), at, end);
        });
        return new Adjoints.Gated(dGate, dUp);
    }

    /// Runs `body` over bytes `at` to `end` of short stretches.
    private static void stretches(Workers workers, long size, Elementwise.Stretch body) {
        Elementwise.split(workers, size, (from, to) -> {
            for (long i = from; i < to; i += STRETCH) {
                body.run(4 * i, 4 * Math.min(to, i + STRETCH));
            }
        });
    }

    /// x *= factor
    private static void times(MemorySegment x, MemorySegment factor, long from, long end) {
        long at = from;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, x, at, ORDER)
                    .mul(FloatVector.fromMemorySegment(S, factor, at, ORDER))
                    .intoMemorySegment(x, at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = mask(at, end);
            FloatVector.fromMemorySegment(S, x, at, ORDER, m)
                    .mul(FloatVector.fromMemorySegment(S, factor, at, ORDER, m))
                    .intoMemorySegment(x, at, ORDER, m);
        }
    }

    /// The lanes of a vector at `at` that lie before `end`.
    private static VectorMask<Float> mask(long at, long end) {
        return S.indexInRange(0, (int) (end - at) / 4);
    }

    private static void values(Activation act, MemorySegment x, MemorySegment out, long from, long end) {
        switch (act) {
            case GELU -> gelu(x, out, from, end);
            case GELU_TANH -> geluTanh(x, out, from, end);
            case SILU -> silu(x, out, from, end);
            case RELU -> relu(x, out, from, end);
            case RELU_SQUARED -> reluSquared(x, out, from, end);
            case QUICK_GELU -> quickGelu(x, out, from, end);
            case SIGMOID -> sigmoid(x, out, from, end);
            case TANH -> tanh(x, out, from, end);
            case SOFTPLUS -> softplus(x, out, from, end);
        }
    }

    /// Stores values, and then slopes, which may be at the same place.
    private static void slopes(
            Activation act, MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        switch (act) {
            case GELU -> geluSlope(x, value, slope, from, end);
            case GELU_TANH -> geluTanhSlope(x, value, slope, from, end);
            case SILU -> siluSlope(x, value, slope, from, end);
            case RELU -> reluSlope(x, value, slope, from, end);
            case RELU_SQUARED -> reluSquaredSlope(x, value, slope, from, end);
            case QUICK_GELU -> quickGeluSlope(x, value, slope, from, end);
            case SIGMOID -> sigmoidSlope(x, value, slope, from, end);
            case TANH -> tanhSlope(x, value, slope, from, end);
            case SOFTPLUS -> softplusSlope(x, value, slope, from, end);
        }
    }

    private static void gelu(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector a = near(v.abs());
            FloatVector tail =
                    Transcendental.scaledErfc(a.mul(ROOT_HALF)).mul(bell(a)).mul(0.5f);
            FloatVector.broadcast(S, 1)
                    .sub(tail)
                    .blend(tail, v.compare(VectorOperators.LT, 0))
                    .mul(v)
                    .intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void geluSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            VectorMask<Float> left = v.compare(VectorOperators.LT, 0);
            FloatVector a = near(v.abs());
            FloatVector bell = bell(a);
            FloatVector one = FloatVector.broadcast(S, 1);
            FloatVector tail =
                    Transcendental.scaledErfc(a.mul(ROOT_HALF)).mul(bell).mul(0.5f);
            one.sub(tail).blend(tail, left).mul(v).intoMemorySegment(value, at, ORDER, m);
            // With a = |x|: Φ + x·φ is 1 − (tail − a·φ) on the right, tail − a·φ on the left.
            FloatVector rest = a.mul(bell).fma(FloatVector.broadcast(S, -DENSITY_0), tail);
            one.sub(rest).blend(rest, left).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void geluTanh(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector y = twiceCubic(v);
            FloatVector e = Transcendental.exp(y.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), y.compare(VectorOperators.LT, 0)).mul(v).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void geluTanhSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            // Far out the slope is 0 or 1, and x² would be infinite.
            FloatVector a = near(v).neg();
            a = near(a).neg();
            FloatVector y = twiceCubic(a);
            FloatVector e = Transcendental.exp(y.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            FloatVector es = e.mul(s);
            FloatVector sigmoid = s.blend(es, y.compare(VectorOperators.LT, 0));
            sigmoid.mul(v).intoMemorySegment(value, at, ORDER, m);
            FloatVector inner = a.mul(a)
                    .fma(
                            FloatVector.broadcast(S, 3 * CUBIC * TWO_ROOT_TWO_BY_PI),
                            FloatVector.broadcast(S, TWO_ROOT_TWO_BY_PI));
            es.mul(s).fma(a.mul(inner), sigmoid).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void silu(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).mul(v).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void siluSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            // σ from exp(−|x|), which cannot overflow; σ′ = e·s² on both sides.
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            FloatVector es = e.mul(s);
            FloatVector sigmoid = s.blend(es, v.compare(VectorOperators.LT, 0));
            sigmoid.mul(v).intoMemorySegment(value, at, ORDER, m);
            es.mul(s).fma(v, sigmoid).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void relu(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            v.blend(0, v.compare(VectorOperators.LT, 0)).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void reluSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            v.blend(0, v.compare(VectorOperators.LT, 0)).intoMemorySegment(value, at, ORDER, m);
            FloatVector.zero(S).blend(1, v.compare(VectorOperators.GT, 0)).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void reluSquared(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector r = v.blend(0, v.compare(VectorOperators.LT, 0));
            r.mul(r).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void reluSquaredSlope(
            MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector r = v.blend(0, v.compare(VectorOperators.LT, 0));
            r.mul(r).intoMemorySegment(value, at, ORDER, m);
            r.add(r).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void quickGelu(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().mul(-QUICK));
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).mul(v).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void quickGeluSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().mul(-QUICK));
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            FloatVector es = e.mul(s);
            FloatVector sigmoid = s.blend(es, v.compare(VectorOperators.LT, 0));
            sigmoid.mul(v).intoMemorySegment(value, at, ORDER, m);
            es.mul(s).fma(v.mul(QUICK), sigmoid).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void sigmoid(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void sigmoidSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            FloatVector es = e.mul(s);
            s.blend(es, v.compare(VectorOperators.LT, 0)).intoMemorySegment(value, at, ORDER, m);
            es.mul(s).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    private static void tanh(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            Transcendental.tanh(v).intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void tanhSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            Transcendental.tanh(v).intoMemorySegment(value, at, ORDER, m);
            // 1 − tanh² = 4e/(1 + e)² with e = exp(−2|x|), which does not cancel
            FloatVector e = Transcendental.exp(v.abs().mul(-2));
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            e.mul(4).mul(s).mul(s).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    static void softplus(MemorySegment x, MemorySegment out, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            Transcendental.softplus(FloatVector.fromMemorySegment(S, x, at, ORDER, m))
                    .intoMemorySegment(out, at, ORDER, m);
        }
    }

    private static void softplusSlope(MemorySegment x, MemorySegment value, MemorySegment slope, long from, long end) {
        for (long at = from; at < end; at += Lanes.BYTES) {
            VectorMask<Float> m = mask(at, end);
            FloatVector v = FloatVector.fromMemorySegment(S, x, at, ORDER, m);
            Transcendental.softplus(v).intoMemorySegment(value, at, ORDER, m);
            FloatVector e = Transcendental.exp(v.abs().neg());
            FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
            s.blend(e.mul(s), v.compare(VectorOperators.LT, 0)).intoMemorySegment(slope, at, ORDER, m);
        }
    }

    /// x up to [#FAR].
    private static FloatVector near(FloatVector x) {
        return x.blend(FAR, x.compare(VectorOperators.GT, FAR));
    }

    /// 2·√(2/π)·(x + 0.044715·x³)
    private static FloatVector twiceCubic(FloatVector x) {
        return x.mul(x)
                .fma(FloatVector.broadcast(S, CUBIC * TWO_ROOT_TWO_BY_PI), FloatVector.broadcast(S, TWO_ROOT_TWO_BY_PI))
                .mul(x);
    }

    /// exp(−a²/2); what a² loses in rounding would be a relative error of the result.
    private static FloatVector bell(FloatVector a) {
        FloatVector square = a.mul(a);
        FloatVector lost = a.fma(a, square.neg());
        FloatVector e = Transcendental.exp(square.mul(-0.5f));
        return e.mul(lost).fma(FloatVector.broadcast(S, -0.5f), e);
    }
}
