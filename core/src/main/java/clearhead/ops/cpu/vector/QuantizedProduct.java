package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.QuantizedActivations.FIRST_SUM;
import static clearhead.ops.cpu.vector.QuantizedActivations.SECOND_SUM;
import static clearhead.ops.cpu.vector.QuantizedActivations.SUM;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

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
/// outputs at a time become integers in float32 that stay in the first cache, and a register block scales
/// its sums itself ([ScaledBlocks]).
record QuantizedProduct(QuantizedPanels form, Tensor weight, QuantizedActivations x) {
    private static final int PANEL = QuantizedPanels.PANEL;
    private static final int GROUP = ScaledBlocks.GROUP;

    /// Floats of a panel's steps and of its scales.
    private static final int STEPS = (int) QuantizedTile.STEPS_BYTES / 4;

    private static final int SCALES = (int) QuantizedTile.SCALES_BYTES / 4;

    /// From the steps and the scales of one vector of outputs to those of the next.
    private static final int SECOND = COUNT == PANEL ? STEPS : COUNT;

    private static final int SECOND_SCALE = COUNT == PANEL ? SCALES : COUNT;

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
        long tile = taskRows * WIDE_BYTES;
        long scales = tile + 4 * QuantizedTile.STEPS_BYTES;
        long slotBytes = scales + 4 * QuantizedTile.SCALES_BYTES;
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        workers.runSlots(rowTasks * colTasks, (task, slot) -> {
            int row = task % rowTasks * taskRows;
            int col = task / rowTasks * WIDE;
            int count = Math.min(taskRows, rows - row);
            int width = Math.min(WIDE, cols - col);
            long own = slot * slotBytes;
            // many rows, and the outputs of a last, narrower strip, are computed in an own place
            boolean whole = few && width == WIDE;
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
                strip(scratch, own, own + tile, own + scales, row, col, count, width);
            }
            for (int r = 0; r < count && !whole; r++) {
                MemorySegment.copy(scratch, own + r * WIDE_BYTES, c, ((long) (row + r) * cols + col) * 4, width * 4L);
            }
        });
    }

    /// Adds to [count, 64] at `at`.
    ///
    /// @param tile where steps go, four panels of [32, 16]
    /// @param scales where the panels' scales go
    private void strip(MemorySegment scratch, long at, long tile, long scales, int row, int col, int count, int width) {
        long panelBytes = form.panelBytes(weight.dim(1));
        int panels = Math.ceilDiv(width, PANEL);
        int tiles = Math.ceilDiv(x.tokens(), GROUP);
        var w = new float[4 * STEPS];
        var d = new float[4 * SCALES];
        // the last register block has rows beyond the last
        var c = new float[Math.ceilDiv(count, GROUP) * GROUP * WIDE];
        MemorySegment.copy(scratch, JAVA_FLOAT, at, c, 0, count * WIDE);
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
            MemorySegment.copy(scratch, JAVA_FLOAT, tile, w, 0, panels * STEPS);
            MemorySegment.copy(scratch, JAVA_FLOAT, scales, d, 0, panels * SCALES);
            int first = b * x.tokens() + row;
            int left = (b * tiles + row / GROUP) * QuantizedActivations.TILE;
            for (int v = 0; v < panels * PANEL; v += 2 * COUNT) {
                int steps = v / PANEL * STEPS + v % PANEL;
                int scale = v / PANEL * SCALES + v % PANEL;
                for (int r = 0; r < count; r += GROUP) {
                    block(
                            count - r,
                            left + r / GROUP * QuantizedActivations.TILE,
                            (first + r) * QuantizedActivations.NUMBERS,
                            w,
                            steps,
                            d,
                            scale,
                            c,
                            r * WIDE + v);
                }
            }
            if (form.hasMinima()) {
                minima(d, first, panels, count, c);
            }
        }
        MemorySegment.copy(c, 0, scratch, JAVA_FLOAT, at, count * WIDE);
    }

    /// Adds 32 inputs of up to GROUP rows and two vectors of outputs.
    private void block(int rows, int left, int number, float[] w, int steps, float[] d, int scale, float[] c, int at) {
        float[] n = x.numbers();
        float[] a = x.floats();
        int inner = QuantizedActivations.BLOCK;
        int next = steps + SECOND;
        int nextScale = scale + SECOND_SCALE;
        if (rows > 6 && GROUP == 8) {
            ScaledBlocks.scaled8(a, left, n, number, w, steps, next, d, scale, nextScale, c, at, inner);
        } else if (rows > 4) {
            ScaledBlocks.scaled6(a, left, n, number, w, steps, next, d, scale, nextScale, c, at, inner);
        } else if (rows > 2) {
            ScaledBlocks.scaled4(a, left, n, number, w, steps, next, d, scale, nextScale, c, at, inner);
        } else {
            ScaledBlocks.scaled2(a, left, n, number, w, steps, next, d, scale, nextScale, c, at, inner);
        }
    }

    private void minima(float[] d, int first, int panels, int count, float[] c) {
        for (int v = 0; v < panels * PANEL; v += COUNT) {
            int scale = v / PANEL * SCALES + v % PANEL;
            if (form.twoMinima()) {
                minimum(d, scale + PANEL, first, FIRST_SUM, count, c, v);
                minimum(d, scale + 2 * PANEL, first, SECOND_SUM, count, c, v);
            } else {
                minimum(d, scale + PANEL, first, SUM, count, c, v);
            }
        }
    }

    private void minimum(float[] d, int minimum, int first, int number, int count, float[] c, int at) {
        float[] numbers = x.numbers();
        FloatVector m = FloatVector.fromArray(FLOATS, d, minimum);
        for (int r = 0; r < count; r++) {
            m.fma(
                            FloatVector.broadcast(FLOATS, numbers[(first + r) * QuantizedActivations.NUMBERS + number]),
                            FloatVector.fromArray(FLOATS, c, at + r * WIDE))
                    .intoArray(c, at + r * WIDE);
        }
    }
}
