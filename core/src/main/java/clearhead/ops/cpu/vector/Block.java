package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// A strip of rows of the matrix product, cut into register blocks that suit the vector length.
///
/// 32 registers (512 bit): 8 rows × 2 vectors, and 4 × 4 for fewer rows; the left side is read where
/// it lies. 16 registers: 6 rows × 2 vectors, for which the left side is copied into tiles
/// [inner, 6]; a single row takes 8 vectors at a time and needs no copy.
final class Block {
    /// Rows of a task: a multiple of the register block's rows.
    static final int TASK_ROWS = COUNT == 16 ? 128 : 120;

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final int PANEL = Product.PANEL;
    private static final int ROWS = COUNT == 16 ? 8 : 6;

    /// Bytes of a row of the tile in which outputs of a last, narrower panel are computed.
    private static final long EDGE_ROW = 4L * PANEL;

    /// Where fresh sums start, the same for every row.
    private static final MemorySegment ZEROS = Arena.ofAuto().allocate(512, 64);

    private static final ThreadLocal<Block> OF_THREAD = ThreadLocal.withInitial(Block::new);

    private MemorySegment tiles = MemorySegment.NULL;
    private MemorySegment edge = MemorySegment.NULL;

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
        boolean tiled = COUNT < 16 && rows > 1;
        MemorySegment left = tiled ? OF_THREAD.get().tiles(a, aOff, aRow, aStep, rows, inner) : a;
        int whole = cols / PANEL * PANEL;
        if (tiled) {
            tiles(left, b, bOff, bPanel, c, cOff, cRow, rows, whole, inner, fresh);
        } else {
            rows(left, aOff, aRow, aStep, b, bOff, bPanel, c, cOff, cRow, rows, whole, inner, fresh);
        }
        if (whole < cols) {
            MemorySegment edge = OF_THREAD.get().edge(rows);
            long bAt = bOff + whole / PANEL * bPanel;
            long cAt = cOff + whole * 4L;
            if (!fresh) {
                copy(c, cAt, cRow, edge, 0, EDGE_ROW, rows, cols - whole);
            }
            if (tiled) {
                tiles(left, b, bAt, bPanel, edge, 0, EDGE_ROW, rows, PANEL, inner, fresh);
            } else {
                rows(left, aOff, aRow, aStep, b, bAt, bPanel, edge, 0, EDGE_ROW, rows, PANEL, inner, fresh);
            }
            copy(edge, 0, EDGE_ROW, c, cAt, cRow, rows, cols - whole);
        }
    }

    /// Outputs in whole panels, the left side where it lies.
    private static void rows(
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
        MemorySegment s = fresh ? ZEROS : c;
        long sRow = fresh ? 0 : cRow;
        int j = 0;
        if (COUNT < 16) {
            for (; j + 8 * COUNT <= cols; j += 8 * COUNT) {
                Blocks.rows1x8(
                        a,
                        aOff,
                        aRow,
                        aStep,
                        b,
                        bOff + j / PANEL * bPanel,
                        bPanel,
                        s,
                        fresh ? 0 : cOff + j * 4L,
                        sRow,
                        c,
                        cOff + j * 4L,
                        cRow,
                        inner);
            }
        } else if (rows < 8) {
            for (; j + 64 <= cols; j += 64) {
                long bAt = bOff + j / PANEL * bPanel;
                long cAt = cOff + j * 4L;
                int i = 0;
                for (; i + 4 <= rows; i += 4) {
                    Blocks.rows4x4(
                            a,
                            aOff + i * aRow,
                            aRow,
                            aStep,
                            b,
                            bAt,
                            bPanel,
                            s,
                            fresh ? 0 : cAt + i * cRow,
                            sRow,
                            c,
                            cAt + i * cRow,
                            cRow,
                            inner);
                }
                if (i + 2 <= rows) {
                    Blocks.rows2x4(
                            a,
                            aOff + i * aRow,
                            aRow,
                            aStep,
                            b,
                            bAt,
                            bPanel,
                            s,
                            fresh ? 0 : cAt + i * cRow,
                            sRow,
                            c,
                            cAt + i * cRow,
                            cRow,
                            inner);
                    i += 2;
                }
                if (i < rows) {
                    Blocks.rows1x4(
                            a,
                            aOff + i * aRow,
                            aRow,
                            aStep,
                            b,
                            bAt,
                            bPanel,
                            s,
                            fresh ? 0 : cAt + i * cRow,
                            sRow,
                            c,
                            cAt + i * cRow,
                            cRow,
                            inner);
                }
            }
        }
        for (; j + 2 * COUNT <= cols; j += 2 * COUNT) {
            long bAt = bOff + j / PANEL * bPanel + j % PANEL * 4L;
            long cAt = cOff + j * 4L;
            int i = 0;
            for (; i + 8 <= rows; i += 8) {
                Blocks.rows8x2(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
            }
            if (i + 4 <= rows) {
                Blocks.rows4x2(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
                i += 4;
            }
            if (i + 2 <= rows) {
                Blocks.rows2x2(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
                i += 2;
            }
            if (i < rows) {
                Blocks.rows1x2(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
            }
        }
        if (j < cols) {
            long bAt = bOff + j / PANEL * bPanel;
            long cAt = cOff + j * 4L;
            int i = 0;
            for (; i + 4 <= rows; i += 4) {
                Blocks.rows4x1(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
            }
            for (; i < rows; i++) {
                Blocks.rows1x1(
                        a,
                        aOff + i * aRow,
                        aRow,
                        aStep,
                        b,
                        bAt,
                        bPanel,
                        s,
                        fresh ? 0 : cAt + i * cRow,
                        sRow,
                        c,
                        cAt + i * cRow,
                        cRow,
                        inner);
            }
        }
    }

    /// Outputs in whole panels, the left side in tiles one after another.
    private static void tiles(
            MemorySegment a,
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
        MemorySegment s = fresh ? ZEROS : c;
        long sRow = fresh ? 0 : cRow;
        for (int j = 0; j < cols; j += 2 * COUNT) {
            long bAt = bOff + j / PANEL * bPanel + j % PANEL * 4L;
            long cAt = cOff + j * 4L;
            int i = 0;
            for (; i + ROWS <= rows; i += ROWS) {
                TileBlocks.tile6x2(
                        a, i * 4L * inner, b, bAt, s, fresh ? 0 : cAt + i * cRow, sRow, c, cAt + i * cRow, cRow, inner);
            }
            long aAt = i * 4L * inner;
            long last = cAt + i * cRow;
            long sAt = fresh ? 0 : last;
            switch (rows - i) {
                case 5 -> TileBlocks.tile5x2(a, aAt, b, bAt, s, sAt, sRow, c, last, cRow, inner);
                case 4 -> TileBlocks.tile4x2(a, aAt, b, bAt, s, sAt, sRow, c, last, cRow, inner);
                case 3 -> TileBlocks.tile3x2(a, aAt, b, bAt, s, sAt, sRow, c, last, cRow, inner);
                case 2 -> TileBlocks.tile2x2(a, aAt, b, bAt, s, sAt, sRow, c, last, cRow, inner);
                case 1 -> TileBlocks.tile1x2(a, aAt, b, bAt, s, sAt, sRow, c, last, cRow, inner);
                default -> {}
            }
        }
    }

    /// The left side as tiles [inner, 6], the last of them with as many rows as are left.
    private MemorySegment tiles(MemorySegment a, long aOff, long aRow, long aStep, int rows, int inner) {
        // What transposition writes beyond the last tile.
        long bytes = 4L * rows * inner + 64;
        if (tiles.byteSize() < bytes) {
            tiles = Arena.ofAuto().allocate(bytes, 64);
        }
        for (int i = 0; i < rows; i += ROWS) {
            int count = Math.min(ROWS, rows - i);
            long at = aOff + i * aRow;
            long to = i * 4L * inner;
            if (aStep == 4) {
                Transpose.tile(a, at, aRow, count, inner, tiles, to);
            } else if (aRow == 4 && rows - i >= 8) {
                eights(a, at, aStep, inner, to);
            } else {
                elements(a, at, aRow, aStep, count, inner, to);
            }
        }
        return tiles;
    }

    /// Tiles of 6 rows whose steps are rows of the source: two floats more are written than belong to a
    /// step, and the next one takes their place.
    private void eights(MemorySegment a, long aOff, long aStep, int inner, long to) {
        for (int k = 0; k < inner; k++) {
            for (int v = 0; v < 32; v += BYTES) {
                FloatVector.fromMemorySegment(FLOATS, a, aOff + k * aStep + v, ORDER)
                        .intoMemorySegment(tiles, to + k * 24L + v, ORDER);
            }
        }
    }

    private void elements(MemorySegment a, long aOff, long aRow, long aStep, int count, int inner, long to) {
        long at = to;
        for (int k = 0; k < inner; k++) {
            for (int r = 0; r < count; r++) {
                tiles.set(F32, at + r * 4L, a.get(F32, aOff + r * aRow + k * aStep));
            }
            at += 4L * count;
        }
    }

    private MemorySegment edge(int rows) {
        if (edge.byteSize() < rows * EDGE_ROW) {
            edge = Arena.ofAuto().allocate(rows * EDGE_ROW, 64);
        }
        return edge;
    }

    private static void copy(
            MemorySegment from, long at, long row, MemorySegment into, long to, long toRow, int rows, int cols) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                into.set(F32, to + i * toRow + j * 4L, from.get(F32, at + i * row + j * 4L));
            }
        }
    }
}
