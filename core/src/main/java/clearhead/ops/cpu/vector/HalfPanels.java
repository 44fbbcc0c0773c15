package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// F16 and BF16 weights in panels of 16 outputs: [in/2, 16] 32-bit words, each with the weights of two
/// inputs, the first in its lower half, as they are stored. A vector of words is widened to two of
/// floats by shifts and masks alone.
final class HalfPanels {
    /// Bytes of a panel for each two inputs.
    static final long PAIR_BYTES = 4L * Product.PANEL;

    private static final int PANEL = Product.PANEL;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);

    private HalfPanels() {}

    /// Bytes of a panel.
    static long panelBytes(int inner) {
        return inner / 2 * PAIR_BYTES;
    }

    /// The weight in panels. As it is with an odd number of inputs, or where half precision holds an
    /// infinity or NaN, which these kernels do not take.
    static Tensor pack(Tensor weight, Arena arena, Workers workers) {
        int outputs = weight.dim(0);
        int inner = weight.dim(1);
        if (inner % 2 != 0) {
            return weight;
        }
        int panels = Math.ceilDiv(outputs, PANEL);
        long bytes = panelBytes(inner);
        long row = inner * 2L;
        boolean ieee = weight.type() == DType.F16;
        MemorySegment into = Zeros.allocate(arena, Math.multiplyExact(panels, bytes));
        var infinite = new AtomicBoolean();
        workers.run(panels, p -> {
            int present = Math.min(PANEL, outputs - p * PANEL);
            // words move as floats do
            Transpose.panel(weight.data(), p * PANEL * row, row, present, inner / 2, into, p * bytes);
            clear(into, p * bytes, bytes, present);
            if (ieee && !finite(into, p * bytes, bytes)) {
                infinite.set(true);
            }
        });
        return infinite.get() ? weight : new Tensor(weight.type(), weight.shape(), Layout.PANELS, into);
    }

    private static void clear(MemorySegment panel, long start, long bytes, int present) {
        for (long k = start; k < start + bytes && present < PANEL; k += PAIR_BYTES) {
            for (int o = present; o < PANEL; o++) {
                panel.set(I32, k + o * 4L, 0);
            }
        }
    }

    /// The sum carries into a half's sign where its exponent is the largest.
    private static boolean finite(MemorySegment panel, long start, long bytes) {
        IntVector signs = IntVector.zero(INTS);
        for (long i = start; i < start + bytes; i += Lanes.BYTES) {
            IntVector exponents =
                    IntVector.fromMemorySegment(INTS, panel, i, ORDER).and(0x7c007c00);
            signs = signs.or(exponents.add(0x04000400));
        }
        return (signs.reduceLanes(VectorOperators.OR) & 0x80008000) == 0;
    }

    /// Panels as floats, from an even step to an even step.
    static Product.Source source(Tensor weight) {
        MemorySegment data = weight.data();
        long bytes = panelBytes(weight.dim(1));
        return weight.type() == DType.F16
                ? (panel, from, to, into, at) -> halves(data, panel * bytes + from * 32L, to - from, into, at)
                : (panel, from, to, into, at) -> bfloats(data, panel * bytes + from * 32L, to - from, into, at);
    }

    private static void halves(MemorySegment from, long start, int steps, MemorySegment into, long at) {
        for (int o = 0; o < PANEL; o += COUNT) {
            for (int k = 0; k < steps; k += 2) {
                long to = at + o * 4L + k * Product.STEP_BYTES;
                IntVector both = IntVector.fromMemorySegment(INTS, from, start + o * 4L + k * 32L, ORDER);
                FloatVector low = both.lanewise(VectorOperators.LSHL, 16)
                        .lanewise(VectorOperators.ASHR, 3)
                        .and(0x8fffe000)
                        .reinterpretAsFloats();
                FloatVector high =
                        both.lanewise(VectorOperators.ASHR, 3).and(0x8fffe000).reinterpretAsFloats();
                low.mul(0x1p112f).intoMemorySegment(into, to, ORDER);
                high.mul(0x1p112f).intoMemorySegment(into, to + Product.STEP_BYTES, ORDER);
            }
        }
    }

    private static void bfloats(MemorySegment from, long start, int steps, MemorySegment into, long at) {
        for (int o = 0; o < PANEL; o += COUNT) {
            for (int k = 0; k < steps; k += 2) {
                long to = at + o * 4L + k * Product.STEP_BYTES;
                IntVector both = IntVector.fromMemorySegment(INTS, from, start + o * 4L + k * 32L, ORDER);
                both.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoMemorySegment(into, to, ORDER);
                both.and(0xffff0000).reinterpretAsFloats().intoMemorySegment(into, to + Product.STEP_BYTES, ORDER);
            }
        }
    }
}
