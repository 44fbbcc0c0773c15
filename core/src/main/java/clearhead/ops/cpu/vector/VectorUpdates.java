package clearhead.ops.cpu.vector;

import clearhead.ops.AdamStep;
import clearhead.ops.Updates;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Optimizer steps over flat F32 slabs, in blocks of [#BLOCK] elements; bound by memory.
final class VectorUpdates implements Updates {
    private static final VectorSpecies<Float> F = Lanes.FLOATS;
    private static final VectorSpecies<Double> D = F.withLanes(double.class);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(Lanes.ORDER);

    /// Elements of one task. Fixed, so that sums do not depend on the number of threads.
    private static final int BLOCK = 32768;

    private final Workers workers;

    VectorUpdates(Workers workers) {
        this.workers = workers;
    }

    private static int blocks(Tensor slab) {
        return Math.toIntExact((slab.size() + BLOCK - 1) / BLOCK);
    }

    private static int end(Tensor slab, int block) {
        return (int) Math.min(BLOCK, slab.size() - (long) block * BLOCK);
    }

    @Override
    public void zero(Tensor slab) {
        requireF32(slab);
        workers.run(
                blocks(slab),
                b -> slab.data().asSlice(b * (4L * BLOCK), 4L * end(slab, b)).fill((byte) 0));
    }

    @Override
    public double squaredNorm(Tensor slab) {
        requireF32(slab);
        var sums = new double[blocks(slab)];
        workers.run(sums.length, b -> sums[b] = squares(slab.data(), b * (4L * BLOCK), end(slab, b)));
        double total = 0;
        for (double sum : sums) {
            total += sum;
        }
        return total;
    }

    private static double squares(MemorySegment x, long from, int count) {
        var low = DoubleVector.zero(D);
        var high = DoubleVector.zero(D);
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            var v = FloatVector.fromMemorySegment(F, x, from + 4L * i, Lanes.ORDER);
            var a = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
            var b = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 1);
            low = a.fma(a, low);
            high = b.fma(b, high);
        }
        double sum = low.add(high).reduceLanes(VectorOperators.ADD);
        for (; i < count; i++) {
            double v = x.get(FLOAT, from + 4L * i);
            sum += v * v;
        }
        return sum;
    }

    @Override
    public void adam(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamStep step) {
        requireF32(parameter);
        requireF32(gradient);
        requireF32(first);
        requireF32(second);
        workers.run(
                blocks(parameter),
                b -> adam(
                        parameter.data(),
                        gradient.data(),
                        first.data(),
                        second.data(),
                        b * (4L * BLOCK),
                        end(parameter, b),
                        step));
    }

    private static void adam(
            MemorySegment x, MemorySegment g, MemorySegment m, MemorySegment v, long from, int count, AdamStep step) {
        float beta1 = (float) step.beta1();
        float beta2 = (float) step.beta2();
        float rest1 = (float) (1 - step.beta1());
        float rest2 = (float) (1 - step.beta2());
        float scale = (float) step.gradientScale();
        float coupled = (float) step.coupledDecay();
        float before = (float) step.keepBefore();
        float rate = (float) step.rate();
        float epsilon = (float) step.epsilon();
        float after = (float) step.keepAfter();
        int i = 0;
        for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
            long at = from + 4L * i;
            var xs = FloatVector.fromMemorySegment(F, x, at, Lanes.ORDER);
            var gs = FloatVector.fromMemorySegment(F, g, at, Lanes.ORDER).mul(scale);
            gs = xs.mul(coupled).add(gs);
            var ms = FloatVector.fromMemorySegment(F, m, at, Lanes.ORDER).mul(beta1);
            ms = gs.mul(rest1).add(ms);
            var vs = FloatVector.fromMemorySegment(F, v, at, Lanes.ORDER).mul(beta2);
            vs = gs.mul(gs).mul(rest2).add(vs);
            var change = ms.mul(rate).div(vs.lanewise(VectorOperators.SQRT).add(epsilon));
            xs.mul(before).sub(change).mul(after).intoMemorySegment(x, at, Lanes.ORDER);
            ms.intoMemorySegment(m, at, Lanes.ORDER);
            vs.intoMemorySegment(v, at, Lanes.ORDER);
        }
        for (; i < count; i++) {
            long at = from + 4L * i;
            float old = x.get(FLOAT, at);
            float gi = old * coupled + g.get(FLOAT, at) * scale;
            float mi = gi * rest1 + m.get(FLOAT, at) * beta1;
            float vi = gi * gi * rest2 + v.get(FLOAT, at) * beta2;
            float change = mi * rate / ((float) Math.sqrt(vi) + epsilon);
            x.set(FLOAT, at, (old * before - change) * after);
            m.set(FLOAT, at, mi);
            v.set(FLOAT, at, vi);
        }
    }

    private static void requireF32(Tensor slab) {
        if (slab.type() != DType.F32) {
            throw new IllegalArgumentException(
                    "the vector backend trains F32 slabs, got " + slab + "; use the reference backend for F64");
        }
    }
}
