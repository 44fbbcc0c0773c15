package clearhead.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/// Sizes of the axes of a [Tensor], outermost first. Immutable.
public final class Shape {
    private final int[] dims;
    private final long size;

    public Shape(int... dims) {
        this.dims = dims.clone();
        long n = 1;
        for (int dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException("axis sizes must not be negative: " + Arrays.toString(dims));
            }
            n = Math.multiplyExact(n, (long) dim);
        }
        this.size = n;
    }

    /// Number of axes.
    public int rank() {
        return dims.length;
    }

    /// Size of axis `axis`; negative axes count from the last (−1).
    public int dim(int axis) {
        return dims[axis < 0 ? dims.length + axis : axis];
    }

    /// Number of elements.
    public long size() {
        return size;
    }

    public int[] dims() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /// `[tokens, dim]` style, such as `[12, 256]`.
    @Override
    public String toString() {
        return Arrays.stream(dims).mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
