package clearhead.ops.cpu.vector;

import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.StateSpace;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// A selective state space token by token, a vector of one element's state at a time. Step sizes, and
/// factors where a head has only one, are computed for all tokens first; then every task takes some
/// heads of one sequence through all its tokens, with the states where the result has them.
final class SelectiveScan {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Numbers of state in a task, about.
    private static final int TASK = 4096;

    private SelectiveScan() {}

    static Carried forward(
            Workspace workspace,
            Workers workers,
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int stateDim = input.dim(2);
        Tensor out = workspace.take(DType.F32, x.shape());
        Tensor end = workspace.take(DType.F32, rows.count(), heads, headDim, stateDim);
        long mark = workspace.mark();
        MemorySegment delta = workspace.takeBytes(step.size() * 4);
        boolean each = space.decay().rank() == 2;
        MemorySegment kept = each ? delta : workspace.takeBytes(step.size() * 4);
        Rows.split(workers, x.dim(0), heads, (from, to) -> {
            for (long row = from; row < to; row++) {
                steps(step.data(), space, delta, row * heads * 4, heads);
                if (!each) {
                    factors(delta, space.decay().data(), kept, row * heads * 4, heads);
                }
            }
        });
        int block = Math.max(1, TASK / Math.max(1, headDim * stateDim));
        int blocks = Math.ceilDiv(heads, block);
        workers.run(Math.multiplyExact(rows.count(), blocks), task -> {
            int s = task / blocks;
            int from = task % blocks * block;
            for (int h = from; h < Math.min(heads, from + block); h++) {
                head(x, delta, kept, input, output, space, rows, state, s, h, out, end);
            }
        });
        workspace.release(mark);
        return new Carried(out, end);
    }

    /// delta = softplus(step + bias), within limits
    private static void steps(MemorySegment step, StateSpace space, MemorySegment delta, long at, int heads) {
        float least = (float) space.least();
        float most = (float) space.most();
        for (int h = 0; h < heads; h += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(h, heads);
            FloatVector raw = FloatVector.fromMemorySegment(S, step, at + h * 4L, ORDER, m)
                    .add(FloatVector.fromMemorySegment(S, space.bias().data(), h * 4L, ORDER, m));
            Transcendental.softplus(raw).max(least).min(most).intoMemorySegment(delta, at + h * 4L, ORDER, m);
        }
    }

    /// kept = exp(delta·decay)
    private static void factors(MemorySegment delta, MemorySegment decay, MemorySegment kept, long at, int heads) {
        for (int h = 0; h < heads; h += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(h, heads);
            FloatVector d = FloatVector.fromMemorySegment(S, delta, at + h * 4L, ORDER, m);
            FloatVector a = FloatVector.fromMemorySegment(S, decay, h * 4L, ORDER, m);
            Transcendental.exp(d.mul(a)).intoMemorySegment(kept, at + h * 4L, ORDER, m);
        }
    }

    private static void head(
            Tensor x,
            MemorySegment delta,
            MemorySegment kept,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state,
            int s,
            int h,
            Tensor out,
            Tensor end) {
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int groups = input.dim(1);
        int group = h / (heads / groups);
        int stateDim = input.dim(2);
        boolean each = space.decay().rank() == 2;
        long bytes = stateDim * 4L;
        long memory = ((long) s * heads + h) * headDim * bytes;
        if (state.isPresent()) {
            MemorySegment.copy(state.get().data(), memory, end.data(), memory, headDim * bytes);
        } else {
            end.data().asSlice(memory, headDim * bytes).fill((byte) 0);
        }
        float skip = space.skip().data().get(F32, h * 4L);
        for (int t = rows.start(s); t < rows.start(s + 1); t++) {
            long row = (long) t * heads + h;
            float size = delta.get(F32, row * 4);
            long group4 = ((long) t * groups + group) * bytes;
            for (int p = 0; p < headDim; p++) {
                long at = (row * headDim + p) * 4;
                float value = x.data().get(F32, at);
                float added = size * value;
                float read = each
                        ? channel(
                                end.data(),
                                memory + p * bytes,
                                space.decay().data(),
                                h * bytes,
                                size,
                                input.data(),
                                output.data(),
                                group4,
                                added,
                                stateDim)
                        : element(
                                end.data(),
                                memory + p * bytes,
                                kept.get(F32, row * 4),
                                input.data(),
                                output.data(),
                                group4,
                                added,
                                stateDim);
                out.data().set(F32, at, Math.fma(skip, value, read));
            }
        }
    }

    /// One element's state, which fades by one factor.
    private static float element(
            MemorySegment memory,
            long memoryAt,
            float factor,
            MemorySegment input,
            MemorySegment output,
            long at,
            float added,
            int stateDim) {
        FloatVector sum = FloatVector.zero(S);
        int n = 0;
        for (; n <= stateDim - Lanes.COUNT; n += Lanes.COUNT) {
            FloatVector before = FloatVector.fromMemorySegment(S, memory, memoryAt + n * 4L, ORDER);
            FloatVector fresh =
                    FloatVector.fromMemorySegment(S, input, at + n * 4L, ORDER).mul(added);
            FloatVector now = before.fma(FloatVector.broadcast(S, factor), fresh);
            now.intoMemorySegment(memory, memoryAt + n * 4L, ORDER);
            sum = now.fma(FloatVector.fromMemorySegment(S, output, at + n * 4L, ORDER), sum);
        }
        if (n < stateDim) {
            VectorMask<Float> m = S.indexInRange(n, stateDim);
            FloatVector before = FloatVector.fromMemorySegment(S, memory, memoryAt + n * 4L, ORDER, m);
            FloatVector fresh = FloatVector.fromMemorySegment(S, input, at + n * 4L, ORDER, m)
                    .mul(added);
            FloatVector now = before.fma(FloatVector.broadcast(S, factor), fresh);
            now.intoMemorySegment(memory, memoryAt + n * 4L, ORDER, m);
            sum = now.fma(FloatVector.fromMemorySegment(S, output, at + n * 4L, ORDER, m), sum);
        }
        return Lanes.sum(sum);
    }

    /// One channel's state, of which every number fades by its own factor exp(size·decay).
    private static float channel(
            MemorySegment memory,
            long memoryAt,
            MemorySegment decay,
            long decayAt,
            float size,
            MemorySegment input,
            MemorySegment output,
            long at,
            float added,
            int stateDim) {
        FloatVector sum = FloatVector.zero(S);
        for (int n = 0; n < stateDim; n += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(n, stateDim);
            FloatVector before = FloatVector.fromMemorySegment(S, memory, memoryAt + n * 4L, ORDER, m);
            FloatVector fresh = FloatVector.fromMemorySegment(S, input, at + n * 4L, ORDER, m)
                    .mul(added);
            FloatVector factor = Transcendental.exp(FloatVector.fromMemorySegment(S, decay, decayAt + n * 4L, ORDER, m)
                    .mul(size));
            FloatVector now = before.fma(factor, fresh);
            now.intoMemorySegment(memory, memoryAt + n * 4L, ORDER, m);
            sum = now.fma(FloatVector.fromMemorySegment(S, output, at + n * 4L, ORDER, m), sum);
        }
        return Lanes.sum(sum);
    }
}
