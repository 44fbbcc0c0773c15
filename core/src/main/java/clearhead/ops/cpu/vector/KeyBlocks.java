package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// Blocks of 64 keys and values of one kv head of one sequence, as the forward kernel reads them: keys
/// transposed. Both in panels of 16 columns ([TileArrays]), keys [4, headDim, 16] and values
/// [⌈valueDim / 16⌉, 64, 16], where columns beyond the last one and those of keys beyond the context are 0.
/// In arrays, made from packed rows or from pages of any type.
///
/// @param past where they come from
/// @param first number of the first block that there is room for
/// @param one whether there is room for one block at a time
/// @param memory blocks one after the other from `at` on, keys then values
/// @param finite of each block, whether all its values are: a weight of 0 times infinity is not 0
record KeyBlocks(
        KvView past,
        int sequence,
        int kvHead,
        int headDim,
        int valueDim,
        int first,
        boolean one,
        float[] memory,
        int at,
        boolean[] finite) {
    private static final int PAGE = KvView.PAGE;
    private static final int PANEL = TileArrays.PANEL;

    /// Floats of one block.
    static int floats(int headDim, int valueDim) {
        return PAGE * (headDim + (valueDim + PANEL - 1 & -PANEL));
    }

    int key(int block) {
        return at + slot(block) * floats(headDim, valueDim);
    }

    int value(int block) {
        return key(block) + PAGE * headDim;
    }

    boolean isFinite(int block) {
        return finite[slot(block)];
    }

    private int slot(int block) {
        return one ? 0 : block - first;
    }

    /// Makes a block at its place. Keys beyond the context are undefined.
    void make(int block) {
        int count = Math.min(PAGE, past.length(sequence) - block * PAGE);
        switch (past) {
            case KvView.Packed packed -> {
                int kvHeads = packed.key().dim(1);
                long row = packed.rows().start(sequence) + (long) block * PAGE;
                keys(packed.key(), row * kvHeads + kvHead, kvHeads, count, key(block));
                values(packed.value(), row * kvHeads + kvHead, kvHeads, count, value(block), block);
            }
            case KvView.Paged paged -> {
                StoredPages stored = StoredPages.of(paged);
                long number = stored.block(sequence, kvHead, block);
                MemorySegment keys = stored.keys();
                MemorySegment values = stored.values();
                long k0 = number * headDim * PAGE * 4;
                long v0 = number * valueDim * PAGE * 4;
                if (!stored.isFloat()) {
                    keys = Scratch.of((headDim + valueDim) * (PAGE * 4L));
                    values = keys;
                    k0 = 0;
                    v0 = headDim * (PAGE * 4L);
                    stored.keys(number, 0, headDim, keys, k0);
                    stored.values(number, 0, PAGE, values, v0);
                }
                for (int i = 0; i < headDim; i++) {
                    for (int k = 0; k < PAGE; k += PANEL) {
                        copy(keys, k0 + (i * PAGE + k) * 4L, PANEL, memory, key(block) + k * headDim + i * PANEL);
                    }
                }
                panels(values, v0, valueDim * 4L, count, value(block), block);
            }
        }
    }

    /// Rows `first`, `first` + `step`, … of a tensor, transposed into panels.
    private void keys(Tensor key, long first, int step, int count, int to) {
        long bytes = headDim * 4L;
        boolean floats = key.type() == DType.F32;
        MemorySegment scratch = Scratch.of((floats ? 1 : 2) * PANEL * bytes);
        for (int k = 0; k < count; k += PANEL) {
            int present = Math.min(PANEL, count - k);
            MemorySegment from = key.data();
            long at = (first + (long) k * step) * bytes;
            long stride = step * bytes;
            if (!floats) {
                for (int r = 0; r < present; r++) {
                    long row = (first + (long) (k + r) * step) * headDim;
                    Expand.floats(key, row, headDim, scratch, (PANEL + r) * bytes);
                }
                from = scratch;
                at = PANEL * bytes;
                stride = bytes;
            }
            Transpose.panel(from, at, stride, present, headDim, scratch, 0);
            copy(scratch, 0, PANEL * headDim, memory, to + k * headDim);
        }
    }

    /// Native floats into an array.
    static void copy(MemorySegment from, long f0, int count, float[] to, int t0) {
        int i = 0;
        for (; i + COUNT <= count; i += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, from, f0 + i * 4L, ORDER).intoArray(to, t0 + i);
        }
        for (; i < count; i++) {
            to[t0 + i] = from.get(F32, f0 + i * 4L);
        }
    }

    private void values(Tensor value, long firstRow, int step, int count, int to, int block) {
        if (value.type() == DType.F32) {
            panels(value.data(), firstRow * valueDim * 4, step * (valueDim * 4L), count, to, block);
        } else {
            MemorySegment rows = Scratch.of(PAGE * (valueDim * 4L));
            for (int r = 0; r < count; r++) {
                long row = (firstRow + (long) r * step) * valueDim;
                Expand.floats(value, row, valueDim, rows, r * (valueDim * 4L));
            }
            panels(rows, 0, valueDim * 4L, count, to, block);
        }
    }

    /// Rows of values into panels, and whether they are finite.
    private void panels(MemorySegment from, long f0, long row, int count, int to, int block) {
        var bad = FloatVector.zero(FLOATS);
        float rest = 0;
        for (int column = 0; column < valueDim; column += PANEL) {
            int columns = Math.min(PANEL, valueDim - column);
            int whole = columns & -COUNT;
            int panel = to + column * PAGE;
            for (int k = 0; k < count; k++) {
                long in = f0 + k * row + column * 4L;
                int out = panel + k * PANEL;
                int i = 0;
                for (; i < whole; i += COUNT) {
                    var v = FloatVector.fromMemorySegment(FLOATS, from, in + i * 4L, ORDER);
                    v.intoArray(memory, out + i);
                    bad = bad.add(v.sub(v));
                }
                for (; i < columns; i++) {
                    float v = from.get(F32, in + i * 4L);
                    memory[out + i] = v;
                    rest += v * 0;
                }
                for (; i < PANEL; i++) {
                    memory[out + i] = 0;
                }
            }
            java.util.Arrays.fill(memory, panel + count * PANEL, panel + PAGE * PANEL, 0);
        }
        finite[slot(block)] = !bad.compare(VectorOperators.NE, bad).anyTrue() && !Float.isNaN(rest);
    }
}
