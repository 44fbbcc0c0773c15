package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Weights [out, in] packed once in panels of 16 outputs, each type in its own width:
///
/// - F32: [in, 16] floats.
/// - F16, BF16: [in, 16] halves.
/// - Q8_0: per 32 inputs, 16 scales (float), then [32, 16] bytes.
/// - Q4_0, Q4_1: per 32 inputs, 16 scales and 16 minima (floats; −8·scale for Q4_0), then [16, 16]
///   bytes with inputs 2i in the low and 2i + 1 in the high nibble. scale·q is exact in float32, so
///   the fused scale·q + minimum rounds as ggml's two operations do.
final class PackedWeights {
    private static final int PANEL = Product.PANEL;
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));

    /// As many bytes as a vector has floats, or the fewest that a vector can have.
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, Lanes.BITS / 4)));

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    /// Bytes of 32 inputs of a panel.
    private static final long Q8_BLOCK = 64 + 32 * 16;

    private static final long Q4_BLOCK = 128 + 16 * 16;

    /// What a vector of bytes may read beyond the last panel.
    private static final long SLACK = 64;

    private PackedWeights() {}

    /// The weight in panels; types that have no panels stay as they are.
    static Tensor pack(Tensor weight, Arena arena, Workers workers) {
        DType type = weight.type();
        if (weight.layout() == Layout.PANELS || weight.rank() != 2 || !isPacked(type)) {
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
                case Q8_0, Q4_0, Q4_1 -> packBlocks(weight, p, into, p * bytes);
                default -> throw new AssertionError(type + " is not packed");
            }
        });
        return new Tensor(type, weight.shape(), Layout.PANELS, into);
    }

    private static boolean isPacked(DType type) {
        return switch (type) {
            case F32, F16, BF16, Q8_0, Q4_0, Q4_1 -> true;
            default -> false;
        };
    }

    /// Bytes of a panel.
    static long panelBytes(DType type, int inner) {
        return switch (type) {
            case F32 -> inner * Product.STEP_BYTES;
            case F16, BF16 -> inner * Product.STEP_BYTES / 2;
            case Q8_0 -> inner / 32 * Q8_BLOCK;
            case Q4_0, Q4_1 -> inner / 32 * Q4_BLOCK;
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

    private static void packBlocks(Tensor weight, int panel, MemorySegment into, long at) {
        DType type = weight.type();
        int inner = weight.dim(1);
        long blockBytes = type == DType.Q8_0 ? Q8_BLOCK : Q4_BLOCK;
        for (int o = 0; o < PANEL && panel * PANEL + o < weight.dim(0); o++) {
            long row = (long) (panel * PANEL + o) * inner / 32 * type.blockBytes();
            for (int b = 0; b < inner / 32; b++) {
                packBlock(type, weight.data(), row + (long) b * type.blockBytes(), into, at + b * blockBytes, o);
            }
        }
    }

    private static void packBlock(DType type, MemorySegment from, long block, MemorySegment into, long at, int o) {
        float scale = Float.float16ToFloat(from.get(I16, block));
        into.set(F32, at + o * 4L, scale);
        if (type == DType.Q8_0) {
            for (int i = 0; i < 32; i++) {
                into.set(I8, at + 64 + i * 16L + o, from.get(I8, block + 2 + i));
            }
            return;
        }
        boolean symmetric = type == DType.Q4_0;
        float minimum = symmetric ? -8 * scale : Float.float16ToFloat(from.get(I16, block + 2));
        into.set(F32, at + 64 + o * 4L, minimum);
        long nibbles = block + (symmetric ? 2 : 4);
        for (int i = 0; i < 16; i++) {
            // ggml keeps weight i and weight i + 16 in byte i.
            int shift = i < 8 ? 0 : 4;
            int low = from.get(I8, nibbles + 2 * i % 16) >>> shift & 15;
            int high = from.get(I8, nibbles + (2 * i + 1) % 16) >>> shift & 15;
            into.set(I8, at + 128 + i * 16L + o, (byte) (low | high << 4));
        }
    }

    /// Panels as floats of a packed weight that is not F32. Steps must be whole blocks of 32 where it
    /// is quantized.
    static Product.Source source(Tensor weight) {
        DType type = weight.type();
        MemorySegment data = weight.data();
        long bytes = panelBytes(type, weight.dim(1));
        return switch (type) {
            case F16, BF16 -> {
                boolean ieee = type == DType.F16;
                yield (panel, from, to, into, at) ->
                        halves(ieee, data, panel * bytes + from * 32L, to - from, into, at);
            }
            case Q8_0 ->
                (panel, from, to, into, at) -> {
                    for (int k = from; k < to; k += 32) {
                        block8(data, panel * bytes + k / 32 * Q8_BLOCK, into, at + (k - from) * Product.STEP_BYTES);
                    }
                };
            case Q4_0, Q4_1 ->
                (panel, from, to, into, at) -> {
                    for (int k = from; k < to; k += 32) {
                        block4(data, panel * bytes + k / 32 * Q4_BLOCK, into, at + (k - from) * Product.STEP_BYTES);
                    }
                };
            default -> throw new AssertionError(type + " panels need no expansion");
        };
    }

    /// One row of a packed weight, as floats: for looking, not for speed.
    static void row(Tensor weight, int row, MemorySegment into) {
        int inner = weight.dim(1);
        int panel = row / PANEL;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = weight.data();
            long start = panel * panelBytes(weight.type(), inner);
            if (weight.type() != DType.F32) {
                floats = arena.allocate(inner * Product.STEP_BYTES + SLACK, 64);
                start = 0;
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

    private static void block8(MemorySegment from, long start, MemorySegment into, long at) {
        for (int o = 0; o < PANEL; o += Lanes.COUNT) {
            FloatVector scale = FloatVector.fromMemorySegment(S, from, start + o * 4L, ORDER);
            for (int k = 0; k < 32; k++) {
                FloatVector q = (FloatVector) ByteVector.fromMemorySegment(BYTES, from, start + 64 + o + k * 16L, ORDER)
                        .convertShape(VectorOperators.B2F, S, 0);
                q.mul(scale).intoMemorySegment(into, at + o * 4L + k * 64L, ORDER);
            }
        }
    }

    private static void block4(MemorySegment from, long start, MemorySegment into, long at) {
        for (int o = 0; o < PANEL; o += Lanes.COUNT) {
            FloatVector scale = FloatVector.fromMemorySegment(S, from, start + o * 4L, ORDER);
            FloatVector minimum = FloatVector.fromMemorySegment(S, from, start + 64 + o * 4L, ORDER);
            for (int i = 0; i < 16; i++) {
                IntVector both = (IntVector) ByteVector.fromMemorySegment(BYTES, from, start + 128 + o + i * 16L, ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, 0);
                FloatVector low = (FloatVector) both.and(15).convertShape(VectorOperators.I2F, S, 0);
                FloatVector high =
                        (FloatVector) both.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, S, 0);
                long to = at + o * 4L + i * 128L;
                low.fma(scale, minimum).intoMemorySegment(into, to, ORDER);
                high.fma(scale, minimum).intoMemorySegment(into, to + 64, ORDER);
            }
        }
    }
}
