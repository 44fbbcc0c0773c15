package clearhead.onnx;

import clearhead.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// Quantization to ONNX's element types and back.
record QuantizeNodes(NodeRunner on) {

    /// round(x/scale) + zeroPoint, saturated. The division is done in the precision that the node
    /// names, which is part of what it computes: it is the same in F32 and in F64 runs.
    static Grid quantize(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        Grid scale = everywhere(c, Grid.of(c.input(1)), x.dims());
        Element stated = Element.of(
                c.node().integer("output_dtype", 0) == 0
                        ? Element.U8.number
                        : c.node().integer("output_dtype", 0));
        Element to = c.has(2) ? c.element(2) : stated;
        if (c.has(2) && c.node().integer("output_dtype", 0) != 0 && to != stated) {
            throw new IllegalArgumentException("output_dtype is " + stated + ", the zero point's type " + to);
        }
        int precision = c.node().integer("precision", 0);
        Element in = precision != 0 ? Element.of(precision) : wider(c.element(0), c.element(1));
        boolean saturate = c.node().integer("saturate", 1) == 1;
        double[] zero =
                c.has(2) ? everywhere(c, Grid.of(c.input(2)), x.dims()).values() : new double[x.values().length];
        var y = new double[x.values().length];
        for (int i = 0; i < y.length; i++) {
            double ratio = in.nearest(in.nearest(x.values()[i], false) / in.nearest(scale.values()[i], false), false);
            y[i] = to.isFloat() ? to.nearest(ratio + zero[i], saturate) : to.nearest(Math.rint(ratio) + zero[i], true);
        }
        return new Grid(y, x.dims());
    }

    /// The type in which two types meet; whole numbers count as F32.
    private static Element wider(Element a, Element b) {
        Element x = a.isFloat() ? a : Element.F32;
        Element y = b.isFloat() && b != Element.E8M0 ? b : x;
        return x == y
                ? x
                : x.bits == y.bits || x.bits < y.bits && y == Element.F32 ? Element.F32 : x.bits > y.bits ? x : y;
    }

    /// (x − zeroPoint)·scale, by our sums and products: one of each for every scale.
    Grid dequantize(OnnxCase c) {
        Grid x = Grid.of(c.input(0));
        Grid scale = everywhere(c, Grid.of(c.input(1)), x.dims());
        Tensor shifted = on.tensor(x, x.dims());
        if (c.has(2)) {
            Grid zero = everywhere(c, Grid.of(c.input(2)), x.dims());
            shifted = on.ops().add(shifted, on.ops().scale(on.tensor(zero, x.dims()), -1));
        }
        Map<Double, double[]> scaled = new LinkedHashMap<>();
        for (double factor : scale.values()) {
            if (!scaled.containsKey(factor)) {
                scaled.put(factor, on.ops().scale(shifted, factor).toDoubles());
            }
        }
        var y = new double[x.values().length];
        for (int i = 0; i < y.length; i++) {
            double[] found = scaled.get(scale.values()[i]);
            y[i] = found == null ? Double.NaN : found[i];
        }
        return new Grid(y, x.dims());
    }

    /// A scale or zero point of the whole tensor, of an axis, or of blocks along an axis, repeated to
    /// the tensor's shape.
    private static Grid everywhere(OnnxCase c, Grid value, int... dims) {
        if (value.values().length == 1) {
            return new Grid(value.values()).broadcast(dims);
        }
        int stated = c.node().integer("axis", 1);
        int axis = stated < 0 ? stated + dims.length : stated;
        int block = c.node().integer("block_size", 0);
        if (block == 0) {
            if (value.rank() != 1) {
                throw new IllegalArgumentException(
                        "scales of rank " + value.rank() + " need a block_size: " + Arrays.toString(value.dims()));
            }
            var spread = new int[dims.length - axis];
            Arrays.fill(spread, 1);
            spread[0] = value.values().length;
            return value.reshape(spread).broadcast(dims);
        }
        int before = value.size(0, axis);
        int blocks = value.dims()[axis];
        int after = value.size(axis + 1, value.rank());
        int along = dims[axis];
        var all = new double[before * along * after];
        for (int i = 0; i < all.length; i++) {
            int b = i / (along * after);
            int n = i / after % along;
            all[i] = value.values()[(b * blocks + n / block) * after + i % after];
        }
        return new Grid(all, dims);
    }
}
