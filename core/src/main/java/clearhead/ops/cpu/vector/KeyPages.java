package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/// Keys and values in the one form that the attention kernels read: pages of 64 positions, keys
/// transposed ([KvView.Paged]). A cache is in this form; packed keys and values are copied into it,
/// which costs as much memory as they have.
///
/// @param keys [pages, kvHeads, headDim, PAGE] from byte keys0 on
/// @param values [pages, kvHeads, PAGE, headDim] from byte values0 on
/// @param table pages of each sequence, in order
record KeyPages(
        MemorySegment keys, long keys0, MemorySegment values, long values0, int[][] table, int kvHeads, int headDim) {
    private static final int PAGE = KvView.PAGE;
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ORDER);

    /// The pages of a cache, or copies of packed rows, made in `workspace`.
    static KeyPages of(Workspace workspace, Workers workers, KvView past) {
        return switch (past) {
            case KvView.Paged paged ->
                new KeyPages(
                        paged.keys().data(),
                        0,
                        paged.values().data(),
                        0,
                        paged.table(),
                        paged.keys().dim(1),
                        paged.keys().dim(2));
            case KvView.Packed packed -> {
                int kvHeads = packed.key().dim(1);
                int headDim = packed.key().dim(2);
                int[][] table = new int[packed.sequences()][];
                int[] lengths = new int[table.length];
                int pages = 0;
                for (int s = 0; s < table.length; s++) {
                    lengths[s] = packed.length(s);
                    table[s] = new int[Math.ceilDiv(lengths[s], PAGE)];
                    for (int p = 0; p < table[s].length; p++) {
                        table[s][p] = pages++;
                    }
                }
                Tensor keys = workspace.take(DType.F32, pages, kvHeads, headDim, PAGE);
                Tensor values = workspace.take(DType.F32, pages, kvHeads, PAGE, headDim);
                store(
                        workers,
                        packed.key(),
                        packed.value(),
                        packed.rows(),
                        new KvView.Paged(keys, values, table, lengths));
                yield new KeyPages(keys.data(), 0, values.data(), 0, table, kvHeads, headDim);
            }
        };
    }

    /// Bytes that [#alone] needs for a sequence of `context` keys.
    static long bytesAlone(int context, int headDim) {
        return 2L * Math.ceilDiv(context, PAGE) * PAGE * headDim * 4;
    }

    /// Pages of one kv head of one short sequence, copied to `memory` from byte `at` on. They are
    /// addressed as kv head 0 of sequence 0.
    static KeyPages alone(KvView.Packed past, int sequence, int kvHead, MemorySegment memory, long at) {
        int kvHeads = past.key().dim(1);
        int dim = past.key().dim(2);
        int context = past.length(sequence);
        long rowBytes = kvHeads * (dim * 4L);
        int[] table = new int[Math.ceilDiv(context, PAGE)];
        long values = at + bytesAlone(context, dim) / 2;
        for (int block = 0; block < table.length; block++) {
            table[block] = block;
            int keys = Math.min(PAGE, context - block * PAGE);
            long source = (past.rows().start(sequence) + (long) block * PAGE) * rowBytes + kvHead * (dim * 4L);
            long page = (long) block * PAGE * dim * 4;
            gather(past.key().data(), source, rowBytes, memory, values + page, at + page, keys, dim);
            copy(past.value().data(), source, rowBytes, memory, values + page, dim * 4L, keys, dim);
        }
        return new KeyPages(memory, at, memory, values, new int[][] {table}, 1, dim);
    }

    /// Byte offset of a block of keys, [headDim, PAGE], in `keys`.
    long key(int sequence, int kvHead, int block) {
        return keys0 + page(sequence, kvHead, block);
    }

    /// Byte offset of a block of values, [PAGE, headDim], in `values`.
    long value(int sequence, int kvHead, int block) {
        return values0 + page(sequence, kvHead, block);
    }

    private long page(int sequence, int kvHead, int block) {
        return ((long) table[sequence][block] * kvHeads + kvHead) * headDim * PAGE * 4;
    }

    /// Writes rows into the last positions of each sequence of a cache.
    ///
    /// @param key [tokens, kvHeads, headDim]
    /// @param value [tokens, kvHeads, headDim]
    static void store(Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        int kvHeads = key.dim(1);
        int headDim = key.dim(2);
        int[] firstTask = new int[queries.count() + 1];
        for (int s = 0; s < queries.count(); s++) {
            int from = past.length(s) - queries.length(s);
            int blocks = queries.length(s) == 0 ? 0 : Math.ceilDiv(past.length(s), PAGE) - from / PAGE;
            firstTask[s + 1] = Math.addExact(firstTask[s], Math.multiplyExact(blocks, kvHeads));
        }
        long rowBytes = (long) kvHeads * headDim * 4;
        workers.run(firstTask[queries.count()], task -> {
            int s = Tasks.owner(firstTask, task);
            int local = task - firstTask[s];
            int kvHead = local % kvHeads;
            int start = past.length(s) - queries.length(s);
            int block = start / PAGE + local / kvHeads;
            int from = Math.max(start, block * PAGE);
            int to = Math.min(past.length(s), (block + 1) * PAGE);
            long row = queries.start(s) + (from - start);
            long source = row * rowBytes + (long) kvHead * headDim * 4;
            long page = ((long) past.table()[s][block] * kvHeads + kvHead) * headDim * PAGE * 4;
            int slot = from % PAGE;
            transpose(
                    key.data(), source, rowBytes, past.keys().data(), page + slot * 4L, PAGE * 4L, to - from, headDim);
            copy(
                    value.data(),
                    source,
                    rowBytes,
                    past.values().data(),
                    page + (long) slot * headDim * 4,
                    headDim * 4L,
                    to - from,
                    headDim);
        });
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

    /// As [#transpose] into [columns, PAGE], by way of a copy [rows, columns] at `between`: rows that
    /// lie far apart come faster when a short loop asks for many of them at once.
    static void gather(
            MemorySegment source,
            long from,
            long sourceRow,
            MemorySegment memory,
            long between,
            long to,
            int rows,
            int columns) {
        copy(source, from, sourceRow, memory, between, columns * 4L, rows, columns);
        transpose(memory, between, columns * 4L, memory, to, PAGE * 4L, rows, columns);
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
