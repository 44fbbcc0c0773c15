package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Weights in panels of 16 outputs: [out/16, in, 16], so that one layout serves one row and many.
final class Panels {
    private static final int PANEL = Product.PANEL;
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Panels() {}

    /// The weight [out, in] in the form in which [Linear] reads it fastest.
    static Tensor pack(Tensor weight, Arena arena, Workers workers) {
        if (weight.layout() == Layout.PANELS || weight.type() != DType.F32) {
            return weight;
        }
        int outputs = weight.dim(0);
        int inner = weight.dim(1);
        int panels = Math.ceilDiv(outputs, PANEL);
        long panelBytes = inner * Product.STEP_BYTES;
        MemorySegment packed = arena.allocate(Math.max(64, panels * panelBytes), 64);
        Product.Source source = ofRows(weight);
        workers.run(panels, p -> source.pack(p, 0, inner, packed, p * panelBytes));
        return new Tensor(DType.F32, weight.shape(), Layout.PANELS, packed);
    }

    /// Panels of a weight's outputs.
    ///
    /// @param weight [out, in], rows of any real type
    static Product.Source ofRows(Tensor weight) {
        int outputs = weight.dim(0);
        int inner = weight.dim(1);
        MemorySegment data = weight.data();
        if (weight.type() == DType.F32) {
            return (panel, from, to, into, at) ->
                    transpose(data, outputs, inner, panel * PANEL, from, to, into, at);
        }
        return (panel, from, to, into, at) -> {
            for (int k = from; k < to; k++) {
                for (int o = 0; o < PANEL; o++) {
                    int output = panel * PANEL + o;
                    double w = output < outputs ? weight.at((long) output * inner + k) : 0;
                    into.set(F32, at + (k - from) * Product.STEP_BYTES + o * 4L, (float) w);
                }
            }
        };
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

    private static void copyPanel(
            MemorySegment from, long start, long stride, int steps, MemorySegment into, long at) {
        for (int k = 0; k < steps; k++) {
            for (int v = 0; v < PANEL / S.length(); v++) {
                FloatVector.fromMemorySegment(
                                S, from, start + k * stride + v * (long) Lanes.BYTES, ORDER)
                        .intoMemorySegment(
                                into, at + k * Product.STEP_BYTES + v * (long) Lanes.BYTES, ORDER);
            }
        }
    }

    private static void copyPart(
            MemorySegment from, long start, long stride, int steps, int width,
            MemorySegment into, long at) {
        for (int k = 0; k < steps; k++) {
            for (int o = 0; o < PANEL; o++) {
                float w = o < width ? from.get(F32, start + k * stride + o * 4L) : 0;
                into.set(F32, at + k * Product.STEP_BYTES + o * 4L, w);
            }
        }
    }

    private static void transpose(
            MemorySegment data, int outputs, int inner, int firstOutput, int from, int to,
            MemorySegment into, long at) {
        int present = Math.min(PANEL, outputs - firstOutput);
        long stride = inner * 4L;
        int steps = to - from;
        for (int o = 0; o < present; o++) {
            long row = (firstOutput + o) * stride + from * 4L;
            long to0 = at + o * 4L;
            for (int k = 0; k < steps; k++) {
                into.set(F32, to0 + k * 64L, data.get(F32, row + k * 4L));
            }
        }
        for (int o = present; o < PANEL; o++) {
            for (int k = 0; k < steps; k++) {
                into.set(F32, at + o * 4L + k * 64L, 0);
            }
        }
    }
}
