package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.BlockSoftmax.SCORE_ROW;
import static clearhead.ops.cpu.vector.BlockSoftmax.SEGMENT;
import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Fused attention in linear memory, and the storing of keys and values.
/// FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 1.
///
/// A task is one sequence, one kv head and [#ROWS] rows, where the rows of a kv head are all its
/// query heads of one token, then of the next: so a cached key is read once for its whole group.
/// Blocks of 64 keys lie at absolute positions and are taken in order, in segments that are merged
/// in order ([BlockSoftmax#SEGMENT]), and a row's arithmetic depends on nothing but its own query and
/// the keys it may see. Packed or paged, in chunks or token by token, alone or in a batch, on any
/// number of threads, the segments one after the other or at once: the same bits.
final class AttentionForward {
    private static final int PAGE = KvView.PAGE;

    /// Rows of one task: their queries, scores and outputs stay in the first cache levels.
    private static final int ROWS = 64;

    /// Up to so many keys, a kv head's pages are made by the task that reads them.
    private static final int SHORT = 512;

    private AttentionForward() {}

    static void store(Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        Checks.store(key, value, queries, past);
        KeyPages.store(workers, key, value, queries, past);
    }

    static Attended attention(
            Workspace workspace, Workers workers, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        Checks.attention(query, queries, past, spec);
        Tensor out = workspace.take(DType.F32, query.dim(0), spec.heads(), spec.valueDim());
        Tensor lse = workspace.take(DType.F32, spec.heads(), query.dim(0));
        var result = new Attended(out, lse);
        int longest = 0;
        for (int s = 0; s < past.sequences(); s++) {
            longest = Math.max(longest, past.length(s));
        }
        if (past instanceof KvView.Packed packed && longest <= SHORT) {
            long mark = workspace.mark();
            shortSequences(workers, query, queries, KeyPages.widened(workspace, workers, packed), spec, result);
            workspace.release(mark);
        } else {
            long mark = workspace.mark();
            boolean[] few = AttentionDecode.few(queries, past, spec);
            int decoded = 0;
            for (boolean each : few) {
                decoded += each ? 1 : 0;
            }
            if (decoded > 0 && past instanceof KvView.Paged paged) {
                AttentionDecode.attention(workspace, workers, query, queries, paged, spec, few, result);
            }
            if (decoded < few.length) {
                KeyPages pages = KeyPages.of(workspace, workers, past);
                longSequences(workers, query, queries, past, pages, spec, few, result);
            }
            workspace.release(mark);
        }
        return result;
    }

    /// A task is a whole sequence and kv head, and makes its pages in memory of its own, so that
    /// they never leave the second cache level.
    private static void shortSequences(
            Workers workers, Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended result) {
        int group = spec.heads() / spec.kvHeads();
        long own = Tile.bytes(spec.headDim(), SHORT);
        workers.run(Math.multiplyExact(queries.count(), spec.kvHeads()), task -> {
            int s = task / spec.kvHeads();
            int kvHead = task % spec.kvHeads();
            int rows = queries.length(s) * group;
            if (rows == 0) {
                return;
            }
            MemorySegment m = Scratch.of(own + KeyPages.bytesAlone(past.length(s), spec.headDim(), spec.valueDim()));
            KeyPages pages = KeyPages.alone(past, s, kvHead, m, own);
            var tile = new Tile(query, queries, s, past.length(s), spec, kvHead, result, m);
            for (int from = 0; from < rows; from += ROWS) {
                tile.run(pages, 0, 0, from, Math.min(rows, from + ROWS));
            }
        });
    }

    private static void longSequences(
            Workers workers,
            Tensor query,
            Sequences queries,
            KvView past,
            KeyPages pages,
            AttentionSpec spec,
            boolean[] decoded,
            Attended result) {
        int group = spec.heads() / spec.kvHeads();
        int[] firstTask = new int[queries.count() + 1];
        for (int s = 0; s < queries.count(); s++) {
            int rows = decoded[s] ? 0 : Math.multiplyExact(queries.length(s), group);
            int tiles = Math.ceilDiv(rows, ROWS);
            firstTask[s + 1] = Math.addExact(firstTask[s], Math.multiplyExact(tiles, spec.kvHeads()));
        }
        workers.run(firstTask[queries.count()], task -> {
            int s = Tasks.owner(firstTask, task);
            int local = task - firstTask[s];
            int rows = queries.length(s) * group;
            int tiles = Math.ceilDiv(rows, ROWS);
            // Head by head, so that the pages of one stay in the cache.
            int kvHead = local / tiles;
            // The last rows see most keys: they begin first.
            int from = (tiles - 1 - local % tiles) * ROWS;
            MemorySegment m = Scratch.of(Tile.bytes(spec.headDim(), past.length(s)));
            new Tile(query, queries, s, past.length(s), spec, kvHead, result, m)
                    .run(pages, s, kvHead, from, Math.min(rows, from + ROWS));
        });
    }

