package clearhead.ops.cpu.vector;

import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// RWKV's weighted average: a task takes a vector of channels through one sequence.
final class WeightedKeyValues {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private WeightedKeyValues() {}

    static Carried forward(
            Workspace workspace,
            Workers workers,
            Tensor key,
            Tensor value,
            Tensor decay,
            Tensor first,
            Sequences rows,
            Optional<Tensor> state) {
        int channels = key.dim(1);
        Tensor out = workspace.take(DType.F32, key.shape());
        Tensor end = workspace.take(DType.F32, rows.count(), 3, channels);
        int vectors = Math.ceilDiv(channels, Lanes.COUNT);
        workers.run(Math.multiplyExact(rows.count(), vectors), task -> {
            int s = task / vectors;
            int channel = task % vectors * Lanes.COUNT;
            channels(key.data(), value.data(), decay, first, rows, state, s, channel, channels, out.data(), end.data());
        });
        return new Carried(out, end);
    }

    private static void channels(
            MemorySegment key,
            MemorySegment value,
            Tensor decay,
            Tensor first,
            Sequences rows,
            Optional<Tensor> state,
            int s,
            int channel,
            int channels,
            MemorySegment out,
            MemorySegment end) {
        VectorMask<Float> m = S.indexInRange(channel, channels);
        long row = channels * 4L;
        long column = channel * 4L;
        long at = s * 3 * row + column;
        FloatVector above = FloatVector.zero(S);
        FloatVector below = above;
        FloatVector largest = above;
        if (state.isPresent()) {
            MemorySegment before = state.get().data();
            above = FloatVector.fromMemorySegment(S, before, at, ORDER, m);
            below = FloatVector.fromMemorySegment(S, before, at + row, ORDER, m);
            largest = FloatVector.fromMemorySegment(S, before, at + 2 * row, ORDER, m);
        }
        FloatVector fades = FloatVector.fromMemorySegment(S, decay.data(), column, ORDER, m);
        FloatVector bonus = FloatVector.fromMemorySegment(S, first.data(), column, ORDER, m);
        for (int t = rows.start(s); t < rows.start(s + 1); t++) {
            FloatVector k = FloatVector.fromMemorySegment(S, key, t * row + column, ORDER, m);
            FloatVector v = FloatVector.fromMemorySegment(S, value, t * row + column, ORDER, m);
            FloatVector before = largest.blend(Float.NEGATIVE_INFINITY, below.compare(VectorOperators.EQ, 0));
            FloatVector now = k.add(bonus);
            FloatVector most = larger(before, now);
            FloatVector old = Transcendental.exp(before.sub(most));
            FloatVector fresh = Transcendental.exp(now.sub(most));
            old.fma(above, fresh.mul(v)).div(old.fma(below, fresh)).intoMemorySegment(out, t * row + column, ORDER, m);
            FloatVector faded = before.add(fades);
            most = larger(faded, k);
            old = Transcendental.exp(faded.sub(most));
            fresh = Transcendental.exp(k.sub(most));
            above = old.fma(above, fresh.mul(v));
            below = old.fma(below, fresh);
            largest = most;
        }
        above.intoMemorySegment(end, at, ORDER, m);
        below.intoMemorySegment(end, at + row, ORDER, m);
        largest.intoMemorySegment(end, at + 2 * row, ORDER, m);
    }

    private static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, a.compare(VectorOperators.LT, b));
    }
}
