package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Weights [out, in] packed once in panels of 16 outputs, each type in its own width:
///
/// - F32: [in, 16] floats.
/// - F16, BF16: [in, 16] halves.
/// - Quantized: [QuantizedPanels].
final class PackedWeights {
    private static final int PANEL = Product.PANEL;
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);

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
        if (!isPacked(type)) {
            return weight;
        }
        int inner = weight.dim(1);
        int panels = Math.ceilDiv(weight.dim(0), PANEL);
        long bytes = panelBytes(type, inner);
        MemorySegment into = arena.allocate(Math.addExact(panels * bytes, SLACK), 64);
        Product.Source floats = Panels.ofRows(weight);
        workers.run(panels, p -> {
            switch (type) {
                case F32 -> floats.pack(p, 0, inner, into, p * bytes);
                case F16, BF16 -> packHalves(weight, p, into, p * bytes);
                default -> throw new AssertionError(type + " is not packed");
            }
        });
        return new Tensor(type, weight.shape(), Layout.PANELS, into);
    }

    private static boolean isPacked(DType type) {
        return switch (type) {
            case F32, F16, BF16 -> true;
            default -> false;
        };
    }

    /// Bytes of a panel.
    static long panelBytes(DType type, int inner) {
        return switch (type) {
            case F32 -> inner * Product.STEP_BYTES;
            case F16, BF16 -> inner * Product.STEP_BYTES / 2;
            default -> throw new AssertionError(type + " is not packed");
        };
    }

    private static void packHalves(Tensor weight, int panel, MemorySegment into, long at) {
        int inner = weight.dim(1);
        MemorySegment data = weight.data();
        for (int o = 0; o < PANEL; o++) {
            int output = panel * PANEL + o;
            boolean present = output < weight.dim(0);
            long row = (long) output * inner * 2;
            for (int k = 0; k < inner; k++) {
                short bits = present ? data.get(I16, row + k * 2L) : 0;
                into.set(I16, at + k * 32L + o * 2L, bits);
            }
        }
    }

    /// Panels as floats of a packed weight that is not F32. Steps must be whole blocks of 32 where it
    /// is quantized.
    static Product.Source source(Tensor weight) {
        DType type = weight.type();
        Optional<QuantizedPanels> quantized = QuantizedPanels.of(type);
        if (quantized.isPresent()) {
            return quantized.get().source(weight);
        }
        MemorySegment data = weight.data();
        long bytes = panelBytes(type, weight.dim(1));
        return switch (type) {
            case F16, BF16 -> {
                boolean ieee = type == DType.F16;
                yield (panel, from, to, into, at) ->
                        halves(ieee, data, panel * bytes + from * 32L, to - from, into, at);
            }
            default -> throw new AssertionError(type + " panels need no expansion");
        };
    }

    /// One row of a packed weight, as floats: for looking, not for speed.
    static void row(Tensor weight, int row, MemorySegment into) {
        int inner = weight.dim(1);
        int panel = row / PANEL;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = weight.data();
            long start = 0;
            if (weight.type() == DType.F32) {
                start = panel * panelBytes(DType.F32, inner);
            } else {
                floats = arena.allocate(inner * Product.STEP_BYTES + SLACK, 64);
                source(weight).pack(panel, 0, inner, floats, 0);
            }
            for (int k = 0; k < inner; k++) {
                into.set(F32, k * 4L, floats.get(F32, start + k * Product.STEP_BYTES + row % PANEL * 4L));
            }
        }
    }

    private static void halves(boolean ieee, MemorySegment from, long start, int steps, MemorySegment into, long at) {
        for (int i = 0; i < steps * PANEL; i += Lanes.COUNT) {
            Expand.vector(ieee, ShortVector.fromMemorySegment(HALVES, from, start + i * 2L, ORDER))
                    .intoMemorySegment(into, at + i * 4L, ORDER);
        }
    }
}