    /// The rows of one kv head of one sequence, [#ROWS] at a time; row r is token r / group, head
    /// r % group of the group.
    private record Tile(
            Tensor query,
            Sequences queries,
            int sequence,
            int context,
            AttentionSpec spec,
            int kvHead,
            Attended result,
            MemorySegment m) {

        /// Queries, outputs, scores and sums; with more than one segment, outputs and sums of those
        /// that are done.
        static long bytes(int dim, int context) {
            long out = align(ROWS * dim * 4L);
            long one = 2 * out + ROWS * (SCORE_ROW + BYTES);
            return context <= SEGMENT ? one : one + out + ROWS * BYTES;
        }

        /// Rows `from` to `to` against pages, where the sequence and kv head have the numbers given.
        void run(KeyPages pages, int pagesSequence, int pagesHead, int from, int to) {
            int dim = spec.headDim();
            int group = spec.heads() / spec.kvHeads();
            int count = to - from;
            long rowBytes = dim * 4L;
            long o0 = align(ROWS * rowBytes);
            long s0 = 2 * o0;
            long l0 = s0 + ROWS * SCORE_ROW;
            long total0 = l0 + ROWS * BYTES;
            var rows = new BlockSoftmax.Rows(m, s0, l0, o0, rowBytes, dim);
            var total = new BlockSoftmax.Rows(m, s0, total0, total0 + ROWS * BYTES, rowBytes, dim);
            float[] shift = new float[count];
            float[] totalShift = new float[count];
            int[] visible = new int[count];
            for (int r = 0; r < count; r++) {
                visible[r] = Visible.keys(spec.mask(), queries.length(sequence), context, (from + r) / group);
            }
            copyQueries(from, count);
            BlockSoftmax.begin(rows, count, shift);
            float factor = (float) (spec.scale() / BlockSoftmax.LN_2);
            int first = 0;
            int whole = 0;
            for (int key = 0; key < visible[count - 1]; key += PAGE) {
                if (key > 0 && key % SEGMENT == 0) {
                    endSegment(key == SEGMENT, rows, shift, total, totalShift);
                }
                while (visible[first] <= key) {
                    first++;
                }
                whole = Math.max(whole, first);
                while (whole < count && visible[whole] < key + PAGE) {
                    whole++;
                }
                // Four at a time: a row or two that see the whole block do no harm among the others.
                int some = Math.min(count, first + (whole - first + 3 & -4));
                long keys = pages.key(pagesSequence, pagesHead, key / PAGE);
                long values = pages.value(pagesSequence, pagesHead, key / PAGE);
                for (int r = first; r < some; r += 16) {
                    int end = Math.min(some, r + 16);
                    int columns = (Math.min(PAGE, visible[end - 1] - key) + 15) & -16;
                    TileProduct.multiply(
                            m,
                            r * rowBytes,
                            rowBytes,
                            4,
                            pages.keys(),
                            keys,
                            SCORE_ROW,
                            m,
                            s0 + r * SCORE_ROW,
                            SCORE_ROW,
                            end - r,
                            columns,
                            dim,
                            false);
                }
                TileProduct.multiply(
                        m,
                        some * rowBytes,
                        rowBytes,
                        4,
                        pages.keys(),
                        keys,
                        SCORE_ROW,
                        m,
                        s0 + some * SCORE_ROW,
                        SCORE_ROW,
                        count - some,
                        PAGE,
                        dim,
                        false);
                BlockSoftmax.partial(rows, first, some, visible, key, shift, factor);
                BlockSoftmax.whole(rows, some, count, shift, factor);
                weighPartial(rows, pages.values(), values, visible, first, some, key);
                TileProduct.multiply(
                        m,
                        s0 + some * SCORE_ROW,
                        SCORE_ROW,
                        4,
                        pages.values(),
                        values,
                        rowBytes,
                        m,
                        o0 + some * rowBytes,
                        rowBytes,
                        count - some,
                        dim,
                        PAGE,
                        true);
            }
            if (visible[count - 1] > SEGMENT) {
                endSegment(false, rows, shift, total, totalShift);
                finish(total, from, count, totalShift);
            } else {
                finish(rows, from, count, shift);
            }
        }

        /// Merges the segment that is done into the total, and begins the next.
        private static void endSegment(
                boolean first, BlockSoftmax.Rows rows, float[] shift, BlockSoftmax.Rows total, float[] totalShift) {
            if (first) {
                BlockSoftmax.begin(total, shift.length, totalShift);
            }
            for (int r = 0; r < shift.length; r++) {
                totalShift[r] = BlockSoftmax.merge(total, r, totalShift[r], rows, r, shift[r]);
            }
            BlockSoftmax.begin(rows, shift.length, shift);
        }

        /// Head by head, so that the rows of a copy are a stride apart.
        private void copyQueries(int from, int count) {
            long rowBytes = spec.headDim() * 4L;
            int group = spec.heads() / spec.kvHeads();
            for (int r = 0; r < Math.min(group, count); r++) {
                int rows = Math.ceilDiv(count - r, group);
                KeyPages.copy(
                        query.data(),
                        row(from + r) * rowBytes,
                        spec.heads() * rowBytes,
                        m,
                        r * rowBytes,
                        group * rowBytes,
                        rows,
                        spec.headDim());
            }
        }

        /// out = Σ weight·value / Σ weight, lse = shift + log Σ weight.
        private void finish(BlockSoftmax.Rows rows, int from, int count, float[] shift) {
            int group = spec.heads() / spec.kvHeads();
            long rowBytes = spec.headDim() * 4L;
            MemorySegment out = result.out().data();
            MemorySegment lse = result.lse().data();
            for (int r = 0; r < count; r++) {
                float sum =
                        BlockSoftmax.sum(FloatVector.fromMemorySegment(FLOATS, m, rows.l0() + (long) r * BYTES, ORDER));
                long row = row(from + r);
                scaleRow(m, rows.o0() + r * rowBytes, out, row * rowBytes, spec.headDim(), sum);
                long token = row / spec.heads();
                float logarithm =
                        sum == 0 ? Float.NEGATIVE_INFINITY : (float) (shift[r] * BlockSoftmax.LN_2 + Math.log(sum));
                long head = kvHead * (long) group + (from + r) % group;
                lse.set(F32, (head * query.dim(0) + token) * 4, logarithm);
            }
        }

        /// Number of row r in [tokens, heads].
        private long row(int r) {
            int group = spec.heads() / spec.kvHeads();
            return (queries.start(sequence) + (long) (r / group)) * spec.heads() + (long) kvHead * group + r % group;
        }
    }

