package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One token's product with packed F16 or BF16 weights: the weights go from memory to registers once
/// and are widened there. The bits are those of [Product], which expands them to memory first.
final class HalfRow {
    private static final int PANEL = Product.PANEL;

    /// Vectors in flight: the accumulators hide the latency of the sums.
    private static final int VECTORS = COUNT == 16 ? 4 : 8;

    /// Panels of a task.
    private static final int TASK = VECTORS * COUNT / PANEL;

    /// Where fresh sums start.
    private static final MemorySegment ZEROS = Arena.ofAuto().allocate(VECTORS * (long) Lanes.BYTES, 64);

    private HalfRow() {}

    /// c [out] = (c or 0) + x·Wᵀ.
    ///
    /// @param x [1, in]
    /// @param weight [out, in] in panels, F16 or BF16
    static void product(
            Workspace workspace, Workers workers, MemorySegment x, Tensor weight, MemorySegment c, boolean fresh) {
        int outputs = weight.dim(0);
        int inner = weight.dim(1);
        int panels = Math.ceilDiv(outputs, PANEL);
        long bytes = outputs * 4L;
        long mark = workspace.mark();
        // the last panel is computed whole
        boolean whole = outputs % PANEL == 0;
        MemorySegment sums = whole ? c : workspace.takeBytes(panels * 4L * PANEL);
        if (!whole && !fresh) {
            MemorySegment.copy(c, 0, sums, 0, bytes);
        }
        boolean ieee = weight.type() == DType.F16;
        MemorySegment b = weight.data();
        long bPanel = HalfPanels.panelBytes(inner);
        workers.run(Math.ceilDiv(panels, TASK), task -> {
            int first = task * TASK;
            if (first + TASK <= panels) {
                block(ieee, VECTORS, x, b, first * bPanel, bPanel, sums, first * 4L * PANEL, inner / 2, fresh);
                return;
            }
            for (int p = first; p < panels; p++) {
                block(ieee, PANEL / COUNT, x, b, p * bPanel, bPanel, sums, p * 4L * PANEL, inner / 2, fresh);
            }
        });
        if (!whole) {
            MemorySegment.copy(sums, 0, c, 0, bytes);
        }
        workspace.release(mark);
    }

    private static void block(
            boolean ieee,
            int vectors,
            MemorySegment x,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            int pairs,
            boolean fresh) {
        MemorySegment s = fresh ? ZEROS : c;
        long sOff = fresh ? 0 : cOff;
        if (ieee) {
            switch (vectors) {
                case 8 -> HalfBlocks.half8(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                case 4 -> HalfBlocks.half4(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                case 2 -> HalfBlocks.half2(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                default -> HalfBlocks.half1(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
            }
        } else {
            switch (vectors) {
                case 8 -> HalfBlocks.bfloat8(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                case 4 -> HalfBlocks.bfloat4(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                case 2 -> HalfBlocks.bfloat2(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
                default -> HalfBlocks.bfloat1(x, 0, b, bOff, bPanel, s, sOff, c, cOff, pairs);
            }
        }
    }
}
