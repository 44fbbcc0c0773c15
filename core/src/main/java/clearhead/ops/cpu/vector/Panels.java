package clearhead.ops.cpu.vector;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Makes panels of 16 outputs, [inner, 16] floats, from matrices in rows.
final class Panels {
    private static final int PANEL = Product.PANEL;
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Panels() {}

    /// Panels of a weight's outputs.
    ///
    /// @param weight [out, in], rows of any real type
    static Product.Source ofRows(Tensor weight) {
        int outputs = weight.dim(0);
        int inner = weight.dim(1);
        MemorySegment data = weight.data();
        if (weight.type() == DType.F32) {
            return (panel, from, to, into, at) -> transpose(data, outputs, inner, panel * PANEL, from, to, into, at);
        }
        return (panel, from, to, into, at) -> {
            for (int o = 0; o < PANEL; o++) {
                int output = panel * PANEL + o;
                if (output < outputs) {
                    expand(weight, (long) output * inner, from, to, into, at + o * 4L);
                } else {
                    zeros(into, at + o * 4L, to - from);
                }
            }
        };
    }

    /// Elements `from` to `to` of a row, one in each step of a panel; whole blocks where quantized.
    private static void expand(Tensor weight, long row, int from, int to, MemorySegment into, long at) {
        MemorySegment data = weight.data();
        DType type = weight.type();
        switch (type) {
            case F16, BF16 ->
                Expand.halves(type == DType.F16, data, (row + from) * 2, to - from, into, at, Product.STEP_BYTES);
            case Q8_0, Q4_0, Q4_1 ->
                Expand.blocks(
                        type,
                        data,
                        (row + from) / 32 * type.blockBytes(),
                        (to - from) / 32,
                        into,
                        at,
                        Product.STEP_BYTES);
            default -> Expand.scattered(weight, row + from, to - from, into, at, Product.STEP_BYTES);
        }
    }

    private static void zeros(MemorySegment into, long at, int steps) {
        for (int k = 0; k < steps; k++) {
            into.set(F32, at + k * Product.STEP_BYTES, 0);
        }
    }

    /// Panels along the rows of a matrix.
    ///
    /// @param data row-major F32 [inner, cols]
    static Product.Source ofColumns(MemorySegment data, int cols) {
        long stride = cols * 4L;
        return (panel, from, to, into, at) -> {
            long start = panel * Product.STEP_BYTES;
            int width = Math.min(PANEL, cols - panel * PANEL);
            if (width == PANEL) {
                copyPanel(data, start + from * stride, stride, to - from, into, at);
            } else {
                copyPart(data, start + from * stride, stride, to - from, width, into, at);
            }
        };
    }

    private static void copyPanel(MemorySegment from, long start, long stride, int steps, MemorySegment into, long at) {
        for (int k = 0; k < steps; k++) {
            for (int v = 0; v < PANEL / S.length(); v++) {
                FloatVector.fromMemorySegment(S, from, start + k * stride + v * (long) Lanes.BYTES, ORDER)
                        .intoMemorySegment(into, at + k * Product.STEP_BYTES + v * (long) Lanes.BYTES, ORDER);
            }
        }
    }

    private static void copyPart(
            MemorySegment from, long start, long stride, int steps, int width, MemorySegment into, long at) {
        for (int k = 0; k < steps; k++) {
            for (int o = 0; o < PANEL; o++) {
                float w = o < width ? from.get(F32, start + k * stride + o * 4L) : 0;
                into.set(F32, at + k * Product.STEP_BYTES + o * 4L, w);
            }
        }
    }

    private static void transpose(
            MemorySegment data,
            int outputs,
            int inner,
            int firstOutput,
            int from,
            int to,
            MemorySegment into,
            long at) {
        int present = Math.min(PANEL, outputs - firstOutput);
        long stride = inner * 4L;
        int steps = to - from;
        Transpose.panel(data, firstOutput * stride + from * 4L, stride, present, steps, into, at);
        for (int o = present; o < PANEL; o++) {
            zeros(into, at + o * 4L, steps);
        }
    }
}
