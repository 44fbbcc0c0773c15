package clearhead.ops.cpu.reference;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Rows of tensors as double arrays: the only way in which the reference touches memory.
final class Rows {
    private Rows() {}

    /// Number of rows of `width` elements.
    static long count(Tensor t, int width) {
        return width == 0 ? 0 : t.size() / width;
    }

    /// Row `row` of a tensor whose rows have `width` elements, quantized and half types expanded.
    static double[] read(Tensor t, long row, int width) {
        var values = new double[width];
        long start = row * width;
        if (t.type().isQuantized()) {
            var floats = new float[width];
            t.floats(start, width, floats, 0);
            for (int i = 0; i < width; i++) {
                values[i] = floats[i];
            }
            return values;
        }
        for (int i = 0; i < width; i++) {
            values[i] = t.at(start + i);
        }
        return values;
    }

    /// All rows, [rows][width].
    static double[][] readAll(Tensor t, int width) {
        var rows = new double[Math.toIntExact(count(t, width))][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = read(t, row, width);
        }
        return rows;
    }

    /// Stores a row, rounded once to the element type.
    static void write(Tensor t, long row, double[] values) {
        long start = row * values.length;
        for (int i = 0; i < values.length; i++) {
            t.set(start + i, values[i]);
        }
    }

    /// Adds to a row. The accumulator is rounded once for each call.
    static void add(Tensor t, long row, double[] values) {
        long start = row * values.length;
        for (int i = 0; i < values.length; i++) {
            t.set(start + i, t.at(start + i) + values[i]);
        }
    }

    /// Σ a·b in index order.
    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    static Tensor zeros(Workspace workspace, DType type, int... dims) {
        Tensor t = workspace.take(type, dims);
        t.data().fill((byte) 0);
        return t;
    }
}
