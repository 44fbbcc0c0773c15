package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Layer and root-mean-square norms over rows of [tokens, dim], and their adjoints.
///
/// With x̂ the normalised row, g = dOut·weight and 1/σ the factor of the row:
/// dX = (g − mean(g) − x̂·mean(g·x̂))/σ, where the root-mean-square norm has no mean(g). Gradients of
/// weight and bias are summed task by task and then over the tasks in order; tasks are cut by shape.
final class Norms {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Norms() {}

    static Tensor layerNorm(Workspace workspace, Workers workers, Tensor x, Tensor weight, Tensor bias, double eps) {
        int dim = x.dim(1);
        Tensor out = workspace.take(DType.F32, x.shape());
        long mark = workspace.mark();
        MemorySegment w = Expand.all(workspace, weight);
        MemorySegment b = Expand.all(workspace, bias);
        Rows.split(workers, x.dim(0), dim, (from, to) -> {
            for (int i = from; i < to; i++) {
                long row = i * (dim * 4L);
                float mean = mean(x.data(), row, dim);
                float factor = factor(squares(x.data(), row, dim, mean), dim, eps);
                shiftedRow(x.data(), row, dim, mean, factor, w, b, out.data());
            }
        });
        workspace.release(mark);
        return out;
    }

    static Tensor rmsNorm(Workspace workspace, Workers workers, Tensor x, Tensor weight, double eps) {
        int dim = x.dim(1);
        Tensor out = workspace.take(DType.F32, x.shape());
        long mark = workspace.mark();
        MemorySegment w = Expand.all(workspace, weight);
        Rows.split(workers, x.dim(0), dim, (from, to) -> {
            for (int i = from; i < to; i++) {
                long row = i * (dim * 4L);
                float factor = factor(squares(x.data(), row, dim, 0), dim, eps);
                scaledRow(x.data(), row, dim, factor, w, out.data());
            }
        });
        workspace.release(mark);
        return out;
    }

