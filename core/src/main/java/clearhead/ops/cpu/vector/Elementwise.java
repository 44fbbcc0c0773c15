package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Sums and multiples, element by element.
final class Elementwise {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    /// Elements in a task; fewer are not worth waking a thread for.
    static final int TASK = 16 << 10;

    private Elementwise() {}

    /// A stretch of elements, `from` (inclusive) to `to` (exclusive).
    interface Stretch {
        void run(long from, long to);
    }

    /// Cuts `size` elements into tasks of a fixed size.
    static void split(Workers workers, long size, Stretch body) {
        workers.run(Math.toIntExact(Math.ceilDiv(size, TASK)), task -> {
            long from = (long) task * TASK;
            body.run(from, Math.min(size, from + TASK));
        });
    }

    static Tensor add(Workspace workspace, Workers workers, Tensor a, Tensor b) {
        Tensor out = workspace.take(a.type(), a.shape());
        split(workers, a.size(), (from, to) -> sum(a.data(), b.data(), out.data(), from, to));
        return out;
    }

    /// into += d.
    static void accumulate(Workers workers, Tensor d, Tensor into) {
        split(workers, d.size(), (from, to) -> sum(into.data(), d.data(), into.data(), from, to));
    }

    private static void sum(MemorySegment a, MemorySegment b, MemorySegment out, long from, long to) {
        long end = to * 4;
        long at = from * 4;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, a, at, ORDER)
                    .add(FloatVector.fromMemorySegment(S, b, at, ORDER))
                    .intoMemorySegment(out, at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
            FloatVector.fromMemorySegment(S, a, at, ORDER, m)
                    .add(FloatVector.fromMemorySegment(S, b, at, ORDER, m))
                    .intoMemorySegment(out, at, ORDER, m);
        }
    }

    /// a·b, b like a or one row of it.
    static Tensor multiply(Workspace workspace, Workers workers, Tensor a, Tensor b) {
        Tensor out = workspace.take(a.type(), a.shape());
        if (b.size() == a.size()) {
            split(workers, a.size(), (from, to) -> product(a.data(), b.data(), 0, out.data(), from, to));
            return out;
        }
        int dim = b.dim(0);
        Rows.split(workers, Math.toIntExact(a.size() / dim), dim, (from, to) -> {
            for (long row = from; row < to; row++) {
                product(a.data(), b.data(), -row * dim, out.data(), row * dim, (row + 1) * dim);
            }
        });
        return out;
    }

    /// @param shift of b's elements against a's
    private static void product(MemorySegment a, MemorySegment b, long shift, MemorySegment out, long from, long to) {
        long end = to * 4;
        long at = from * 4;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, a, at, ORDER)
                    .mul(FloatVector.fromMemorySegment(S, b, at + shift * 4, ORDER))
                    .intoMemorySegment(out, at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
            FloatVector.fromMemorySegment(S, a, at, ORDER, m)
                    .mul(FloatVector.fromMemorySegment(S, b, at + shift * 4, ORDER, m))
                    .intoMemorySegment(out, at, ORDER, m);
        }
    }

    static Tensor scale(Workspace workspace, Workers workers, Tensor x, double factor) {
        Tensor out = workspace.take(x.type(), x.shape());
        float f = (float) factor;
        split(workers, x.size(), (from, to) -> times(x.data(), f, out.data(), from, to));
        return out;
    }

    private static void times(MemorySegment x, float factor, MemorySegment out, long from, long to) {
        long end = to * 4;
        long at = from * 4;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, x, at, ORDER).mul(factor).intoMemorySegment(out, at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
            FloatVector.fromMemorySegment(S, x, at, ORDER, m).mul(factor).intoMemorySegment(out, at, ORDER, m);
        }
    }

    static Tensor zerosLike(Workspace workspace, Workers workers, Tensor t) {
        Tensor out = workspace.take(t.type(), t.shape());
        split(workers, out.size(), (from, to) -> {
            long size = t.type().bytes(1);
            out.data().asSlice(from * size, (to - from) * size).fill((byte) 0);
        });
        return out;
    }
}
