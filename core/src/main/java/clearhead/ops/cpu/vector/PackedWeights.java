package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/// Weights [out, in] packed once in panels of 16 outputs, each type in its own width:
///
/// - F32: [in, 16] floats.
/// - F16, BF16: [HalfPanels].
/// - Quantized: [QuantizedPanels].
final class PackedWeights {
    private static final int PANEL = Product.PANEL;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// What a vector of bytes may read beyond the last panel.
    private static final long SLACK = 64;

    private PackedWeights() {}

    /// The weight in panels; types that have no panels stay as they are.
    static Tensor pack(Tensor weight, Arena arena, Workers workers) {
        DType type = weight.type();
        if (weight.layout() == Layout.PANELS || weight.rank() != 2) {
            return weight;
        }
        Optional<QuantizedPanels> quantized = QuantizedPanels.of(type);
        if (quantized.isPresent()) {
            return quantized.get().pack(weight, arena, workers);
        }
        if (type == DType.F16 || type == DType.BF16) {
            return HalfPanels.pack(weight, arena, workers);
        }
        if (type != DType.F32) {
            return weight;
        }
        int panels = Math.ceilDiv(weight.dim(0), PANEL);
        int inner = weight.dim(1);
        long bytes = inner * Product.STEP_BYTES;
        MemorySegment into = Zeros.allocate(arena, bytes(type, weight.shape()));
        Product.Source floats = Panels.ofRows(weight);
        workers.run(panels, p -> floats.pack(p, 0, inner, into, p * bytes));
        return new Tensor(type, weight.shape(), Layout.PANELS, into);
    }

    /// Bytes of a packed weight; 0 where it stays as it is.
    static long bytes(DType type, Shape shape) {
        if (shape.rank() != 2) {
            return 0;
        }
        int outputs = shape.dim(0);
        int inner = shape.dim(1);
        Optional<QuantizedPanels> quantized = QuantizedPanels.of(type);
        if (quantized.isPresent()) {
            return quantized.get().bytes(outputs, inner);
        }
        long panels = Math.ceilDiv(outputs, PANEL);
        return switch (type) {
            case F32 -> Math.addExact(Math.multiplyExact(panels, inner * Product.STEP_BYTES), SLACK);
            case F16, BF16 -> inner % 2 != 0 ? 0 : Math.multiplyExact(panels, HalfPanels.panelBytes(inner));
            default -> 0;
        };
    }

    /// Panels as floats of a packed weight that is not F32. Steps must be whole blocks of 32 where it
    /// is quantized.
    static Product.Source source(Tensor weight) {
        DType type = weight.type();
        Optional<QuantizedPanels> quantized = QuantizedPanels.of(type);
        if (quantized.isPresent()) {
            return quantized.get().source(weight);
        }
        return HalfPanels.source(weight);
    }

    /// One row of a packed weight, as floats: for looking, not for speed.
    static void row(Tensor weight, int row, MemorySegment into) {
        int inner = weight.dim(1);
        int panel = row / PANEL;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = weight.data();
            long start = 0;
            if (weight.type() == DType.F32) {
                start = panel * inner * Product.STEP_BYTES;
            } else {
                floats = arena.allocate(inner * Product.STEP_BYTES + SLACK, 64);
                source(weight).pack(panel, 0, inner, floats, 0);
            }
            for (int k = 0; k < inner; k++) {
                into.set(F32, k * 4L, floats.get(F32, start + k * Product.STEP_BYTES + row % PANEL * 4L));
            }
        }
    }
}
