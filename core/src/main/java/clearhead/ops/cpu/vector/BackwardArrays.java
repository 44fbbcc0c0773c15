package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileArrays.PANEL;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// One thread's tiles for the gradient of attention, kept from call to call, and the ways into and
/// out of them. Rows are padded with zeros to whole panels of 16 columns, and a panel more lies
/// between rows, so that rows of a power of two do not fall on the same lines of the cache.
final class BackwardArrays {
    private static final ThreadLocal<BackwardArrays> OF_THREAD = ThreadLocal.withInitial(BackwardArrays::new);

    /// [SIDE, width] rows of queries and dOut, and the same in panels.
    float[] query = new float[0];

    float[] queryPanels = query;
    float[] dOut = query;
    float[] dOutPanels = query;

    /// [SIDE, width] sums of one block of queries.
    float[] dQuery = query;

    /// Of each block of a range of keys: keys in panels, keys and values transposed in panels, sums.
    float[] keyPanels = query;

    float[] keyTransposed = query;
    float[] valueTransposed = query;
    float[] dKey = query;
    float[] dValue = query;

    /// [SIDE, SIDE] weights (first scores) and gradients of products (first of weights).
    final float[] weights = new float[SIDE * SIDE];

    final float[] dScores = new float[SIDE * SIDE];

    private BackwardArrays() {}

    /// Columns of a row with its padding.
    static int width(int dim) {
        return (dim + PANEL - 1) / PANEL * PANEL;
    }

    /// From row to row.
    static int stride(int dim) {
        return width(dim) + PANEL;
    }

    /// This thread's arrays, large enough for ranges of `blocks` blocks of keys.
    static BackwardArrays of(int blocks, int keyDim, int valueDim) {
        BackwardArrays arrays = OF_THREAD.get();
        int keys = SIDE * stride(keyDim);
        int values = SIDE * stride(valueDim);
        arrays.query = grown(arrays.query, keys);
        arrays.queryPanels = grown(arrays.queryPanels, keys);
        arrays.dQuery = grown(arrays.dQuery, keys);
        arrays.dOut = grown(arrays.dOut, values);
        arrays.dOutPanels = grown(arrays.dOutPanels, values);
        arrays.keyPanels = grown(arrays.keyPanels, blocks * keys);
        arrays.keyTransposed = grown(arrays.keyTransposed, blocks * keys);
        arrays.dKey = grown(arrays.dKey, blocks * keys);
        arrays.valueTransposed = grown(arrays.valueTransposed, blocks * values);
        arrays.dValue = grown(arrays.dValue, blocks * values);
        return arrays;
    }

    private static float[] grown(float[] array, int size) {
        return array.length < size ? new float[size] : array;
    }

    /// Copies rows of a tensor into rows and panels [columns / 16, SIDE, 16].
    ///
    /// @param from byte of the first row; `sourceRow` bytes from row to row
    /// @return whether all of it is finite
    static boolean load(
            MemorySegment source,
            long from,
            long sourceRow,
            float[] rows,
            float[] panels,
            int panels0,
            int count,
            int dim) {
        int width = width(dim);
        int stride = stride(dim);
        int whole = dim & -COUNT;
        var rest = FLOATS.indexInRange(whole, dim);
        var zero = FloatVector.zero(FLOATS);
        var sum = zero;
        for (int row = 0; row < count; row++) {
            long in = from + row * sourceRow;
            int out = row * stride;
            int panel = panels0 + row * PANEL;
            for (int column = 0; column < whole; column += COUNT) {
                var x = FloatVector.fromMemorySegment(FLOATS, source, in + column * 4L, ORDER);
                x.intoArray(rows, out + column);
                x.intoArray(panels, panel + column / PANEL * (SIDE * PANEL) + column % PANEL);
                sum = x.fma(zero, sum);
            }
            if (whole < width) {
                var x = whole < dim
                        ? FloatVector.fromMemorySegment(FLOATS, source, in + whole * 4L, ORDER, rest)
                        : zero;
                sum = x.fma(zero, sum);
                for (int column = whole; column < width; column += COUNT) {
                    x.intoArray(rows, out + column);
                    x.intoArray(panels, panel + column / PANEL * (SIDE * PANEL) + column % PANEL);
                    x = zero;
                }
            }
        }
        return sum.compare(VectorOperators.EQ, zero).allTrue();
    }

    /// Rows [count, dim] into transposed panels [SIDE / 16, dim, 16] at `to`.
    static void transpose(float[] rows, float[] panels, int to, int count, int dim) {
        int stride = stride(dim);
        for (int first = 0; first < count; first += 2) {
            int upper = first * stride;
            int lower = upper + (first + 1 < count ? stride : 0);
            int out = to + first / PANEL * (dim * PANEL) + first % PANEL;
            for (int column = 0; column < dim; column++) {
                panels[out + column * PANEL] = rows[upper + column];
                panels[out + column * PANEL + 1] = rows[lower + column];
            }
        }
    }

    /// Copies rows [count, dim] at `at` into a tensor.
    static void store(float[] rows, int at, MemorySegment target, long to, long targetRow, int count, int dim) {
        int stride = stride(dim);
        int whole = dim & -COUNT;
        var rest = FLOATS.indexInRange(whole, dim);
        for (int row = 0; row < count; row++) {
            long out = to + row * targetRow;
            int in = at + row * stride;
            for (int column = 0; column < whole; column += COUNT) {
                FloatVector.fromArray(FLOATS, rows, in + column).intoMemorySegment(target, out + column * 4L, ORDER);
            }
            if (whole < dim) {
                FloatVector.fromArray(FLOATS, rows, in + whole)
                        .intoMemorySegment(target, out + whole * 4L, ORDER, rest);
            }
        }
    }

    /// Adds rows [count, dim] to a tensor.
    static void add(float[] rows, MemorySegment target, long to, long targetRow, int count, int dim) {
        int stride = stride(dim);
        int whole = dim & -COUNT;
        var rest = FLOATS.indexInRange(whole, dim);
        for (int row = 0; row < count; row++) {
            long out = to + row * targetRow;
            int in = row * stride;
            for (int column = 0; column < whole; column += COUNT) {
                FloatVector.fromMemorySegment(FLOATS, target, out + column * 4L, ORDER)
                        .add(FloatVector.fromArray(FLOATS, rows, in + column))
                        .intoMemorySegment(target, out + column * 4L, ORDER);
            }
            if (whole < dim) {
                FloatVector.fromMemorySegment(FLOATS, target, out + whole * 4L, ORDER, rest)
                        .add(FloatVector.fromArray(FLOATS, rows, in + whole))
                        .intoMemorySegment(target, out + whole * 4L, ORDER, rest);
            }
        }
    }
}
