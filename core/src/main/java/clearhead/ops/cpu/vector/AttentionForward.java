package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.BlockSoftmax.SCORE_ROW;
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
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// Fused attention in linear memory, and the storing of keys and values.
/// FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 1.
///
/// A task is one sequence, one kv head and [#ROWS] rows, where the rows of a kv head are all its
/// query heads of one token, then of the next: so a cached key is read once for its whole group.
/// Blocks of 64 keys lie at absolute positions and are taken in order, and a row's arithmetic
/// depends on nothing but its own query and the keys it may see. Packed or paged, in chunks or
/// token by token, alone or in a batch, on any number of threads: the same bits.
final class AttentionForward {
    private static final int PAGE = KvView.PAGE;

    /// Rows of one task: their queries, scores and outputs stay in the first cache levels.
    private static final int ROWS = 64;

    private AttentionForward() {}

    static void store(Workers workers, Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        Checks.store(key, value, queries, past);
        KeyPages.store(workers, key, value, queries, past);
    }

    static Attended attention(
            Workspace workspace, Workers workers, Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        Checks.attention(query, queries, past, spec);
        int tokens = query.dim(0);
        Tensor out = workspace.take(DType.F32, query.shape());
        Tensor lse = workspace.take(DType.F32, spec.heads(), tokens);
        long mark = workspace.mark();
        KeyPages pages = KeyPages.of(workspace, workers, past);
        int group = spec.heads() / spec.kvHeads();
        int[] firstTask = new int[queries.count() + 1];
        for (int s = 0; s < queries.count(); s++) {
            int tiles = Math.ceilDiv(Math.multiplyExact(queries.length(s), group), ROWS);
            firstTask[s + 1] = Math.addExact(firstTask[s], Math.multiplyExact(tiles, spec.kvHeads()));
        }
        workers.run(firstTask[queries.count()], task -> {
            int s = Tasks.owner(firstTask, task);
            int local = task - firstTask[s];
            int rows = queries.length(s) * group;
            int tiles = Math.ceilDiv(rows, ROWS);
            // The last rows see most keys: they begin first.
            int tile = tiles - 1 - local / spec.kvHeads();
            int from = tile * ROWS;
            tile(
                    query,
                    out,
                    lse,
                    pages,
                    spec,
                    s,
                    local % spec.kvHeads(),
                    queries.start(s),
                    queries.length(s),
                    past.length(s),
                    from,
                    Math.min(rows, from + ROWS));
        });
        workspace.release(mark);
        return new Attended(out, lse);
    }

