package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;

/// The matrix product c = (c or 0) + a·b behind `linear` and its adjoints, in float32.
///
/// b is read in panels of 16 outputs, [inner, 16], so that each step of the inner axis is one vector
/// of outputs and one broadcast element of a. Every output has one accumulator and takes one fused
/// multiply-add a step, in order; blocks of the inner axis go on from what is stored. So the bits do
/// not depend on how rows, outputs or the inner axis are cut.
///
/// @param a left side
/// @param aOff bytes from the start of `a` to element (0, 0)
/// @param aRow bytes from one row to the next
/// @param aStep bytes from one element of the inner axis to the next
/// @param rows rows of a and c
/// @param cols outputs
/// @param inner length of the inner axis
record Product(MemorySegment a, long aOff, long aRow, long aStep, int rows, int cols, int inner) {
    /// Outputs in a panel.
    static final int PANEL = 16;

    /// Bytes of a panel for each step of the inner axis.
    static final long STEP_BYTES = 4L * PANEL;

    /// Steps of the inner axis in a block: 64 outputs are 128 KiB, which stays in a core's own cache.
    private static final int INNER_BLOCK = 512;

    /// The same where a task packs its own panels for a row or a few: they stay in the first cache.
    private static final int SHORT_BLOCK = 64;

    /// Up to so many rows, each task packs its own panels: there is nobody to share them with.
    private static final int FEW_ROWS = 128;

    /// Panels that such a task packs; more where the left side is copied for each task.
    private static final int FEW_PANELS = 4;

    private static final int MORE_PANELS = Lanes.COUNT == 16 ? 4 : 8;

    /// Most outputs of a task, so that what it writes stays in the second cache while the inner axis
    /// goes on.
    private static final int MOST_OUTPUTS = 512;

    /// Packed panels kept at a time.
    private static final long CHUNK_BYTES = 8L << 20;

    private static final int MIN_TASKS = 8;

    /// Elements of b that a packing task writes, about.
    private static final int PACK_ELEMENTS = 16 << 10;

    /// Left sides read at a longer stride than this are copied together first: their lines would
    /// fall on each other in the cache.
    private static final long LONG_STRIDE = 4096;

    /// Makes panels of the right side.
    interface Source {
        /// Writes [to − from, 16] floats of the steps `from` to `to`; outputs beyond the last are 0.
        void pack(int panel, int from, int to, MemorySegment into, long at);
    }

    /// With panels made on the way.
    ///
    /// @param c result, row-major [rows, cols]
    /// @param fresh whether to start from 0 rather than from c
    void run(Workspace workspace, Workers workers, Source source, MemorySegment c, boolean fresh) {
        long mark = workspace.mark();
        if (rows <= FEW_ROWS) {
            runFewRows(workspace, workers, source, c, fresh);
        } else {
            int panels = Math.ceilDiv(cols, PANEL);
            long panelBytes = Math.max(1, inner * STEP_BYTES);
            int chunk = (int) Math.clamp(CHUNK_BYTES / panelBytes / 4 * 4, 4, Math.max(4, panels));
            MemorySegment packed = workspace.takeBytes(Math.min(chunk, panels) * panelBytes);
            int group = (int) Math.clamp(PACK_ELEMENTS / (panelBytes / 4), 1, 64);
            for (int first = 0; first < panels; first += chunk) {
                int from = first;
                int count = Math.min(chunk, panels - from);
                workers.run(Math.ceilDiv(count, group), task -> {
                    int end = Math.min(count, (task + 1) * group);
                    for (int p = task * group; p < end; p++) {
                        source.pack(from + p, 0, inner, packed, p * panelBytes);
                    }
                });
                int outputs = Math.min(cols - from * PANEL, count * PANEL);
                runPanels(workspace, workers, packed, 0, panelBytes, c, from * PANEL * 4L, outputs, fresh);
            }
        }
        workspace.release(mark);
    }