    /// out += weights·values of rows that see some keys of a block. Four rows at a time as far as
    /// all of them see keys, then each to its own end: a value that a row may not see is never
    /// multiplied, so that a NaN in it stays there.
    private static void weighPartial(
            BlockSoftmax.Rows rows, MemorySegment values, long value, int[] visible, int from, int to, int key) {
        MemorySegment m = rows.m();
        long rowBytes = rows.outRow();
        int dim = rows.columns();
        int r = from;
        while (r < to) {
            int steps = Math.min(PAGE, visible[r] - key);
            int end = visible[to - 1] == visible[r] ? to : Math.min(to, r + 4);
            long weights = rows.s0() + r * SCORE_ROW;
            long out = rows.o0() + r * rowBytes;
            TileProduct.multiply(
                    m, weights, SCORE_ROW, 4, values, value, rowBytes, m, out, rowBytes, end - r, dim, steps, true);
            long rest = weights + steps * 4L;
            long restValue = value + steps * rowBytes;
            if (steps + 3 <= PAGE && dim % COUNT == 0 && isStaircase(visible, r, end)) {
                TileProduct.triangle(m, rest, SCORE_ROW, values, restValue, rowBytes, m, out, rowBytes, dim);
            } else {
                for (int i = 1; i < end - r; i++) {
                    int more = Math.min(PAGE, visible[r + i] - key) - steps;
                    if (more > 0) {
                        TileProduct.multiply(
                                m,
                                rest + i * SCORE_ROW,
                                SCORE_ROW,
                                4,
                                values,
                                restValue,
                                rowBytes,
                                m,
                                out + i * rowBytes,
                                rowBytes,
                                1,
                                dim,
                                more,
                                true);
                    }
                }
            }
            r = end;
        }
    }

    /// Whether there are four rows, each of which sees one key more than the one before.
    private static boolean isStaircase(int[] visible, int from, int to) {
        return to - from == 4
                && visible[from + 1] == visible[from] + 1
                && visible[from + 2] == visible[from] + 2
                && visible[from + 3] == visible[from] + 3;
    }

    static void scaleRow(MemorySegment from, long f0, MemorySegment to, long t0, int columns, float sum) {
        float factor = sum == 0 ? 0 : 1 / sum;
        int column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, from, f0 + column * 4L, ORDER)
                    .mul(factor)
                    .intoMemorySegment(to, t0 + column * 4L, ORDER);
        }
        for (; column < columns; column++) {
            to.set(F32, t0 + column * 4L, from.get(F32, f0 + column * 4L) * factor);
        }
    }

    private static long align(long bytes) {
        return (bytes + 63) & -64;
    }
}
