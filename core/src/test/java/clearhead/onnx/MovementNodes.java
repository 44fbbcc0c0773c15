package clearhead.onnx;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Operators that move numbers and compute none.
final class MovementNodes {
    private MovementNodes() {}

    private static int index(double found, int size) {
        int index = (int) found;
        if (index < -size || index >= size) {
            throw new IndexOutOfBoundsException("index " + index + " into an axis of " + size);
        }
        return index < 0 ? index + size : index;
    }

    private static int product(int... dims) {
        return Arrays.stream(dims).reduce(1, Math::multiplyExact);
    }

    private static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    /// data [before…, axis, after…], indices [i…]: result [before…, i…, after…].
    static Grid gather(OnnxCase c) {
        Grid data = Grid.of(c.input(0));
        Grid indices = Grid.of(c.input(1));
        return gather(data, indices, data.axis(c.node().integer("axis", 0)));
    }

    static Grid gather(Grid data, Grid indices, int axis) {
        int before = data.size(0, axis);
        int along = data.dims()[axis];
        int after = data.size(axis + 1, data.rank());
        int count = indices.values().length;
        var out = new double[before * count * after];
        for (int b = 0; b < before; b++) {
            for (int n = 0; n < count; n++) {
                int from = index(indices.values()[n], along);
                System.arraycopy(data.values(), (b * along + from) * after, out, (b * count + n) * after, after);
            }
        }
        return new Grid(
                out,
                concat(
                        Arrays.copyOf(data.dims(), axis),
                        indices.dims(),
                        Arrays.copyOfRange(data.dims(), axis + 1, data.rank())));
    }

    /// result[i][j][k] = data[i][indices[i][j][k]][k], for axis 1.
    static Grid gatherElements(OnnxCase c) {
        Grid data = Grid.of(c.input(0));
        Grid indices = Grid.of(c.input(1));
        int axis = data.axis(c.node().integer("axis", 0));
        var out = new double[indices.values().length];
        for (int i = 0; i < out.length; i++) {
            int[] at = place(i, indices.dims());
            at[axis] = index(indices.values()[i], data.dims()[axis]);
            out[i] = data.values()[flat(at, data.dims())];
        }
        return new Grid(out, indices.dims());
    }

    private static int[] place(int flat, int[] dims) {
        var at = new int[dims.length];
        int rest = flat;
        for (int n = dims.length - 1; n >= 0; n--) {
            at[n] = rest % dims[n];
            rest /= dims[n];
        }
        return at;
    }

    private static int flat(int[] at, int[] dims) {
        int flat = 0;
        for (int n = 0; n < dims.length; n++) {
            flat = flat * dims[n] + at[n];
        }
        return flat;
    }

    /// data [batch…, a…, b…], indices [batch…, i…, |a|]: result [batch…, i…, b…].
    static Grid gatherNd(OnnxCase c) {
        Grid data = Grid.of(c.input(0));
        Grid indices = Grid.of(c.input(1));
        int batchAxes = c.node().integer("batch_dims", 0);
        int depth = indices.dims()[indices.rank() - 1];
        int batches = data.size(0, batchAxes);
        int tuples = indices.size(batchAxes, indices.rank() - 1);
        int block = data.size(batchAxes + depth, data.rank());
        int whole = data.size(batchAxes, data.rank());
        var out = new double[batches * tuples * block];
        for (int n = 0; n < batches * tuples; n++) {
            int at = 0;
            for (int k = 0; k < depth; k++) {
                int size = data.dims()[batchAxes + k];
                at = at * size + index(indices.values()[n * depth + k], size);
            }
            System.arraycopy(data.values(), n / tuples * whole + at * block, out, n * block, block);
        }
        return new Grid(
                out,
                concat(
                        Arrays.copyOf(indices.dims(), indices.rank() - 1),
                        Arrays.copyOfRange(data.dims(), batchAxes + depth, data.rank())));
    }

    /// Writes `update` into a copy of `past_cache` along an axis, from the index of each batch on.
    static Grid tensorScatter(OnnxCase c) {
        Grid cache = Grid.of(c.input(0));
        Grid update = Grid.of(c.input(1));
        int axis = cache.axis(c.node().integer("axis", -2));
        boolean circular = switch (c.node().text("mode", "linear")) {
            case "linear" -> false;
            case "circular" -> true;
            default -> throw new IllegalArgumentException("mode " + c.node().text("mode", ""));
        };
        int before = cache.size(0, axis);
        int length = cache.dims()[axis];
        int count = update.dims()[axis];
        int block = cache.size(axis + 1, cache.rank());
        double[] out = cache.values().clone();
        for (int row = 0; row < before; row++) {
            int batch = row / (before / cache.dims()[0]);
            int start = c.has(2) ? c.input(2).intAt(batch) : 0;
            for (int n = 0; n < count; n++) {
                int at = circular ? Math.floorMod(start + n, length) : start + n;
                if (at < 0 || at >= length) {
                    throw new IndexOutOfBoundsException("position " + at + " of a cache of " + length);
                }
                System.arraycopy(update.values(), (row * count + n) * block, out, (row * length + at) * block, block);
            }
        }
        return new Grid(out, cache.dims());
    }

    /// The k largest (or smallest) along an axis, in order; of equal ones the first.
    static List<Grid> topK(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        int axis = x.axis(c.node().integer("axis", -1));
        int k = c.has(1) ? c.input(1).intAt(0) : c.node().integer("k", -1);
        boolean largest = c.node().integer("largest", 1) == 1;
        Grid last = x.toLast(axis);
        int width = x.dims()[axis];
        int rows = x.values().length / width;
        var values = new double[rows * k];
        var indices = new double[rows * k];
        for (int row = 0; row < rows; row++) {
            int start = row * width;
            Comparator<Integer> order = Comparator.comparingDouble(i -> last.values()[start + i]);
            int[] sorted = IntStream.range(0, width)
                    .boxed()
                    .sorted((largest ? order.reversed() : order).thenComparing(Comparator.naturalOrder()))
                    .mapToInt(i -> i)
                    .toArray();
            for (int n = 0; n < k; n++) {
                values[row * k + n] = last.values()[start + sorted[n]];
                indices[row * k + n] = sorted[n];
            }
        }
        int[] dims = last.dims().clone();
        dims[dims.length - 1] = k;
        if (product(dims) != values.length) {
            throw new IllegalArgumentException("top " + k + " of " + width);
        }
        return List.of(new Grid(values, dims).fromLast(axis), new Grid(indices, dims).fromLast(axis));
    }
}
