package clearhead.inspect;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Reading tensors for people: values as doubles, off the fast path.
final class Elements {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Elements() {}

    /// `count` elements in row-major order, the first of them at `from`.
    static double[] read(Tensor t, long from, int count) {
        var values = new double[count];
        read(t, from, values, new float[t.type() == DType.F32 ? count : 0]);
        return values;
    }

    /// Fills `into` with elements from `from` on.
    ///
    /// @param scratch as long as `into` where the tensor is F32; overwritten
    static void read(Tensor t, long from, double[] into, float[] scratch) {
        if (t.type() == DType.F32) {
            MemorySegment.copy(t.data(), F32, from * 4, scratch, 0, into.length);
            for (int i = 0; i < into.length; i++) {
                into[i] = scratch[i];
            }
        } else {
            for (int i = 0; i < into.length; i++) {
                into[i] = t.at(from + i);
            }
        }
    }

    /// Row `row` of the first axis, as one vector.
    static double[] row(Tensor t, int row) {
        int width = Math.toIntExact(t.size() / t.dim(0));
        return read(t, (long) row * width, width);
    }

    /// The vector of one head.
    ///
    /// @param t [tokens, heads, headDim]
    static double[] head(Tensor t, int token, int head) {
        int headDim = t.dim(2);
        return read(t, ((long) token * t.dim(1) + head) * headDim, headDim);
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /// The largest |a − b|; NaN where either has one.
    static double largestDifference(double[] a, double[] b) {
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(a[i] - b[i]));
        }
        return largest;
    }

    /// The largest |a|; NaN where there is one.
    static double largest(double[] a) {
        double largest = 0;
        for (double v : a) {
            largest = Math.max(largest, Math.abs(v));
        }
        return largest;
    }
}
