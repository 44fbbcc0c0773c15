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

    private Activations() {}

    static Tensor activate(Workspace workspace, Workers workers, Activation act, Tensor x) {
        Tensor out = workspace.take(DType.F32, x.shape());
        Elementwise.split(
                workers, x.size(), (from, to) -> values(act, x.data(), out.data(), from, to));
        return out;
    }

    private static void values(
            Activation act, MemorySegment x, MemorySegment out, long from, long to) {
        long end = to * 4;
        for (long at = from * 4; at < end; at += Lanes.BYTES) {
            if (at + Lanes.BYTES <= end) {
                value(act, FloatVector.fromMemorySegment(S, x, at, ORDER))
                        .intoMemorySegment(out, at, ORDER);
            } else {
                VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
                value(act, FloatVector.fromMemorySegment(S, x, at, ORDER, m))
                        .intoMemorySegment(out, at, ORDER, m);
            }
        }
    }

    /// dX = dOut·act′(x)
    static Tensor activateAdjoint(
            Workspace workspace, Workers workers, Activation act, Tensor x, Tensor dOut) {
        Tensor dX = workspace.take(DType.F32, x.shape());
        Elementwise.split(
                workers, x.size(),
                (from, to) -> slopes(act, x.data(), dOut.data(), dX.data(), from, to));
        return dX;
    }

    private static void slopes(
            Activation act, MemorySegment x, MemorySegment dOut, MemorySegment dX, long from,
            long to) {
        long end = to * 4;
        for (long at = from * 4; at < end; at += Lanes.BYTES) {
            if (at + Lanes.BYTES <= end) {
                slope(act, FloatVector.fromMemorySegment(S, x, at, ORDER))
                        .mul(FloatVector.fromMemorySegment(S, dOut, at, ORDER))
                        .intoMemorySegment(dX, at, ORDER);
            } else {
                VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
                slope(act, FloatVector.fromMemorySegment(S, x, at, ORDER, m))
                        .mul(FloatVector.fromMemorySegment(S, dOut, at, ORDER, m))
                        .intoMemorySegment(dX, at, ORDER, m);
            }
        }
    }

    /// act(gate)·up
    static Tensor gate(
            Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up) {
        Tensor out = workspace.take(DType.F32, gate.shape());
        Elementwise.split(
                workers, gate.size(),
                (from, to) -> gated(act, gate.data(), up.data(), out.data(), from, to));
        return out;
    }

    private static void gated(
            Activation act, MemorySegment gate, MemorySegment up, MemorySegment out, long from,
            long to) {
        long end = to * 4;
        for (long at = from * 4; at < end; at += Lanes.BYTES) {
            if (at + Lanes.BYTES <= end) {
                value(act, FloatVector.fromMemorySegment(S, gate, at, ORDER))
                        .mul(FloatVector.fromMemorySegment(S, up, at, ORDER))
                        .intoMemorySegment(out, at, ORDER);
            } else {
                VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
                value(act, FloatVector.fromMemorySegment(S, gate, at, ORDER, m))
                        .mul(FloatVector.fromMemorySegment(S, up, at, ORDER, m))
                        .intoMemorySegment(out, at, ORDER, m);
            }
        }
    }

    /// dGate = dOut·up·act′(gate), dUp = dOut·act(gate)
    static Adjoints.Gated gateAdjoint(
            Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up,
            Tensor dOut) {
        Tensor dGate = workspace.take(DType.F32, gate.shape());
        Tensor dUp = workspace.take(DType.F32, gate.shape());
        Elementwise.split(
                workers, gate.size(),
                (from, to) ->
                        ungated(
                                act, gate.data(), up.data(), dOut.data(), dGate.data(),
                                dUp.data(), from, to));
        return new Adjoints.Gated(dGate, dUp);
    }

    private static void ungated(
            Activation act, MemorySegment gate, MemorySegment up, MemorySegment dOut,
            MemorySegment dGate, MemorySegment dUp, long from, long to) {
        long end = to * 4;
        for (long at = from * 4; at < end; at += Lanes.BYTES) {
            if (at + Lanes.BYTES <= end) {
                FloatVector g = FloatVector.fromMemorySegment(S, gate, at, ORDER);
                FloatVector d = FloatVector.fromMemorySegment(S, dOut, at, ORDER);
                slope(act, g)
                        .mul(d.mul(FloatVector.fromMemorySegment(S, up, at, ORDER)))
                        .intoMemorySegment(dGate, at, ORDER);
                value(act, g).mul(d).intoMemorySegment(dUp, at, ORDER);
            } else {
                VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
                FloatVector g = FloatVector.fromMemorySegment(S, gate, at, ORDER, m);
                FloatVector d = FloatVector.fromMemorySegment(S, dOut, at, ORDER, m);
                slope(act, g)
                        .mul(d.mul(FloatVector.fromMemorySegment(S, up, at, ORDER, m)))
                        .intoMemorySegment(dGate, at, ORDER, m);
                value(act, g).mul(d).intoMemorySegment(dUp, at, ORDER, m);
            }
        }
    }

    private static FloatVector value(Activation act, FloatVector x) {
        return switch (act) {
            case GELU -> x.mul(cdf(x));
            case GELU_TANH -> x.mul(sigmoid(twiceCubic(x)));
            case SILU -> x.mul(sigmoid(x));
            case RELU -> x.blend(0, x.compare(VectorOperators.LT, 0));
        };
    }

    private static FloatVector slope(Activation act, FloatVector x) {
        return switch (act) {
            case GELU -> cdfAndXDensity(x);
            case GELU_TANH -> {
                // Far out the slope is 0 or 1, and x² would be infinite.
                FloatVector near =
                        x.blend(FAR, x.compare(VectorOperators.GT, FAR))
                                .blend(-FAR, x.compare(VectorOperators.LT, -FAR));
                FloatVector inner =
                        near.mul(near)
                                .fma(
                                        FloatVector.broadcast(S, 3 * CUBIC * TWO_ROOT_TWO_BY_PI),
                                        FloatVector.broadcast(S, TWO_ROOT_TWO_BY_PI));
                yield sigmoidAndSlope(twiceCubic(near), near.mul(inner));
            }
            case SILU -> sigmoidAndSlope(x, x);
            case RELU ->
                    FloatVector.zero(S).blend(1, x.compare(VectorOperators.GT, 0));
        };
    }

    /// 2·√(2/π)·(x + 0.044715·x³)
    private static FloatVector twiceCubic(FloatVector x) {
        return x.mul(x)
                .fma(
                        FloatVector.broadcast(S, CUBIC * TWO_ROOT_TWO_BY_PI),
                        FloatVector.broadcast(S, TWO_ROOT_TWO_BY_PI))
                .mul(x);
    }

    /// σ(y), from exp(−|y|), which cannot overflow.
    private static FloatVector sigmoid(FloatVector y) {
        FloatVector e = Transcendental.exp(y.abs().neg());
        FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
        return s.blend(e.mul(s), y.compare(VectorOperators.LT, 0));
    }

    /// σ(y) + factor·σ′(y)
    private static FloatVector sigmoidAndSlope(FloatVector y, FloatVector factor) {
        FloatVector e = Transcendental.exp(y.abs().neg());
        FloatVector s = FloatVector.broadcast(S, 1).div(e.add(1));
        FloatVector es = e.mul(s);
        return es.mul(s).fma(factor, s.blend(es, y.compare(VectorOperators.LT, 0)));
    }

    /// Φ(x): 0.5·erfc(|x|/√2) is the tail on one side.
    private static FloatVector cdf(FloatVector x) {
        FloatVector a = x.abs();
        a = a.blend(FAR, a.compare(VectorOperators.GT, FAR));
        FloatVector tail =
                Transcendental.scaledErfc(a.mul(ROOT_HALF)).mul(bell(a)).mul(0.5f);
        return FloatVector.broadcast(S, 1).sub(tail)
                .blend(tail, x.compare(VectorOperators.LT, 0));
    }

    /// Φ(x) + x·φ(x)
    private static FloatVector cdfAndXDensity(FloatVector x) {
        FloatVector a = x.abs();
        a = a.blend(FAR, a.compare(VectorOperators.GT, FAR));
        FloatVector bell = bell(a);
        FloatVector tail = Transcendental.scaledErfc(a.mul(ROOT_HALF)).mul(bell).mul(0.5f);
        // With a = |x|: Φ + x·φ = 1 − tail + a·φ on the right, tail − a·φ on the left.
        FloatVector left = a.mul(bell).fma(FloatVector.broadcast(S, -DENSITY_0), tail);
        return FloatVector.broadcast(S, 1).sub(left)
                .blend(left, x.compare(VectorOperators.LT, 0));
    }

    /// exp(−a²/2); what a² loses in rounding would be a relative error of the result.
    private static FloatVector bell(FloatVector a) {
        FloatVector square = a.mul(a);
        FloatVector lost = a.fma(a, square.neg());
        FloatVector e = Transcendental.exp(square.mul(-0.5f));
        return e.mul(lost).fma(FloatVector.broadcast(S, -0.5f), e);
    }
}
