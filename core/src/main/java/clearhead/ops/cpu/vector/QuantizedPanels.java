package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/// Quantized weights [out, in] packed once in panels of 16 outputs, at the size they are stored in: the
/// 32-bit words of a block are transposed, unchanged, so that a vector holds the same word of each
/// output's block.
///
/// A panel is a row of units of one or two blocks. A unit is `shorts` 16-bit numbers (scales, minima) of
/// 16 outputs for each of its blocks, filled up to 64 bytes, then `words` 32-bit words of 16 outputs for
/// each of its blocks; so every vector of words is aligned. The number of panels is even.
///
/// @param blocks of the type in a unit
/// @param shorts where a block's 16-bit numbers lie in the file's block, in bytes
/// @param words where its 32-bit words lie: first, count; first, count…
record QuantizedPanels(DType type, int blocks, int[] shorts, int[] words) {
    static final int PANEL = Product.PANEL;

    /// Inputs of a step of the products: all types have a scale for 32 inputs, or more scales.
    static final int BLOCK = 32;

    /// Bytes of a word of 16 outputs.
    static final long WORD = 64;

    /// Bytes of a 16-bit number of 16 outputs.
    static final long SHORT = 32;

    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(Lanes.ORDER);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(Lanes.ORDER);
    private static final long LOW = 0xffff_ffffL;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(Lanes.ORDER);

    /// How a type is packed; empty for types that are not quantized.
    static Optional<QuantizedPanels> of(DType type) {
        return switch (type) {
            case Q8_0 -> form(type, 2, at(0), at(2, 8));
            case Q4_0, IQ4_NL -> form(type, 2, at(0), at(2, 4));
            case Q4_1 -> form(type, 1, at(0, 2), at(4, 4));
            case Q5_0 -> form(type, 2, at(0), at(2, 5));
            case Q5_1 -> form(type, 1, at(0, 2), at(4, 5));
            case MXFP4 -> form(type, 2, at(0), at(1, 4));
            case Q2_K -> form(type, 1, at(80, 82), at(0, 20));
            case Q3_K -> form(type, 1, at(108), at(0, 27));
            case Q4_K -> form(type, 1, at(0, 2), at(4, 35));
            case Q5_K -> form(type, 1, at(0, 2), at(4, 43));
            case Q6_K -> form(type, 1, at(208), at(0, 52));
            case IQ4_XS -> form(type, 1, at(0, 2), at(4, 33));
            default -> Optional.empty();
        };
    }

    static boolean takes(DType type) {
        return of(type).isPresent();
    }

    private static int[] at(int... offsets) {
        return offsets;
    }

    private static Optional<QuantizedPanels> form(DType type, int blocks, int[] shorts, int[] words) {
        return Optional.of(new QuantizedPanels(type, blocks, shorts, words));
    }

    /// Bytes of a unit before its words.
    long head() {
        return (blocks * shorts.length * SHORT + 63) & -64;
    }

    /// Words of a block.
    int wordCount() {
        return words[1];
    }

    /// Bytes of a unit.
    long unitBytes() {
        return head() + blocks * wordCount() * WORD;
    }

    /// Bytes of a panel.
    long panelBytes(int inner) {
        return Math.ceilDiv(inner, type.blockSize() * blocks) * unitBytes();
    }

    private static int panels(int outputs) {
        return (Math.ceilDiv(outputs, PANEL) + 1) / 2 * 2;
    }

    /// Bytes of a weight.
    long bytes(int outputs, int inner) {
        return Math.multiplyExact(panels(outputs), panelBytes(inner));
    }

    /// The weight in panels; as it is where a scale is no finite number, which the panels' kernels do
    /// not take.
    Tensor pack(Tensor weight, Arena arena, Workers workers) {
        int inner = weight.dim(1);
        int panels = panels(weight.dim(0));
        long bytes = panelBytes(inner);
        MemorySegment into = Zeros.allocate(arena, bytes(weight.dim(0), inner));
        var infinite = new AtomicBoolean();
        workers.run(panels, p -> {
            if (!packPanel(weight, p, into, p * bytes)) {
                infinite.set(true);
            }
        });
        return infinite.get() ? weight : new Tensor(type, weight.shape(), Layout.PANELS, into);
    }

