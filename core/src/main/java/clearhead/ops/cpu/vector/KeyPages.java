package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.CacheRows;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/// Keys and values in the one form that the attention kernels read: F32 pages of 64 positions, keys
/// transposed ([KvView.Paged]). A cache of floats is in this form; packed keys and values, and caches
/// of other types, are copied into it, which costs as much memory as they have in F32.
///
/// @param keys [pages, kvHeads, headDim, PAGE] from byte keys0 on
/// @param values [pages, kvHeads, PAGE, valueDim] from byte values0 on
/// @param table pages of each sequence, in order; in a ring, those of its last positions
record KeyPages(
        MemorySegment keys,
        long keys0,
        MemorySegment values,
        long values0,
        int[][] table,
        int kvHeads,
        int headDim,
        int valueDim) {
    private static final int PAGE = KvView.PAGE;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ORDER);

    /// The pages of a cache, or copies of other keys and values, made in `workspace`.
    static KeyPages of(Workspace workspace, Workers workers, KvView past) {
        return switch (past) {
            case KvView.Paged paged when paged.keys().type() == DType.F32 -> of(paged);
            case KvView.Paged paged -> of(widened(workspace, workers, paged));
            case KvView.Packed packed -> {
                KvView.Packed floats = widened(workspace, workers, packed);
                int kvHeads = floats.key().dim(1);
                int[][] table = new int[floats.sequences()][];
                int[] lengths = new int[table.length];
                int pages = 0;
                for (int s = 0; s < table.length; s++) {
                    lengths[s] = floats.length(s);
                    table[s] = new int[Math.ceilDiv(lengths[s], PAGE)];
                    for (int p = 0; p < table[s].length; p++) {
                        table[s][p] = pages++;
                    }
                }
                Tensor keys =
                        workspace.take(DType.F32, pages, kvHeads, floats.key().dim(2), PAGE);
                Tensor values = workspace.take(
                        DType.F32, pages, kvHeads, PAGE, floats.value().dim(2));
                var copy = new KvView.Paged(keys, values, table, lengths);
                store(workers, floats.key(), floats.value(), floats.rows(), copy);
                yield of(copy);
            }
        };
    }

    private static KeyPages of(KvView.Paged floats) {
        return new KeyPages(
                floats.keys().data(),
                0,
                floats.values().data(),
                0,
                floats.table(),
                floats.keys().dim(1),
                floats.keys().dim(2),
                floats.values().dim(3));
    }

    /// Packed keys and values as F32.
    static KvView.Packed widened(Workspace workspace, Workers workers, KvView.Packed packed) {
        if (packed.key().type() == DType.F32 && packed.value().type() == DType.F32) {
            return packed;
        }
        return new KvView.Packed(
                widened(workspace, workers, packed.key()), widened(workspace, workers, packed.value()), packed.rows());
    }

    private static Tensor widened(Workspace workspace, Workers workers, Tensor t) {
        Tensor floats = workspace.take(DType.F32, t.shape());
        int rows = t.dim(0);
        int row = t.dim(1) * t.dim(2);
        workers.run(Math.ceilDiv(rows, PAGE), task -> {
            int from = task * PAGE;
            int count = Math.min(PAGE, rows - from) * row;
            Expand.floats(t, (long) from * row, count, floats.data(), (long) from * row * 4);
        });
        return floats;
    }

    /// The pages in use, as F32.
    private static KvView.Paged widened(Workspace workspace, Workers workers, KvView.Paged past) {
        StoredPages stored = StoredPages.of(past);
        int[][] table = new int[past.sequences()][];
        int[] firstTask = new int[table.length + 1];
        for (int s = 0; s < table.length; s++) {
            int used = Math.min(past.table()[s].length, Math.ceilDiv(past.length(s), PAGE));
            table[s] = new int[past.ring() ? past.table()[s].length : used];
            for (int p = 0; p < used; p++) {
                table[s][p] = firstTask[s] + p;
            }
            firstTask[s + 1] = firstTask[s] + used;
        }
        int pages = firstTask[table.length];
        int kvHeads = stored.kvHeads();
        Tensor keys = workspace.take(DType.F32, pages, kvHeads, stored.keyDim(), PAGE);
        Tensor values = workspace.take(DType.F32, pages, kvHeads, PAGE, stored.valueDim());
        long keyBytes = stored.keyDim() * (PAGE * 4L);
        long valueBytes = stored.valueDim() * (PAGE * 4L);
        workers.run(Math.multiplyExact(pages, kvHeads), task -> {
            int page = task / kvHeads;
            int s = Tasks.owner(firstTask, page);
            long block = stored.block(s, task % kvHeads, page - firstTask[s]);
            stored.keys(block, 0, stored.keyDim(), keys.data(), task * keyBytes);
            stored.values(block, 0, PAGE, values.data(), task * valueBytes);
        });
        return new KvView.Paged(keys, values, Optional.empty(), past.ring(), table, past.lengths());
    }

    /// Byte offset of a block of keys, [headDim, PAGE], in `keys`.
    long key(int sequence, int kvHead, int block) {
        return keys0 + block(sequence, kvHead, block) * headDim * PAGE * 4;
    }

    /// Byte offset of a block of values, [PAGE, valueDim], in `values`.
    long value(int sequence, int kvHead, int block) {
        return values0 + block(sequence, kvHead, block) * valueDim * PAGE * 4;
    }

    private long block(int sequence, int kvHead, int block) {
        int[] pages = table[sequence];
        return (long) pages[block % pages.length] * kvHeads + kvHead;
    }

    /// Writes rows into the last positions of each sequence of a cache.
    ///
    /// @param key [tokens, kvHeads, headDim]
    /// @param value [tokens, kvHeads, valueDim]
    static void store(Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        int kvHeads = key.dim(1);
        int[] firstTask = new int[queries.count() + 1];
        for (int s = 0; s < queries.count(); s++) {
            int from = past.length(s) - queries.length(s);
            int blocks = queries.length(s) == 0 ? 0 : Math.ceilDiv(past.length(s), PAGE) - from / PAGE;
            firstTask[s + 1] = Math.addExact(firstTask[s], Math.multiplyExact(blocks, kvHeads));
        }
        boolean floats = past.keys().type() == DType.F32 && key.type() == DType.F32;
        workers.run(firstTask[queries.count()], task -> {
            int s = Tasks.owner(firstTask, task);
            int local = task - firstTask[s];
            int start = past.length(s) - queries.length(s);
            int block = start / PAGE + local / kvHeads;
            int from = Math.max(start, block * PAGE);
            int to = Math.min(past.length(s), (block + 1) * PAGE);
            int row = queries.start(s) + (from - start);
            if (floats) {
                storeFloats(key, value, row, past, s, local % kvHeads, from, to);
            } else {
                for (int p = from; p < to; p++) {
                    long at = (long) (row + p - from) * kvHeads + local % kvHeads;
                    CacheRows.write(past, s, local % kvHeads, p, key, at * key.dim(2), value, at * value.dim(2));
                }
            }
        });
    }

    /// Positions `from` to `to`, all in one page, from row `row` on.
    private static void storeFloats(
            Tensor key, Tensor value, int row, KvView.Paged past, int sequence, int kvHead, int from, int to) {
        int headDim = key.dim(2);
        int valueDim = value.dim(2);
        long keyRow = key.dim(1) * (headDim * 4L);
        long valueRow = key.dim(1) * (valueDim * 4L);
        long block = (long) past.page(sequence, from) * key.dim(1) + kvHead;
        int slot = from % PAGE;
        transpose(
                key.data(),
                row * keyRow + kvHead * (headDim * 4L),
                keyRow,
                past.keys().data(),
                block * headDim * PAGE * 4 + slot * 4L,
                PAGE * 4L,
                to - from,
                headDim);
        copy(
                value.data(),
                row * valueRow + kvHead * (valueDim * 4L),
                valueRow,
                past.values().data(),
                (block * PAGE + slot) * valueDim * 4,
                valueDim * 4L,
                to - from,
                valueDim);
    }

    /// target [columns, rows] = source [rows, columns] transposed; strides in bytes. Two by two:
    /// each 64-bit word that is read or written holds two neighbours.
    static void transpose(
            MemorySegment source,
            long from,
            long sourceRow,
            MemorySegment target,
            long to,
            long targetRow,
            int rows,
            int columns) {
        int row = 0;
        for (; row + 2 <= rows; row += 2) {
            long upper = from + row * sourceRow;
            long lower = upper + sourceRow;
            long out = to + row * 4L;
            int column = 0;
            for (; column + 2 <= columns; column += 2) {
                long u = source.get(I64, upper + column * 4L);
                long l = source.get(I64, lower + column * 4L);
                target.set(I64, out + column * targetRow, (u & 0xffffffffL) | (l << 32));
                target.set(I64, out + (column + 1) * targetRow, (u >>> 32) | (l & ~0xffffffffL));
            }
            if (column < columns) {
                target.set(F32, out + column * targetRow, source.get(F32, upper + column * 4L));
                target.set(F32, out + column * targetRow + 4, source.get(F32, lower + column * 4L));
            }
        }
        if (row < rows) {
            for (int column = 0; column < columns; column++) {
                target.set(
                        F32, to + column * targetRow + row * 4L, source.get(F32, from + row * sourceRow + column * 4L));
            }
        }
    }

    /// Copies a matrix with other strides between its rows; strides in bytes.
    static void copy(
            MemorySegment source,
            long from,
            long sourceRow,
            MemorySegment target,
            long to,
            long targetRow,
            int rows,
            int columns) {
        for (int row = 0; row < rows; row++) {
            long in = from + row * sourceRow;
            long out = to + row * targetRow;
            int column = 0;
            for (; column + Lanes.COUNT <= columns; column += Lanes.COUNT) {
                FloatVector.fromMemorySegment(FLOATS, source, in + column * 4L, ORDER)
                        .intoMemorySegment(target, out + column * 4L, ORDER);
            }
            for (; column < columns; column++) {
                target.set(F32, out + column * 4L, source.get(F32, in + column * 4L));
            }
        }
    }
}
