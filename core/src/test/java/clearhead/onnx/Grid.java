package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/// An n-dimensional array in row-major order, to bring an ONNX tensor's axes into the order of our
/// operations and back. Moves numbers, computes none.
record Grid(double[] values, int... dims) {
    static Grid of(Tensor t) {
        return new Grid(t.toDoubles(), t.shape().dims());
    }

    int rank() {
        return dims.length;
    }

    int axis(int axis) {
        return axis < 0 ? axis + dims.length : axis;
    }

    /// Product of the axes from `from` (inclusive) to `to` (exclusive).
    int size(int from, int to) {
        return Arrays.stream(dims, from, to).reduce(1, Math::multiplyExact);
    }

    Grid reshape(int... to) {
        return new Grid(values, to);
    }

    /// Axis `n` of the result is axis `order[n]` of this.
    Grid transpose(int... order) {
        int[] to = Arrays.stream(order).map(axis -> dims[axis]).toArray();
        var result = new double[values.length];
        var index = new int[dims.length];
        for (int i = 0; i < values.length; i++) {
            int at = 0;
            for (int n = 0; n < order.length; n++) {
                at = at * to[n] + index[order[n]];
            }
            result[at] = values[i];
            for (int n = dims.length - 1; n >= 0 && ++index[n] == dims[n]; n--) {
                index[n] = 0;
            }
        }
        return new Grid(result, to);
    }

    /// `axis` becomes the last, the others stay in order.
    Grid toLast(int axis) {
        return transpose(lastOrder(axis));
    }

    /// Undoes [#toLast].
    Grid fromLast(int axis) {
        int[] order = lastOrder(axis);
        var back = new int[order.length];
        for (int n = 0; n < order.length; n++) {
            back[order[n]] = n;
        }
        return transpose(back);
    }

    private int[] lastOrder(int axis) {
        return IntStream.concat(IntStream.range(0, rank()).filter(n -> n != axis), IntStream.of(axis))
                .toArray();
    }

    /// Repeats axes of size 1, and missing ones in front, up to `to`.
    Grid broadcast(int... to) {
        var result = new double[Arrays.stream(to).reduce(1, Math::multiplyExact)];
        var index = new int[to.length];
        for (int i = 0; i < result.length; i++) {
            int at = 0;
            for (int n = 0; n < dims.length; n++) {
                int own = index[n + to.length - dims.length];
                at = at * dims[n] + (dims[n] == 1 ? 0 : own);
            }
            result[i] = values[at];
            for (int n = to.length - 1; n >= 0 && ++index[n] == to[n]; n--) {
                index[n] = 0;
            }
        }
        return new Grid(result, to);
    }

    /// Block `n` of the first axis.
    Grid at(int n) {
        int size = size(1, rank());
        return new Grid(Arrays.copyOfRange(values, n * size, (n + 1) * size), Arrays.copyOfRange(dims, 1, dims.length));
    }

    /// This and `other`, one after the other along an axis.
    Grid join(Grid other, int axis) {
        int before = size(0, axis);
        int own = size(axis, rank());
        int more = other.size(axis, other.rank());
        var joined = new double[values.length + other.values.length];
        for (int n = 0; n < before; n++) {
            System.arraycopy(values, n * own, joined, n * (own + more), own);
            System.arraycopy(other.values, n * more, joined, n * (own + more) + own, more);
        }
        int[] to = dims.clone();
        to[axis] += other.dims[axis];
        return new Grid(joined, to);
    }

    /// With a last axis of this size, filled up with a value.
    Grid padded(int size, double value) {
        int last = dims[dims.length - 1];
        int[] rest = dims.clone();
        rest[rest.length - 1] = size - last;
        var more = new double[Arrays.stream(rest).reduce(1, Math::multiplyExact)];
        Arrays.fill(more, value);
        return join(new Grid(more, rest), dims.length - 1);
    }
}