    private static float mean(MemorySegment x, long row, int dim) {
        FloatVector s = FloatVector.zero(S);
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            if (j <= dim - Lanes.COUNT) {
                s = s.add(FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER));
            } else {
                VectorMask<Float> in = S.indexInRange(j, dim);
                s = s.add(FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER, in));
            }
        }
        return Lanes.sum(s) / dim;
    }

    /// Σ (x − mean)²
    private static float squares(MemorySegment x, long row, int dim, float mean) {
        FloatVector s = FloatVector.zero(S);
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            if (j <= dim - Lanes.COUNT) {
                FloatVector c =
                        FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER).sub(mean);
                s = c.fma(c, s);
            } else {
                VectorMask<Float> in = S.indexInRange(j, dim);
                FloatVector c = FloatVector.fromMemorySegment(S, x, row + j * 4L, ORDER, in)
                        .sub(FloatVector.broadcast(S, mean), in);
                s = c.fma(c, s);
            }
        }
        return Lanes.sum(s);
    }

    /// 1/√(squares/dim + eps)
    private static float factor(float squares, int dim, double eps) {
        return (float) (1 / Math.sqrt((double) squares / dim + eps));
    }

    private static void shiftedRow(
            MemorySegment x,
            long row,
            int dim,
            float mean,
            float factor,
            MemorySegment w,
            MemorySegment b,
            MemorySegment out) {
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            long at = row + j * 4L;
            if (j <= dim - Lanes.COUNT) {
                FloatVector.fromMemorySegment(S, x, at, ORDER)
                        .sub(mean)
                        .mul(factor)
                        .fma(
                                FloatVector.fromMemorySegment(S, w, j * 4L, ORDER),
                                FloatVector.fromMemorySegment(S, b, j * 4L, ORDER))
                        .intoMemorySegment(out, at, ORDER);
            } else {
                VectorMask<Float> in = S.indexInRange(j, dim);
                FloatVector.fromMemorySegment(S, x, at, ORDER, in)
                        .sub(mean)
                        .mul(factor)
                        .fma(
                                FloatVector.fromMemorySegment(S, w, j * 4L, ORDER, in),
                                FloatVector.fromMemorySegment(S, b, j * 4L, ORDER, in))
                        .intoMemorySegment(out, at, ORDER, in);
            }
        }
    }

    private static void scaledRow(
            MemorySegment x, long row, int dim, float factor, MemorySegment w, MemorySegment out) {
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            long at = row + j * 4L;
            if (j <= dim - Lanes.COUNT) {
                FloatVector.fromMemorySegment(S, x, at, ORDER)
                        .mul(factor)
                        .mul(FloatVector.fromMemorySegment(S, w, j * 4L, ORDER))
                        .intoMemorySegment(out, at, ORDER);
            } else {
                VectorMask<Float> in = S.indexInRange(j, dim);
                FloatVector.fromMemorySegment(S, x, at, ORDER, in)
                        .mul(factor)
                        .mul(FloatVector.fromMemorySegment(S, w, j * 4L, ORDER, in))
                        .intoMemorySegment(out, at, ORDER, in);
            }
        }
    }

    static Tensor layerNormAdjoint(
            Workspace workspace,
            Workers workers,
            Tensor x,
            Tensor weight,
            double eps,
            Tensor dOut,
            Tensor intoWeight,
            Tensor intoBias) {
        int dim = x.dim(1);
        Tensor dX = workspace.take(DType.F32, x.shape());
        long mark = workspace.mark();
        MemorySegment w = Expand.all(workspace, weight);
        int rows = x.dim(0);
        int step = Rows.perTask(dim);
        int tasks = Math.ceilDiv(rows, step);
        long bytes = dim * 4L;
        MemorySegment partial = workspace.takeBytes(Math.max(1, 2 * tasks * bytes));
        workers.run(tasks, task -> {
            long dW = 2 * task * bytes;
            long dB = dW + bytes;
            partial.asSlice(dW, 2 * bytes).fill((byte) 0);
            for (int i = task * step; i < Math.min(rows, (task + 1) * step); i++) {
                long row = i * bytes;
                float mean = mean(x.data(), row, dim);
                float factor = factor(squares(x.data(), row, dim, mean), dim, eps);
                addTo(dOut.data(), row, dim, partial, dB);
                float meanG = dot(dOut.data(), row, w, dim) / dim;
                float meanGx = weightRow(x.data(), dOut.data(), row, dim, mean, factor, w, partial, dW) / dim;
                inputRow(x.data(), dOut.data(), row, dim, mean, factor, w, meanG, meanGx, dX.data());
            }
        });
        for (int t = 0; t < tasks; t++) {
            addTo(partial, 2 * t * bytes, dim, intoWeight.data(), 0);
            addTo(partial, (2 * t + 1) * bytes, dim, intoBias.data(), 0);
        }
        workspace.release(mark);
        return dX;
    }

    static Tensor rmsNormAdjoint(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        int dim = x.dim(1);
        Tensor dX = workspace.take(DType.F32, x.shape());
        long mark = workspace.mark();
        MemorySegment w = Expand.all(workspace, weight);
        int rows = x.dim(0);
        int step = Rows.perTask(dim);
        int tasks = Math.ceilDiv(rows, step);
        long bytes = dim * 4L;
        MemorySegment partial = workspace.takeBytes(Math.max(1, tasks * bytes));
        workers.run(tasks, task -> {
            long dW = task * bytes;
            partial.asSlice(dW, bytes).fill((byte) 0);
            for (int i = task * step; i < Math.min(rows, (task + 1) * step); i++) {
                long row = i * bytes;
                float factor = factor(squares(x.data(), row, dim, 0), dim, eps);
                float meanGx = weightRow(x.data(), dOut.data(), row, dim, 0, factor, w, partial, dW) / dim;
                inputRow(x.data(), dOut.data(), row, dim, 0, factor, w, 0, meanGx, dX.data());
            }
        });
        for (int t = 0; t < tasks; t++) {
            addTo(partial, t * bytes, dim, intoWeight.data(), 0);
        }
        workspace.release(mark);
        return dX;
    }

    /// Σ a·b
    private static float dot(MemorySegment a, long row, MemorySegment b, int dim) {
        FloatVector s = FloatVector.zero(S);
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, dim);
            s = FloatVector.fromMemorySegment(S, a, row + j * 4L, ORDER, in)
                    .fma(FloatVector.fromMemorySegment(S, b, j * 4L, ORDER, in), s);
        }
        return Lanes.sum(s);
    }

    private static void addTo(MemorySegment d, long row, int dim, MemorySegment into, long at) {
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, dim);
            FloatVector.fromMemorySegment(S, into, at + j * 4L, ORDER, in)
                    .add(FloatVector.fromMemorySegment(S, d, row + j * 4L, ORDER, in))
                    .intoMemorySegment(into, at + j * 4L, ORDER, in);
        }
    }

    /// dW += dOut·x̂; returns Σ dOut·w·x̂.
    private static float weightRow(
            MemorySegment x,
            MemorySegment dOut,
            long row,
            int dim,
            float mean,
            float factor,
            MemorySegment w,
            MemorySegment partial,
            long dW) {
        FloatVector s = FloatVector.zero(S);
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, dim);
            long at = row + j * 4L;
            FloatVector dx = FloatVector.fromMemorySegment(S, x, at, ORDER, in)
                    .sub(mean)
                    .mul(factor)
                    .mul(FloatVector.fromMemorySegment(S, dOut, at, ORDER, in));
            dx.add(FloatVector.fromMemorySegment(S, partial, dW + j * 4L, ORDER, in))
                    .intoMemorySegment(partial, dW + j * 4L, ORDER, in);
            s = dx.fma(FloatVector.fromMemorySegment(S, w, j * 4L, ORDER, in), s);
        }
        return Lanes.sum(s);
    }

    /// dX = (g − mean(g) − x̂·mean(g·x̂))·factor
    private static void inputRow(
            MemorySegment x,
            MemorySegment dOut,
            long row,
            int dim,
            float mean,
            float factor,
            MemorySegment w,
            float meanG,
            float meanGx,
            MemorySegment dX) {
        for (int j = 0; j < dim; j += Lanes.COUNT) {
            VectorMask<Float> in = S.indexInRange(j, dim);
            long at = row + j * 4L;
            FloatVector normed =
                    FloatVector.fromMemorySegment(S, x, at, ORDER, in).sub(mean).mul(factor);
            FloatVector g = FloatVector.fromMemorySegment(S, dOut, at, ORDER, in)
                    .mul(FloatVector.fromMemorySegment(S, w, j * 4L, ORDER, in))
                    .sub(meanG);
            normed.fma(FloatVector.broadcast(S, -meanGx), g).mul(factor).intoMemorySegment(dX, at, ORDER, in);
        }
    }
}