    private boolean packPanel(Tensor weight, int panel, MemorySegment into, long at) {
        int present = Math.min(PANEL, weight.dim(0) - panel * PANEL);
        int count = weight.dim(1) / type.blockSize();
        MemorySegment from = weight.data();
        long row = (long) count * type.blockBytes();
        boolean finite = true;
        for (int b = 0; b < count; b++) {
            long unit = at + b / blocks * unitBytes();
            long numbers = unit + b % blocks * shorts.length * SHORT;
            long to = unit + head() + b % blocks * wordCount() * WORD;
            long start = (long) panel * PANEL * row + (long) b * type.blockBytes();
            for (int o = 0; o < present; o++) {
                finite &= packShorts(from, start + o * row, into, numbers + o * 2L);
            }
            packWords(from, start + words[0], row, present, into, to);
        }
        return finite;
    }

    private boolean packShorts(MemorySegment from, long block, MemorySegment into, long at) {
        if (type == DType.MXFP4) {
            // half of 2^(e − 127), which has a bfloat16
            float scale = (float) Math.scalb(1.0, (from.get(ValueLayout.JAVA_BYTE, block) & 0xff) - 128);
            into.set(I16, at, (short) (Float.floatToRawIntBits(scale) >>> 16));
            return true;
        }
        boolean finite = true;
        for (int i = 0; i < shorts.length; i++) {
            short bits = from.get(I16, block + shorts[i]);
            finite &= (bits & 0x7c00) != 0x7c00 || (type == DType.IQ4_XS && i == 1);
            into.set(I16, at + i * SHORT, bits);
        }
        return finite;
    }

    /// Transposes the words of a block of each output. Bytes of Q8_0 count from −128 up.
    private void packWords(MemorySegment from, long start, long row, int present, MemorySegment into, long to) {
        int flip = type == DType.Q8_0 ? 0x80808080 : 0;
        int count = wordCount();
        int pairs = count & -2;
        // squares of two outputs and two words, as 64 bits: the compiler has plain code for them long
        // before it has vectors
        long flips = flip & LOW | (long) flip << 32;
        int o = 0;
        for (; o + 1 < present; o += 2) {
            long word = start + o * row;
            long at = to + o * 4L;
            for (int i = 0; i < pairs; i += 2) {
                long a = from.get(I64, word + i * 4L) ^ flips;
                long b = from.get(I64, word + row + i * 4L) ^ flips;
                into.set(I64, at + i * WORD, a & LOW | b << 32);
                into.set(I64, at + (i + 1) * WORD, a >>> 32 | b & ~LOW);
            }
            if (pairs < count) {
                into.set(I32, at + pairs * WORD, from.get(I32, word + pairs * 4L) ^ flip);
                into.set(I32, at + 4 + pairs * WORD, from.get(I32, word + row + pairs * 4L) ^ flip);
            }
        }
        for (; o < present; o++) {
            for (int i = 0; i < count; i++) {
                into.set(I32, to + o * 4L + i * WORD, from.get(I32, start + o * row + i * 4L) ^ flip);
            }
        }
    }

    /// Panels as floats of a packed weight, for products in float32. Steps must be whole blocks of 32.
    Product.Source source(Tensor weight) {
        MemorySegment data = weight.data();
        long bytes = panelBytes(weight.dim(1));
        return (panel, from, to, into, at) -> {
            MemorySegment scales = QuantizedTile.scales();
            for (int k = from; k < to; k += BLOCK) {
                long here = at + (k - from) * Product.STEP_BYTES;
                QuantizedTile.steps(this, data, panel * bytes, k / BLOCK, into, here, scales, 0);
                QuantizedTile.scale(this, into, here, scales, 0);
            }
        };
    }

    /// Whether a weight is scale·q + minimum rather than scale·q.
    boolean hasMinima() {
        return switch (type) {
            case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> true;
            default -> false;
        };
    }

    /// Whether each 16 inputs have a minimum of their own.
    boolean twoMinima() {
        return type == DType.Q2_K;
    }
}
