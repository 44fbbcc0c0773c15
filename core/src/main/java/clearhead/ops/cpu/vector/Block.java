package clearhead.ops.cpu.vector;

import java.lang.foreign.MemorySegment;

/// The register block of the matrix product for the vector length in use: one choice, made once,
/// because a block that fits 32 registers of 512 bits spills with 16 of 256.
final class Block {
    /// Rows of a task: a multiple of the register block's rows.
    static final int TASK_ROWS = Lanes.BITS == 256 ? 60 : 64;

    private static final int ROWS = Lanes.BITS == 256 ? 5 : 8;

    private Block() {}

    /// Rows of each of `tasks` tasks, as even as whole register blocks allow.
    static int evenRows(int rows, int tasks) {
        return Math.ceilDiv(Math.ceilDiv(rows, Math.max(1, tasks)), ROWS) * ROWS;
    }

    /// c [rows, cols] = (c or 0) + a·b, each output accumulated in the order of the inner axis.
    ///
    /// @param a element (i, k) at aOff + i·aRow + k·aStep, in bytes
    /// @param b panels of 16 outputs, each [inner, 16], `bPanel` bytes apart, zero-filled beyond cols
    /// @param c element (i, j) at cOff + i·cRow + 4·j, in bytes
    /// @param fresh whether to start from 0 rather than from c
    static void strip(
            MemorySegment a,
            long aOff,
            long aRow,
            long aStep,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment c,
            long cOff,
            long cRow,
            int rows,
            int cols,
            int inner,
            boolean fresh) {
        if (Lanes.BITS == 512) {
            Blocks512.strip(a, aOff, aRow, aStep, b, bOff, bPanel, c, cOff, cRow, rows, cols, inner, fresh);
        } else if (Lanes.BITS == 256) {
            Blocks256.strip(a, aOff, aRow, aStep, b, bOff, bPanel, c, cOff, cRow, rows, cols, inner, fresh);
        } else {
            Blocks128.strip(a, aOff, aRow, aStep, b, bOff, bPanel, c, cOff, cRow, rows, cols, inner, fresh);
        }
    }
}
