package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.QuantizedActivations.FIRST_SUM;
import static clearhead.ops.cpu.vector.QuantizedActivations.SECOND_SUM;
import static clearhead.ops.cpu.vector.QuantizedActivations.SUM;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// c = (c or 0) + x·Wᵀ for packed quantized weights and activations quantized to int8 in blocks of 32.
///
/// The sum of 32 products of integers is exact, in integers or in float32, in any order. Blocks follow
/// one another: each adds sum·(scale of the weights · scale of the activations), fused, and then the
/// minima times scale·Σq of the activations, fused. So one row and many, whatever computes their sums,
/// have the same bits.
///
/// A row or a few are multiplied where the weights lie ([QuantizedRows]); for more, 32 inputs of 64
/// outputs at a time become integers in float32 that stay in the first cache.
record QuantizedProduct(QuantizedPanels form, Tensor weight, QuantizedActivations x) {
    private static final int PANEL = QuantizedPanels.PANEL;

    /// Outputs of a task.
    static final int WIDE = 4 * PANEL;

    private static final long WIDE_BYTES = 4L * WIDE;

    /// Rows of a task: a multiple of the register block's rows.
    private static final int TASK_ROWS = COUNT == 16 ? 64 : 60;

    /// Up to so many rows, weights are unpacked for each row again.
    private static final int FEW_ROWS = 2;

    /// @param c [tokens, out]
    /// @param fresh whether to start from 0 rather than from c
    static void run(Workspace workspace, Workers workers, Tensor x, Tensor weight, MemorySegment c, boolean fresh) {
        long mark = workspace.mark();
        var form = QuantizedPanels.of(weight.type()).orElseThrow();
        boolean few = few(x.dim(0), form);
        var quantized = QuantizedActivations.of(workspace, workers, x.data(), x.dim(0), x.dim(1), few);
        new QuantizedProduct(form, weight, quantized).run(workspace, workers, c, fresh);
        workspace.release(mark);
    }

    private static boolean few(int rows, QuantizedPanels form) {
        return rows <= FEW_ROWS && QuantizedRows.takes(form.type());
    }

    private void run(Workspace workspace, Workers workers, MemorySegment c, boolean fresh) {
        int cols = weight.dim(0);
        int rows = x.tokens();
        boolean few = few(rows, form);
        int taskRows = few ? FEW_ROWS : TASK_ROWS;
        int rowTasks = Math.ceilDiv(rows, taskRows);
        int colTasks = Math.ceilDiv(cols, WIDE);
        long tile = 2 * taskRows * WIDE_BYTES;
        long scales = tile + 4 * QuantizedTile.STEPS_BYTES;
        long slotBytes = scales + 4 * QuantizedTile.SCALES_BYTES;
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        workers.runSlots(rowTasks * colTasks, (task, slot) -> {
            int row = task % rowTasks * taskRows;
            int col = task / rowTasks * WIDE;
            int count = Math.min(taskRows, rows - row);
            int width = Math.min(WIDE, cols - col);
            long own = slot * slotBytes;
            // outputs of a last, narrower strip, are computed in an own place
            boolean whole = width == WIDE;
            MemorySegment into = whole ? c : scratch;
            long at = whole ? ((long) row * cols + col) * 4 : own;
            long stride = whole ? cols * 4L : WIDE_BYTES;
            for (int r = 0; r < count; r++) {
                long from = ((long) (row + r) * cols + col) * 4;
                if (fresh) {
                    into.asSlice(at + r * stride, WIDE_BYTES).fill((byte) 0);
                } else if (!whole) {
                    MemorySegment.copy(c, from, scratch, own + r * WIDE_BYTES, width * 4L);
                }
            }
            if (few) {
                for (int r = 0; r < count; r++) {
                    QuantizedRows.strip(form, weight, col / PANEL, x, row + r, into, at + r * stride, width);
                }
            } else {
                strip(
                        scratch,
                        own + taskRows * WIDE_BYTES,
                        own + tile,
                        own + scales,
                        row,
                        col,
                        count,
                        width,
                        into,
                        at,
                        stride);
            }
            for (int r = 0; r < count && !whole; r++) {
                MemorySegment.copy(scratch, own + r * WIDE_BYTES, c, ((long) (row + r) * cols + col) * 4, width * 4L);
            }
        });
    }

