package clearhead.ops.cpu.vector;

import clearhead.ops.Adjoints;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Rows of tables, there and back, and sums over rows.
final class Rows {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private Rows() {}

    /// A stretch of rows, `from` (inclusive) to `to` (exclusive).
    interface Stretch {
        void run(int from, int to);
    }

    /// Rows of a task, when rows are cut into tasks of a fixed size.
    static int perTask(int cols) {
        return Math.max(1, Elementwise.TASK / Math.max(1, cols));
    }

    /// Cuts rows into tasks.
    static void split(Workers workers, int rows, int cols, Stretch body) {
        int step = perTask(cols);
        workers.run(Math.ceilDiv(rows, step), task -> body.run(task * step, Math.min(rows, (task + 1) * step)));
    }

    /// @param table [vocab, dim], any real type
    /// @param ids I32 [tokens]
    /// @return [tokens, dim]
    static Tensor embed(Workspace workspace, Workers workers, Tensor table, Tensor ids) {
        int tokens = ids.dim(0);
        int dim = table.dim(1);
        Tensor out = workspace.take(DType.F32, tokens, dim);
        if (table.layout() == Layout.PANELS) {
            for (int i = 0; i < tokens; i++) {
                PackedWeights.row(table, ids.intAt(i), out.rows(i, i + 1).data());
            }
            return out;
        }
        for (int i = 0; i < tokens; i++) {
            Expand.floats(table, (long) ids.intAt(i) * dim, dim, out.data(), i * (dim * 4L));
        }
        return out;
    }

    /// Adds row after row, in token order for every row of the table.
    ///
    /// @param ids I32 [tokens]
    /// @param dOut [tokens, dim]
    /// @param intoTable [vocab, dim]
    static void embedAdjoint(Tensor ids, Tensor dOut, Tensor intoTable) {
        addRows(ids, dOut, intoTable);
    }

    private static void addRows(Tensor rows, Tensor d, Tensor into) {
        int dim = d.dim(1);
        long bytes = dim * 4L;
        for (int i = 0; i < d.dim(0); i++) {
            addRow(d.data(), i * bytes, into.data(), rows.intAt(i) * bytes, dim);
        }
    }

    private static void addRow(MemorySegment d, long dAt, MemorySegment into, long intoAt, int count) {
        long end = count * 4L;
        long at = 0;
        for (; at <= end - Lanes.BYTES; at += Lanes.BYTES) {
            FloatVector.fromMemorySegment(S, into, intoAt + at, ORDER)
                    .add(FloatVector.fromMemorySegment(S, d, dAt + at, ORDER))
                    .intoMemorySegment(into, intoAt + at, ORDER);
        }
        if (at < end) {
            VectorMask<Float> m = S.indexInRange(0, (int) (end - at) / 4);
            FloatVector.fromMemorySegment(S, into, intoAt + at, ORDER, m)
                    .add(FloatVector.fromMemorySegment(S, d, dAt + at, ORDER, m))
                    .intoMemorySegment(into, intoAt + at, ORDER, m);
        }
    }

    /// @param x [tokens, dim]
    /// @param rows I32 [count]
    /// @return [count, dim]
    static Tensor select(Workspace workspace, Workers workers, Tensor x, Tensor rows) {
        int count = rows.dim(0);
        long bytes = x.dim(1) * 4L;
        Tensor out = workspace.take(DType.F32, count, x.dim(1));
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(x.data(), rows.intAt(i) * bytes, out.data(), i * bytes, bytes);
        }
        return out;
    }

    /// @param dOut [count, dim]
    /// @return [tokens, dim]
    static Tensor selectAdjoint(Workspace workspace, Tensor rows, Tensor dOut, int tokens) {
        Tensor dX = workspace.take(DType.F32, tokens, dOut.dim(1));
        dX.data().fill((byte) 0);
        addRows(rows, dOut, dX);
        return dX;
    }

    /// into [cols] += Σ over the rows of d [rows, cols], in their order.
    static void sumInto(Workers workers, MemorySegment d, int rows, int cols, MemorySegment into) {
        int width = Math.clamp(Elementwise.TASK / Math.max(1, rows) / 64 * 64, 64, 4096);
        workers.run(Math.ceilDiv(cols, width), task -> {
            int from = task * width;
            sumColumns(d, rows, cols * 4L, from * 4L, Math.min(width, cols - from), into);
        });
    }

    private static void sumColumns(MemorySegment d, int rows, long stride, long first, int count, MemorySegment into) {
        for (int j = 0; j < count; j += Lanes.COUNT) {
            VectorMask<Float> m = S.indexInRange(j, count);
            long at = first + j * 4L;
            FloatVector sum = FloatVector.zero(S);
            for (int i = 0; i < rows; i++) {
                sum = sum.add(FloatVector.fromMemorySegment(S, d, at + i * stride, ORDER, m));
            }
            sum.add(FloatVector.fromMemorySegment(S, into, at, ORDER, m)).intoMemorySegment(into, at, ORDER, m);
        }
    }

    /// @param left [tokens, m]
    /// @param right [tokens, n]
    /// @return [tokens, m + n]
    static Tensor join(Workspace workspace, Workers workers, Tensor left, Tensor right) {
        Tensor out = workspace.take(DType.F32, left.dim(0), left.dim(1) + right.dim(1));
        long m = left.dim(1) * 4L;
        long n = right.dim(1) * 4L;
        split(workers, left.dim(0), out.dim(1), (from, to) -> {
            for (int i = from; i < to; i++) {
                MemorySegment.copy(left.data(), i * m, out.data(), i * (m + n), m);
                MemorySegment.copy(right.data(), i * n, out.data(), i * (m + n) + m, n);
            }
        });
        return out;
    }

    /// @param dOut [tokens, m + n]
    static Adjoints.Joined split(Workspace workspace, Workers workers, Tensor dOut, int left) {
        Tensor dLeft = workspace.take(DType.F32, dOut.dim(0), left);
        Tensor dRight = workspace.take(DType.F32, dOut.dim(0), dOut.dim(1) - left);
        long m = dLeft.dim(1) * 4L;
        long n = dRight.dim(1) * 4L;
        split(workers, dOut.dim(0), dOut.dim(1), (from, to) -> {
            for (int i = from; i < to; i++) {
                MemorySegment.copy(dOut.data(), i * (m + n), dLeft.data(), i * m, m);
                MemorySegment.copy(dOut.data(), i * (m + n) + m, dRight.data(), i * n, n);
            }
        });
        return new Adjoints.Joined(dLeft, dRight);
    }
}
