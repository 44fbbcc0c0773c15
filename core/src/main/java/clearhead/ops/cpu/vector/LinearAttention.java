package clearhead.ops.cpu.vector;

import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Linear attention token by token. A column of the state (one element of the values) does not depend
/// on the others, so a task keeps a strip of columns of one kv head in the first cache and takes it
/// through its sequence; each element is one chain of fused multiply-adds over keyDim in order.
final class LinearAttention {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Vectors of a strip: as many chains run side by side.
    private static final int VECTORS = 4;

    private static final int STRIP = VECTORS * Lanes.COUNT;
    private static final long STRIP_BYTES = STRIP * 4L;

    private LinearAttention() {}

    static Carried forward(
            Workspace workspace,
            Workers workers,
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state) {
        int kvHeads = key.dim(1);
        int valueDim = value.dim(2);
        Tensor out = workspace.take(DType.F32, query.dim(0), query.dim(1), valueDim);
        Tensor end = workspace.take(DType.F32, rows.count(), kvHeads, key.dim(2), valueDim);
        int strips = Math.ceilDiv(valueDim, STRIP);
        workers.run(Math.multiplyExact(rows.count() * kvHeads, strips), task -> {
            int strip = task % strips;
            int kv = task / strips % kvHeads;
            int s = task / strips / kvHeads;
            strip(query, key, value, update, (float) scale, rows, state, s, kv, strip * STRIP, out, end);
        });
        return new Carried(out, end);
    }

    private static void strip(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            float scale,
            Sequences rows,
            Optional<Tensor> state,
            int s,
            int kv,
            int column,
            Tensor out,
            Tensor end) {
        int heads = query.dim(1);
        int kvHeads = key.dim(1);
        int group = heads / kvHeads;
        int keyDim = key.dim(2);
        int valueDim = value.dim(2);
        int width = Math.min(STRIP, valueDim - column);
        // the strip of the state, then one row each for the value and for an output, then factors
        long input = keyDim * STRIP_BYTES;
        long output = input + STRIP_BYTES;
        long kept = output + STRIP_BYTES;
        long bytes = kept + keyDim * 4L;
        MemorySegment memory = Scratch.of(bytes);
        memory.asSlice(0, bytes).fill((byte) 0);
        long first = (((long) s * kvHeads + kv) * keyDim * valueDim + column) * 4;
        if (state.isPresent()) {
            for (int d = 0; d < keyDim; d++) {
                MemorySegment.copy(
                        state.get().data(), first + d * (valueDim * 4L), memory, d * STRIP_BYTES, width * 4L);
            }
        }
        factors(update, 0, 0, keyDim, memory, kept);
        for (int t = rows.start(s); t < rows.start(s) + rows.length(s); t++) {
            long row = (long) t * kvHeads + kv;
            MemorySegment.copy(value.data(), (row * valueDim + column) * 4, memory, input, width * 4L);
            if (update.optionalDecay().isPresent()) {
                factors(update, row, row * keyDim, keyDim, memory, kept);
            }
            long keyAt = row * keyDim * 4;
            if (update.optionalRate().isPresent()) {
                float rate = update.optionalRate().get().data().get(F32, row * 4);
                correct(memory, kept, key.data(), keyAt, keyDim, rate, input);
            } else {
                forget(memory, kept, keyDim);
            }
            for (int h = kv * group; h < (kv + 1) * group; h++) {
                long at = (long) t * heads + h;
                if (h == kv * group) {
                    writeAndRecall(
                            memory, key.data(), keyAt, query.data(), at * keyDim * 4, keyDim, scale, input, output);
                } else {
                    recall(memory, query.data(), at * keyDim * 4, keyDim, scale, output);
                }
                MemorySegment.copy(memory, output, out.data(), (at * valueDim + column) * 4, width * 4L);
            }
        }
        for (int d = 0; d < keyDim; d++) {
            MemorySegment.copy(memory, d * STRIP_BYTES, end.data(), first + d * (valueDim * 4L), width * 4L);
        }
    }

    /// exp(decay) of each row of the state, 1 without decay.
    private static void factors(
            StateUpdate update, long perHead, long each, int keyDim, MemorySegment memory, long kept) {
        Optional<Tensor> decay = update.optionalDecay();
        float factor = 1;
        if (decay.isPresent() && decay.get().rank() == 2 && decay.get().size() > 0) {
            factor = (float) Math.exp(decay.get().data().get(F32, perHead * 4));
        }
        for (int d = 0; d < keyDim; d++) {
            if (decay.isPresent() && decay.get().rank() == 3 && decay.get().size() > 0) {
                factor = (float) Math.exp(decay.get().data().get(F32, (each + d) * 4));
            }
            memory.set(F32, kept + d * 4L, factor);
        }
    }

    private static void forget(MemorySegment memory, long kept, int keyDim) {
        for (int d = 0; d < keyDim; d++) {
            float factor = memory.get(F32, kept + d * 4L);
            for (int v = 0; v < VECTORS && factor != 1; v++) {
                FloatVector.fromMemorySegment(S, memory, d * STRIP_BYTES + v * Lanes.BYTES, ORDER)
                        .mul(factor)
                        .intoMemorySegment(memory, d * STRIP_BYTES + v * Lanes.BYTES, ORDER);
            }
        }
    }