    /// @param sums where block sums go, [count, 64]
    /// @param tile where steps go, four panels of [32, 16]
    /// @param scales where the panels' scales go
    private void strip(
            MemorySegment scratch,
            long sums,
            long tile,
            long scales,
            int row,
            int col,
            int count,
            int width,
            MemorySegment c,
            long at,
            long stride) {
        long panelBytes = form.panelBytes(weight.dim(1));
        int panels = Math.ceilDiv(width, PANEL);
        for (int b = 0; b < x.blocks(); b++) {
            for (int p = 0; p < panels; p++) {
                QuantizedTile.steps(
                        form,
                        weight.data(),
                        (col / PANEL + p) * panelBytes,
                        b,
                        scratch,
                        tile + p * QuantizedTile.STEPS_BYTES,
                        scratch,
                        scales + p * QuantizedTile.SCALES_BYTES);
            }
            int index = b * x.tokens() + row;
            Block.strip(
                    x.floats(),
                    index * QuantizedActivations.FLOATS_BYTES,
                    QuantizedActivations.FLOATS_BYTES,
                    4,
                    scratch,
                    tile,
                    QuantizedTile.STEPS_BYTES,
                    scratch,
                    sums,
                    WIDE_BYTES,
                    count,
                    panels * PANEL,
                    QuantizedActivations.BLOCK,
                    true);
            add(scratch, sums, scales, b * x.tokens() + row, panels, count, c, at, stride);
        }
    }

    /// Adds the sums of a block, scaled.
    ///
    /// @param first the first row's block among the activations' blocks
    private void add(
            MemorySegment scratch,
            long sums,
            long scales,
            int first,
            int panels,
            int count,
            MemorySegment c,
            long at,
            long stride) {
        float[] numbers = x.numbers();
        for (int v = 0; v < panels * PANEL; v += COUNT) {
            long scale = scales + v / PANEL * QuantizedTile.SCALES_BYTES + v % PANEL * 4L;
            FloatVector s = FloatVector.fromMemorySegment(FLOATS, scratch, scale, ORDER);
            for (int r = 0; r < count; r++) {
                long to = at + v * 4L + r * stride;
                FloatVector.fromMemorySegment(FLOATS, scratch, sums + v * 4L + r * WIDE_BYTES, ORDER)
                        .fma(
                                s.mul(numbers[(first + r) * QuantizedActivations.NUMBERS]),
                                FloatVector.fromMemorySegment(FLOATS, c, to, ORDER))
                        .intoMemorySegment(c, to, ORDER);
            }
            if (form.twoMinima()) {
                minima(scratch, scale + QuantizedTile.MINIMUM, first, FIRST_SUM, count, c, at + v * 4L, stride);
                minima(scratch, scale + QuantizedTile.SECOND_MINIMUM, first, SECOND_SUM, count, c, at + v * 4L, stride);
            } else if (form.hasMinima()) {
                minima(scratch, scale + QuantizedTile.MINIMUM, first, SUM, count, c, at + v * 4L, stride);
            }
        }
    }

    private void minima(
            MemorySegment scratch,
            long minimum,
            int first,
            int number,
            int count,
            MemorySegment c,
            long at,
            long stride) {
        float[] numbers = x.numbers();
        FloatVector m = FloatVector.fromMemorySegment(FLOATS, scratch, minimum, ORDER);
        for (int r = 0; r < count; r++) {
            long to = at + r * stride;
            m.fma(
                            FloatVector.broadcast(FLOATS, numbers[(first + r) * QuantizedActivations.NUMBERS + number]),
                            FloatVector.fromMemorySegment(FLOATS, c, to, ORDER))
                    .intoMemorySegment(c, to, ORDER);
        }
    }
}
