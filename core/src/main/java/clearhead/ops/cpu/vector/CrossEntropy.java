package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// −log softmax(logits)[target], row by row, and its adjoint dLoss·(softmax − onehot).
final class CrossEntropy {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private CrossEntropy() {}

    /// @param logits [tokens, vocab]
    /// @param targets I32 [tokens]
    /// @return [tokens]
    static Tensor forward(Workspace workspace, Workers workers, Tensor logits, Tensor targets) {
        int tokens = logits.dim(0);
        int vocab = logits.dim(1);
        Tensor loss = workspace.take(DType.F32, tokens);
        MemorySegment x = logits.data();
        Rows.split(workers, tokens, vocab, (from, to) -> {
            for (int i = from; i < to; i++) {
                int target = targets.intAt(i);
                float nats = 0;
                if (target >= 0) {
                    long row = i * (vocab * 4L);
                    float max = max(x, row, vocab);
                    double sum = sumOfExp(x, row, vocab, max);
                    nats = (float) (Math.log(sum) + max - x.get(F32, row + target * 4L));
                }
                loss.data().set(F32, i * 4L, nats);
            }
        });
        return loss;
    }

    /// @param dLoss [tokens]
    /// @return [tokens, vocab]
    static Tensor adjoint(Workspace workspace, Workers workers, Tensor logits, Tensor targets, Tensor dLoss) {
        int tokens = logits.dim(0);
        int vocab = logits.dim(1);
        Tensor dLogits = workspace.take(DType.F32, tokens, vocab);
        MemorySegment x = logits.data();
        MemorySegment d = dLogits.data();
        Rows.split(workers, tokens, vocab, (from, to) -> {
            for (int i = from; i < to; i++) {
                int target = targets.intAt(i);
                long row = i * (vocab * 4L);
                if (target < 0) {
                    d.asSlice(row, vocab * 4L).fill((byte) 0);
                    continue;
                }
                float max = max(x, row, vocab);
                float factor = dLoss.data().get(F32, i * 4L);
                double sum = expInto(x, row, vocab, max, d);
                times(d, row, vocab, (float) (factor / sum));
                long hit = row + target * 4L;
                d.set(F32, hit, d.get(F32, hit) - factor);
            }
        });
        return dLogits;
    }

    private static float max(MemorySegment x, long row, int count) {
        FloatVector m0 = FloatVector.broadcast(S, Float.NEGATIVE_INFINITY);
        FloatVector m1 = m0;
        int j = 0;
        // Compare and blend: FloatVector.max also orders zeros and is much slower.
        for (; j <= count - 2 * Lanes.COUNT; j += 2 * Lanes.COUNT) {
            FloatVector a = FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER);
            FloatVector b = FloatVector.fromMemorySegment(S, x, row + j * 4L + Lanes.BYTES, ORDER);
            m0 = m0.blend(a, a.compare(VectorOperators.GT, m0));
            m1 = m1.blend(b, b.compare(VectorOperators.GT, m1));
        }
        for (; j < count; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, count);
            FloatVector a = FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER, in);
            m0 = m0.blend(a, a.compare(VectorOperators.GT, m0).and(in));
        }
        return m0.max(m1).reduceLanes(VectorOperators.MAX);
    }

    private static double sumOfExp(MemorySegment x, long row, int count, float max) {
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        int j = 0;
        for (; j <= count - 2 * Lanes.COUNT; j += 2 * Lanes.COUNT) {
            long at = row + j * 4L;
            FloatVector a = FloatVector.fromMemorySegment(S, x, at, ORDER).sub(max);
            FloatVector b =
                    FloatVector.fromMemorySegment(S, x, at + Lanes.BYTES, ORDER).sub(max);
            s0 = s0.add(Transcendental.exp(a));
            s1 = s1.add(Transcendental.exp(b));
        }
        for (; j < count; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, count);
            FloatVector a =
                    FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER, in).sub(max);
            s0 = s0.add(Transcendental.exp(a), in);
        }
        return Lanes.sum(s0.add(s1));
    }

    /// Stores exp(x − max) and returns its sum, added in the order of [#sumOfExp].
    private static double expInto(MemorySegment x, long row, int count, float max, MemorySegment out) {
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        int j = 0;
        for (; j <= count - 2 * Lanes.COUNT; j += 2 * Lanes.COUNT) {
            long at = row + j * 4L;
            FloatVector a = FloatVector.fromMemorySegment(S, x, at, ORDER).sub(max);
            FloatVector b =
                    FloatVector.fromMemorySegment(S, x, at + Lanes.BYTES, ORDER).sub(max);
            FloatVector ea = Transcendental.exp(a);
            FloatVector eb = Transcendental.exp(b);
            ea.intoMemorySegment(out, at, ORDER);
            eb.intoMemorySegment(out, at + Lanes.BYTES, ORDER);
            s0 = s0.add(ea);
            s1 = s1.add(eb);
        }
        for (; j < count; j += Lanes.COUNT) {
            long at = row + j * 4L;
            VectorMask<Float> in = S.indexInRange(j, count);
            FloatVector a = FloatVector.fromMemorySegment(S, x, at, ORDER, in).sub(max);
            FloatVector ea = Transcendental.exp(a);
            ea.intoMemorySegment(out, at, ORDER, in);
            s0 = s0.add(ea, in);
        }
        return Lanes.sum(s0.add(s1));
    }

    private static void times(MemorySegment x, long row, int count, float factor) {
        for (int j = 0; j < count; j += Lanes.COUNT) {
            long at = row + j * 4L;
            if (j <= count - Lanes.COUNT) {
                FloatVector.fromMemorySegment(S, x, at, ORDER).mul(factor).intoMemorySegment(x, at, ORDER);
            } else {
                VectorMask<Float> in = S.indexInRange(j, count);
                FloatVector.fromMemorySegment(S, x, at, ORDER, in).mul(factor).intoMemorySegment(x, at, ORDER, in);
            }
        }
    }
}