    private static FloatVector scaled(MemorySegment memory, long at, FloatVector factor) {
        FloatVector x = FloatVector.fromMemorySegment(S, memory, at, ORDER).mul(factor);
        x.intoMemorySegment(memory, at, ORDER);
        return x;
    }

    /// memory ← factors·memory; u = rate·(value − memoryᵀ·key), in the value's place.
    private static void correct(
            MemorySegment memory, long kept, MemorySegment key, long keyAt, int keyDim, float rate, long input) {
        FloatVector a = FloatVector.zero(S);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector e = a;
        for (int d = 0; d < keyDim; d++) {
            FloatVector k = FloatVector.broadcast(S, key.get(F32, keyAt + d * 4L));
            FloatVector f = FloatVector.broadcast(S, memory.get(F32, kept + d * 4L));
            long at = d * STRIP_BYTES;
            a = k.fma(scaled(memory, at, f), a);
            b = k.fma(scaled(memory, at + Lanes.BYTES, f), b);
            c = k.fma(scaled(memory, at + 2 * Lanes.BYTES, f), c);
            e = k.fma(scaled(memory, at + 3 * Lanes.BYTES, f), e);
        }
        difference(memory, input, a, rate);
        difference(memory, input + Lanes.BYTES, b, rate);
        difference(memory, input + 2 * Lanes.BYTES, c, rate);
        difference(memory, input + 3 * Lanes.BYTES, e, rate);
    }

    private static void difference(MemorySegment memory, long at, FloatVector recalled, float rate) {
        FloatVector.fromMemorySegment(S, memory, at, ORDER)
                .sub(recalled)
                .mul(rate)
                .intoMemorySegment(memory, at, ORDER);
    }

    /// memory += key ⊗ u, then scale·memoryᵀ·query.
    private static void writeAndRecall(
            MemorySegment memory,
            MemorySegment key,
            long keyAt,
            MemorySegment query,
            long queryAt,
            int keyDim,
            float scale,
            long input,
            long output) {
        FloatVector u0 = FloatVector.fromMemorySegment(S, memory, input, ORDER);
        FloatVector u1 = FloatVector.fromMemorySegment(S, memory, input + Lanes.BYTES, ORDER);
        FloatVector u2 = FloatVector.fromMemorySegment(S, memory, input + 2 * Lanes.BYTES, ORDER);
        FloatVector u3 = FloatVector.fromMemorySegment(S, memory, input + 3 * Lanes.BYTES, ORDER);
        FloatVector a = FloatVector.zero(S);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector e = a;
        for (int d = 0; d < keyDim; d++) {
            FloatVector k = FloatVector.broadcast(S, key.get(F32, keyAt + d * 4L));
            FloatVector q = FloatVector.broadcast(S, query.get(F32, queryAt + d * 4L));
            long at = d * STRIP_BYTES;
            a = q.fma(added(memory, at, k, u0), a);
            b = q.fma(added(memory, at + Lanes.BYTES, k, u1), b);
            c = q.fma(added(memory, at + 2 * Lanes.BYTES, k, u2), c);
            e = q.fma(added(memory, at + 3 * Lanes.BYTES, k, u3), e);
        }
        a.mul(scale).intoMemorySegment(memory, output, ORDER);
        b.mul(scale).intoMemorySegment(memory, output + Lanes.BYTES, ORDER);
        c.mul(scale).intoMemorySegment(memory, output + 2 * Lanes.BYTES, ORDER);
        e.mul(scale).intoMemorySegment(memory, output + 3 * Lanes.BYTES, ORDER);
    }

    private static FloatVector added(MemorySegment memory, long at, FloatVector k, FloatVector u) {
        FloatVector x = k.fma(u, FloatVector.fromMemorySegment(S, memory, at, ORDER));
        x.intoMemorySegment(memory, at, ORDER);
        return x;
    }

    /// scale·memoryᵀ·query
    private static void recall(
            MemorySegment memory, MemorySegment query, long queryAt, int keyDim, float scale, long output) {
        FloatVector a = FloatVector.zero(S);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector e = a;
        for (int d = 0; d < keyDim; d++) {
            FloatVector q = FloatVector.broadcast(S, query.get(F32, queryAt + d * 4L));
            long at = d * STRIP_BYTES;
            a = q.fma(FloatVector.fromMemorySegment(S, memory, at, ORDER), a);
            b = q.fma(FloatVector.fromMemorySegment(S, memory, at + Lanes.BYTES, ORDER), b);
            c = q.fma(FloatVector.fromMemorySegment(S, memory, at + 2 * Lanes.BYTES, ORDER), c);
            e = q.fma(FloatVector.fromMemorySegment(S, memory, at + 3 * Lanes.BYTES, ORDER), e);
        }
        a.mul(scale).intoMemorySegment(memory, output, ORDER);
        b.mul(scale).intoMemorySegment(memory, output + Lanes.BYTES, ORDER);
        c.mul(scale).intoMemorySegment(memory, output + 2 * Lanes.BYTES, ORDER);
        e.mul(scale).intoMemorySegment(memory, output + 3 * Lanes.BYTES, ORDER);
    }
}