    /// Rows `from` to `to` of one kv head of one sequence; row r is token r / group, head r % group.
    private static void tile(
            Tensor query,
            Tensor out,
            Tensor lse,
            KeyPages pages,
            AttentionSpec spec,
            int sequence,
            int kvHead,
            int start,
            int queries,
            int context,
            int from,
            int to) {
        int group = spec.heads() / spec.kvHeads();
        int dim = spec.headDim();
        int rows = to - from;
        long rowBytes = dim * 4L;
        long q0 = 0;
        long o0 = align(q0 + ROWS * rowBytes);
        long s0 = align(o0 + ROWS * rowBytes);
        long l0 = s0 + ROWS * SCORE_ROW;
        MemorySegment scratch = Scratch.of(l0 + (long) ROWS * BYTES);
        float[] shift = new float[rows];
        Arrays.fill(shift, Float.NEGATIVE_INFINITY);
        var zero = FloatVector.zero(FLOATS);
        for (int r = 0; r < rows; r++) {
            zero.intoMemorySegment(scratch, l0 + (long) r * BYTES, ORDER);
            KeyPages.copy(
                    query.data(),
                    at(spec, start, kvHead, from + r) * rowBytes,
                    0,
                    scratch,
                    q0 + r * rowBytes,
                    0,
                    1,
                    dim);
        }
        TileProduct.clear(scratch, o0, rowBytes, rows, dim);
        float factor = (float) (spec.scale() / BlockSoftmax.LN_2);
        int last = Visible.keys(spec.mask(), queries, context, (to - 1) / group);
        int blocks = Math.ceilDiv(last, PAGE);
        for (int block = 0; block < blocks; block++) {
            int key = block * PAGE;
            int first = 0;
            while (Visible.keys(spec.mask(), queries, context, (from + first) / group) <= key) {
                first++;
            }
            int columns = Math.min(PAGE, roundUp(last - key));
            TileProduct.multiply(
                    scratch,
                    q0 + first * rowBytes,
                    rowBytes,
                    4,
                    pages.keys(),
                    pages.key(sequence, kvHead, block),
                    SCORE_ROW,
                    scratch,
                    s0 + first * SCORE_ROW,
                    SCORE_ROW,
                    rows - first,
                    columns,
                    dim,
                    false);
            for (int r = first; r < rows; r++) {
                int visible = Visible.keys(spec.mask(), queries, context, (from + r) / group) - key;
                shift[r] = BlockSoftmax.row(
                        scratch,
                        s0 + r * SCORE_ROW,
                        scratch,
                        l0 + (long) r * BYTES,
                        scratch,
                        o0 + r * rowBytes,
                        dim,
                        Math.min(PAGE, visible),
                        shift[r],
                        factor);
            }
            weigh(
                    scratch,
                    s0,
                    o0,
                    pages.values(),
                    pages.value(sequence, kvHead, block),
                    spec,
                    queries,
                    context,
                    from,
                    first,
                    rows,
                    key);
        }
        for (int r = 0; r < rows; r++) {
            float sum = BlockSoftmax.sum(scratch, l0 + (long) r * BYTES);
            long row = at(spec, start, kvHead, from + r);
            scaleRow(scratch, o0 + r * rowBytes, out.data(), row * rowBytes, dim, sum);
            int token = start + (from + r) / group;
            long head = kvHead * (long) group + (from + r) % group;
            double shifted = shift[r] * BlockSoftmax.LN_2;
            lse.data()
                    .set(
                            F32,
                            (head * query.dim(0) + token) * 4,
                            sum == 0 ? Float.NEGATIVE_INFINITY : (float) (shifted + Math.log(sum)));
        }
    }

    /// out += weights·values for one block. Four rows at a time as far as all of them see keys,
    /// then each to its own end: a value that a row may not see is never multiplied, so that a NaN
    /// in it stays there.
    private static void weigh(
            MemorySegment scratch,
            long s0,
            long o0,
            MemorySegment values,
            long value,
            AttentionSpec spec,
            int queries,
            int context,
            int from,
            int first,
            int rows,
            int key) {
        int group = spec.heads() / spec.kvHeads();
        int dim = spec.headDim();
        long rowBytes = dim * 4L;
        int r = first;
        while (r < rows) {
            int steps = Math.min(PAGE, Visible.keys(spec.mask(), queries, context, (from + r) / group) - key);
            int end = r + 1;
            if (steps == PAGE) {
                end = rows;
            } else {
                end = Math.min(rows, r + 4);
            }
            TileProduct.multiply(
                    scratch,
                    s0 + r * SCORE_ROW,
                    SCORE_ROW,
                    4,
                    values,
                    value,
                    rowBytes,
                    scratch,
                    o0 + r * rowBytes,
                    rowBytes,
                    end - r,
                    dim,
                    steps,
                    true);
            if (steps < PAGE) {
                for (int i = r + 1; i < end; i++) {
                    int own = Math.min(PAGE, Visible.keys(spec.mask(), queries, context, (from + i) / group) - key);
                    if (own > steps) {
                        TileProduct.multiply(
                                scratch,
                                s0 + i * SCORE_ROW + steps * 4L,
                                SCORE_ROW,
                                4,
                                values,
                                value + steps * rowBytes,
                                rowBytes,
                                scratch,
                                o0 + i * rowBytes,
                                rowBytes,
                                1,
                                dim,
                                own - steps,
                                true);
                    }
                }
            }
            r = end;
        }
    }

    private static void scaleRow(MemorySegment from, long f0, MemorySegment to, long t0, int columns, float sum) {
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

    /// Number of the row of [tokens, heads] that row r of a kv head is.
    private static long at(AttentionSpec spec, int start, int kvHead, int r) {
        int group = spec.heads() / spec.kvHeads();
        return (start + (long) (r / group)) * spec.heads() + (long) kvHead * group + r % group;
    }

    private static int roundUp(int keys) {
        return (keys + 15) & -16;
    }

    private static long align(long bytes) {
        return (bytes + 63) & -64;
    }
}