    private void runFewRows(Workspace workspace, Workers workers, Source source, MemorySegment c, boolean fresh) {
        int wide = (rows <= 64 ? FEW_PANELS : MORE_PANELS) * PANEL;
        int block = Math.min(inner, rows <= 8 ? SHORT_BLOCK : INNER_BLOCK);
        long panelBytes = block * STEP_BYTES;
        long slotBytes = Math.max(64, wide / PANEL * panelBytes);
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        long cRow = cols * 4L;
        workers.runSlots(Math.ceilDiv(cols, wide), (task, slot) -> {
            int j = task * wide;
            int width = Math.min(wide, cols - j);
            long at = slot * slotBytes;
            int k = 0;
            do {
                int steps = Math.min(block, inner - k);
                for (int p = 0; p * PANEL < width; p++) {
                    source.pack(j / PANEL + p, k, k + steps, scratch, at + p * panelBytes);
                }
                Block.strip(
                        a,
                        aOff + k * aStep,
                        aRow,
                        aStep,
                        scratch,
                        at,
                        panelBytes,
                        c,
                        j * 4L,
                        cRow,
                        rows,
                        width,
                        steps,
                        fresh && k == 0);
                k += steps;
            } while (k < inner);
        });
    }

    /// With panels at hand.
    ///
    /// @param bPanel bytes from one panel to the next
    /// @param cOff bytes from the start of `c` to the first of these outputs
    /// @param outputs how many of the columns of c, from there on
    void runPanels(
            Workspace workspace,
            Workers workers,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            int outputs,
            boolean fresh) {
        long mark = workspace.mark();
        long cRow = cols * 4L;
        int rowTasks = Math.ceilDiv(rows, Block.TASK_ROWS);
        int taskRows = Block.evenRows(rows, rowTasks);
        boolean gather = aStep > LONG_STRIDE;
        int splits = gather ? 1 : Math.ceilDiv(MIN_TASKS, Math.max(1, rowTasks));
        int width = Math.clamp(Math.ceilDiv(Math.ceilDiv(outputs, splits), 64) * 64, 64, MOST_OUTPUTS);
        int colTasks = Math.ceilDiv(outputs, width);
        int block = Math.min(inner, INNER_BLOCK);
        long gatherRow = 4L * taskRows;
        long slotBytes = gather ? gatherRow * block : 0;
        MemorySegment scratch = workspace.takeBytes(slotBytes * workers.threads());
        workers.runSlots(rowTasks * colTasks, (task, slot) -> {
            int i = task / colTasks * taskRows;
            int j = task % colTasks * width;
            int count = Math.min(taskRows, rows - i);
            int taskCols = Math.min(width, outputs - j);
            long bAt = bOff + j / PANEL * bPanel;
            long cAt = cOff + i * cRow + j * 4L;
            int k = 0;
            do {
                int steps = Math.min(block, inner - k);
                boolean first = fresh && k == 0;
                if (gather) {
                    long at = slot * slotBytes;
                    for (int s = 0; s < steps; s++) {
                        MemorySegment.copy(
                                a, aOff + i * aRow + (k + s) * aStep, scratch, at + s * gatherRow, count * 4L);
                    }
                    Block.strip(
                            scratch,
                            at,
                            4,
                            gatherRow,
                            b,
                            bAt + k * STEP_BYTES,
                            bPanel,
                            c,
                            cAt,
                            cRow,
                            count,
                            taskCols,
                            steps,
                            first);
                } else {
                    Block.strip(
                            a,
                            aOff + i * aRow + k * aStep,
                            aRow,
                            aStep,
                            b,
                            bAt + k * STEP_BYTES,
                            bPanel,
                            c,
                            cAt,
                            cRow,
                            count,
                            taskCols,
                            steps,
                            first);
                }
                k += steps;
            } while (k < inner);
        });
        workspace.release(mark);
    }
}
