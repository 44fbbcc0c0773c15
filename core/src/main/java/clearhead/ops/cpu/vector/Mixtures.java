package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Weighted sums of rows of several matrices, as experts leave them, and bounds.
final class Mixtures {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Mixtures() {}

    /// Rows of several matrices, counted through.
    private record Stack(List<Tensor> parts, int[] starts) {
        static Stack of(List<Tensor> parts) {
            var starts = new int[parts.size()];
            for (int p = 1; p < starts.length; p++) {
                starts[p] = starts[p - 1] + parts.get(p - 1).dim(0);
            }
            return new Stack(parts, starts);
        }

        int partOf(int row) {
            int part = starts.length - 1;
            while (starts[part] > row) {
                part--;
            }
            return part;
        }

        MemorySegment data(int part) {
            return parts.get(part).data();
        }
    }

    /// @param parts each [n, dim]
    /// @param rows I32 [tokens, chosen]
    /// @param weights [tokens, chosen]
    /// @return [tokens, dim]
    static Tensor combine(Workspace workspace, Workers workers, List<Tensor> parts, Tensor rows, Tensor weights) {
        int chosen = weights.dim(1);
        int dim = parts.getFirst().dim(1);
        Tensor out = workspace.take(DType.F32, weights.dim(0), dim);
        out.data().fill((byte) 0);
        var stack = Stack.of(parts);
        Rows.split(workers, weights.dim(0), dim * chosen, (from, to) -> {
            for (int t = from; t < to; t++) {
                for (int j = 0; j < chosen; j++) {
                    int row = rows.intAt((long) t * chosen + j);
                    int part = stack.partOf(row);
                    float weight = (float) weights.at((long) t * chosen + j);
                    addScaled(stack.data(part), row - stack.starts[part], weight, out.data(), t, dim);
                }
            }
        });
        return out;
    }

    /// into[intoRow] += weight·from[row]
    private static void addScaled(MemorySegment from, int row, float weight, MemorySegment into, int intoRow, int dim) {
        long x = row * (dim * 4L);
        long y = intoRow * (dim * 4L);
        for (int i = 0; i < dim; i += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(i, dim);
            long at = i * 4L;
            FloatVector.fromMemorySegment(S, from, x + at, ORDER, m)
                    .fma(FloatVector.broadcast(S, weight), FloatVector.fromMemorySegment(S, into, y + at, ORDER, m))
                    .intoMemorySegment(into, y + at, ORDER, m);
        }
    }

    /// @param dOut [tokens, dim]
    static Adjoints.Combined combineAdjoint(
            Workspace workspace, List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        int chosen = weights.dim(1);
        int dim = dOut.dim(1);
        Tensor dWeights = workspace.take(DType.F32, weights.dim(0), chosen);
        var dParts = new ArrayList<Tensor>();
        for (Tensor part : parts) {
            Tensor d = workspace.take(DType.F32, part.dim(0), dim);
            d.data().fill((byte) 0);
            dParts.add(d);
        }
        var stack = Stack.of(parts);
        for (int t = 0; t < weights.dim(0); t++) {
            for (int j = 0; j < chosen; j++) {
                long at = (long) t * chosen + j;
                int part = stack.partOf(rows.intAt(at));
                int row = rows.intAt(at) - stack.starts[part];
                dWeights.set(at, dot(stack.data(part), row, dOut.data(), t, dim));
                addScaled(
                        dOut.data(), t, (float) weights.at(at), dParts.get(part).data(), row, dim);
            }
        }
        return new Adjoints.Combined(dParts, dWeights);
    }

    private static float dot(MemorySegment a, int row, MemorySegment b, int other, int dim) {
        long x = row * (dim * 4L);
        long y = other * (dim * 4L);
        FloatVector sum = FloatVector.zero(S);
        for (int i = 0; i < dim; i += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(i, dim);
            long at = i * 4L;
            sum = FloatVector.fromMemorySegment(S, a, x + at, ORDER, m)
                    .fma(FloatVector.fromMemorySegment(S, b, y + at, ORDER, m), sum);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    static Tensor clamp(Workspace workspace, Workers workers, Tensor x, double low, double high) {
        Tensor out = workspace.take(DType.F32, x.shape());
        Elementwise.split(workers, x.size(), (from, to) -> {
            for (long i = from; i < to; i += Lanes.COUNT) {
                VectorMask<Float> m = S.indexInRange(0, (int) Math.min(Lanes.COUNT, to - i));
                FloatVector.fromMemorySegment(S, x.data(), i * 4, ORDER, m)
                        .max((float) low)
                        .min((float) high)
                        .intoMemorySegment(out.data(), i * 4, ORDER, m);
            }
        });
        return out;
    }

    static Tensor clampAdjoint(Workspace workspace, Workers workers, Tensor x, double low, double high, Tensor dOut) {
        Tensor dX = workspace.take(DType.F32, x.shape());
        Elementwise.split(workers, x.size(), (from, to) -> {
            for (long i = from; i < to; i += Lanes.COUNT) {
                VectorMask<Float> m = S.indexInRange(0, (int) Math.min(Lanes.COUNT, to - i));
                FloatVector v = FloatVector.fromMemorySegment(S, x.data(), i * 4, ORDER, m);
                VectorMask<Float> inside =
                        v.compare(VectorOperators.GE, (float) low).and(v.compare(VectorOperators.LE, (float) high));
                FloatVector.zero(S)
                        .blend(FloatVector.fromMemorySegment(S, dOut.data(), i * 4, ORDER, m), inside)
                        .intoMemorySegment(dX.data(), i * 4, ORDER, m);
            }
        });
        return dX;
    }
}
