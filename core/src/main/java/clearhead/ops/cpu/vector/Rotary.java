package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Checks;
import clearhead.ops.Pairing;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// Rotary position embedding: (a, b) → (a·cos − b·sin, b·cos + a·sin) for each pair of a head's
/// first 2·pairs elements. Su et al. 2021, arXiv:2104.09864, eq. 34. The adjoint turns back.
final class Rotary {
    /// Tokens of one task.
    private static final int TOKENS = 16;

    /// Lanes 0 0 1 1 … of the first and of the second half of a vector.
    private static final VectorShuffle<Float> FIRST = VectorShuffle.fromOp(FLOATS, lane -> lane / 2);

    private static final VectorShuffle<Float> SECOND = VectorShuffle.fromOp(FLOATS, lane -> (COUNT + lane) / 2);

    /// The other element of each lane's pair.
    private static final VectorShuffle<Float> PARTNER = VectorShuffle.fromOp(FLOATS, lane -> lane ^ 1);

    private static final VectorMask<Float> EVEN = VectorMask.fromLong(FLOATS, 0x5555_5555_5555_5555L);

    private Rotary() {}

    static Tensor rope(
            Workspace workspace, Workers workers, Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return turn(workspace, workers, x, cos, sin, positions, pairing, 1);
    }

    static Tensor adjoint(
            Workspace workspace,
            Workers workers,
            Tensor dOut,
            Tensor cos,
            Tensor sin,
            Tensor positions,
            Pairing pairing) {
        return turn(workspace, workers, dOut, cos, sin, positions, pairing, -1);
    }

    /// @param direction 1, or −1 to turn back
    private static Tensor turn(
            Workspace workspace,
            Workers workers,
            Tensor x,
            Tensor cos,
            Tensor sin,
            Tensor positions,
            Pairing pairing,
            float direction) {
        Checks.rope(x, cos, sin, positions);
        Tensor y = workspace.take(DType.F32, x.shape());
        int tokens = x.dim(0);
        int heads = x.dim(1);
        int headDim = x.dim(2);
        int pairs = cos.dim(1);
        workers.run(Math.ceilDiv(tokens, TOKENS), task -> {
            int end = Math.min(tokens, (task + 1) * TOKENS);
            for (int token = task * TOKENS; token < end; token++) {
                long table = (long) positions.intAt(token) * pairs * 4;
                for (int head = 0; head < heads; head++) {
                    long row = ((long) token * heads + head) * headDim * 4;
                    switch (pairing) {
                        case HALVES -> halves(x.data(), y.data(), row, cos.data(), sin.data(), table, pairs, direction);
                        case INTERLEAVED ->
                            interleaved(x.data(), y.data(), row, cos.data(), sin.data(), table, pairs, direction);
                    }
                    for (int i = 2 * pairs; i < headDim; i++) {
                        y.data().set(F32, row + i * 4L, x.data().get(F32, row + i * 4L));
                    }
                }
            }
        });
        return y;
    }

    private static void halves(
            MemorySegment x,
            MemorySegment y,
            long first,
            MemorySegment cos,
            MemorySegment sin,
            long table,
            int pairs,
            float direction) {
        long second = first + pairs * 4L;
        int i = 0;
        for (; i + COUNT <= pairs; i += COUNT) {
            long at = i * 4L;
            var c = FloatVector.fromMemorySegment(FLOATS, cos, table + at, ORDER);
            var s = FloatVector.fromMemorySegment(FLOATS, sin, table + at, ORDER)
                    .mul(direction);
            var a = FloatVector.fromMemorySegment(FLOATS, x, first + at, ORDER);
            var b = FloatVector.fromMemorySegment(FLOATS, x, second + at, ORDER);
            a.fma(c, b.mul(s).neg()).intoMemorySegment(y, first + at, ORDER);
            b.fma(c, a.mul(s)).intoMemorySegment(y, second + at, ORDER);
        }
        for (; i < pairs; i++) {
            long at = i * 4L;
            pair(x, y, first + at, second + at, cos, sin, table + at, direction);
        }
    }

    private static void interleaved(
            MemorySegment x,
            MemorySegment y,
            long row,
            MemorySegment cos,
            MemorySegment sin,
            long table,
            int pairs,
            float direction) {
        int i = 0;
        for (; i + COUNT <= pairs; i += COUNT) {
            var c = FloatVector.fromMemorySegment(FLOATS, cos, table + i * 4L, ORDER);
            var s = FloatVector.fromMemorySegment(FLOATS, sin, table + i * 4L, ORDER)
                    .mul(direction);
            long at = row + i * 8L;
            neighbours(x, y, at, c.rearrange(FIRST), s.rearrange(FIRST));
            neighbours(x, y, at + COUNT * 4L, c.rearrange(SECOND), s.rearrange(SECOND));
        }
        for (; i < pairs; i++) {
            long at = row + i * 8L;
            pair(x, y, at, at + 4, cos, sin, table + i * 4L, direction);
        }
    }

    /// Pairs that lie side by side: half as many as lanes.
    ///
    /// @param c cosine of each lane's pair
    private static void neighbours(MemorySegment x, MemorySegment y, long at, FloatVector c, FloatVector s) {
        var v = FloatVector.fromMemorySegment(FLOATS, x, at, ORDER);
        var crossed = v.rearrange(PARTNER).mul(s); // b·s in even lanes, a·s in odd ones
        v.fma(c, crossed.lanewise(VectorOperators.NEG, EVEN)).intoMemorySegment(y, at, ORDER);
    }

    private static void pair(
            MemorySegment x,
            MemorySegment y,
            long first,
            long second,
            MemorySegment cos,
            MemorySegment sin,
            long table,
            float direction) {
        float c = cos.get(F32, table);
        float s = sin.get(F32, table) * direction;
        float a = x.get(F32, first);
        float b = x.get(F32, second);
        y.set(F32, first, Math.fma(a, c, -(b * s)));
        y.set(F32, second, Math.fma(b, c, a * s));
    }
}
