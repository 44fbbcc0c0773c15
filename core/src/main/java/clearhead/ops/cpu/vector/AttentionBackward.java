package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.BlockSoftmax.SCORE_ROW;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Adjoints;
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

/// Backward of fused attention in linear memory: the weights of a block are rebuilt from its scores
/// and the forward pass's log-sum-exp. FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 2.
///
/// A task is one sequence and one kv head. It takes the blocks of 64 keys in order, for each the
/// query heads of the group, for each the blocks of 64 queries that see the keys: so dKey and
/// dValue of a block stay in the first cache levels, dQuery grows key block by key block, and every
/// sum has one order whatever the number of threads.
///
/// ```
/// S = Q·Kᵀ   P = exp(S·scale − lse)   dV += Pᵀ·dO   dP = dO·Vᵀ
/// dS = P∘(dP − rowsum(dO∘O))·scale    dK += dSᵀ·Q   dQ += dS·K
/// ```
final class AttentionBackward {
    private static final int PAGE = KvView.PAGE;

    private final Tensor query;
    private final Sequences queries;
    private final KvView.Packed past;
    private final AttentionSpec spec;
    private final Attended forward;
    private final Tensor dOut;
    private final Adjoints.Attention gradient;
    private final Tensor delta;

    private AttentionBackward(
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut,
            Adjoints.Attention gradient,
            Tensor delta) {
        this.query = query;
        this.queries = queries;
        this.past = past;
        this.spec = spec;
        this.forward = forward;
        this.dOut = dOut;
        this.gradient = gradient;
        this.delta = delta;
    }

    static Adjoints.Attention attention(
            Workspace workspace,
            Workers workers,
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut) {
        Checks.attentionAdjoint(query, queries, past, spec, forward, dOut);
        var gradient = new Adjoints.Attention(
                workspace.take(DType.F32, query.shape()),
                workspace.take(DType.F32, past.key().shape()),
                workspace.take(DType.F32, past.value().shape()));
        long mark = workspace.mark();
        Tensor delta = workspace.take(DType.F32, query.dim(0), spec.heads());
        var backward = new AttentionBackward(query, queries, past, spec, forward, dOut, gradient, delta);
        workers.run(
                Math.multiplyExact(queries.count(), spec.kvHeads()),
                task -> backward.head(task / spec.kvHeads(), task % spec.kvHeads()));
        workspace.release(mark);
        return gradient;
    }

    /// Where each piece of a task's memory begins, in bytes.
    private record Places(int dim) {
        private static final long SCORES = PAGE * SCORE_ROW;

        long rowBytes() {
            return dim * 4L;
        }

        /// One block of 64 rows, or a transposed one.
        private long block(int number) {
            return 2 * SCORES + number * (PAGE * rowBytes() + 64 & -64);
        }

        /// P, [queries, keys].
        long weights() {
            return 0;
        }

        /// dP, then dS, [queries, keys].
        long dScores() {
            return SCORES;
        }

        long keyTransposed() {
            return block(0);
        }

        long valueTransposed() {
            return block(1);
        }

        long key() {
            return block(2);
        }

        long dKey() {
            return block(3);
        }

        long dValue() {
            return block(4);
        }

        long query() {
            return block(5);
        }

        long dOut() {
            return block(6);
        }

        long bytes() {
            return block(7);
        }
    }

    private void head(int sequence, int kvHead) {
        int dim = spec.headDim();
        int group = spec.heads() / spec.kvHeads();
        int count = queries.length(sequence);
        int context = past.length(sequence);
        int start = queries.start(sequence);
        var at = new Places(dim);
        MemorySegment m = Scratch.of(at.bytes());
        long rowBytes = at.rowBytes();
        long queryRow = spec.heads() * rowBytes;
        long keyRow = spec.kvHeads() * rowBytes;
        for (int g = 0; g < group; g++) {
            int head = kvHead * group + g;
            long first = start * queryRow + head * rowBytes;
            TileProduct.clear(gradient.dQuery().data(), first, queryRow, count, dim);
            deltas(start, count, head);
        }
        for (int key = 0; key < context; key += PAGE) {
            int keys = Math.min(PAGE, context - key);
            long source = (past.rows().start(sequence) + (long) key) * keyRow + kvHead * rowBytes;
            MemorySegment k = past.key().data();
            MemorySegment v = past.value().data();
            KeyPages.gather(k, source, keyRow, m, at.key(), at.keyTransposed(), keys, dim);
            KeyPages.gather(v, source, keyRow, m, at.query(), at.valueTransposed(), keys, dim);
            TileProduct.clear(m, at.dKey(), rowBytes, keys, dim);
            TileProduct.clear(m, at.dValue(), rowBytes, keys, dim);
            int seeing = Visible.firstQuery(spec.mask(), count, context, key);
            for (int g = 0; g < group; g++) {
                int head = kvHead * group + g;
                for (int row = seeing; row < count; row += PAGE) {
                    block(m, at, start, count, context, head, row, key, keys);
                }
            }
            KeyPages.copy(m, at.dKey(), rowBytes, gradient.dKey().data(), source, keyRow, keys, dim);
            KeyPages.copy(m, at.dValue(), rowBytes, gradient.dValue().data(), source, keyRow, keys, dim);
        }
    }

    /// rowsum(dO∘O)·scale of one head.
    private void deltas(int start, int count, int head) {
        int dim = spec.headDim();
        float scale = (float) spec.scale();
        MemorySegment out = forward.out().data();
        for (int i = 0; i < count; i++) {
            long row = (start + (long) i) * spec.heads() + head;
            float tail = 0;
            var sum = FloatVector.zero(FLOATS);
            int column = 0;
            for (; column + COUNT <= dim; column += COUNT) {
                long at = (row * dim + column) * 4;
                sum = FloatVector.fromMemorySegment(FLOATS, dOut.data(), at, ORDER)
                        .fma(FloatVector.fromMemorySegment(FLOATS, out, at, ORDER), sum);
            }
            for (; column < dim; column++) {
                long at = (row * dim + column) * 4;
                tail = Math.fma(dOut.data().get(F32, at), out.get(F32, at), tail);
            }
            delta.data().set(F32, row * 4, (BlockSoftmax.sum(sum) + tail) * scale);
        }
    }

    /// One block of queries against one block of keys.
    private void block(
            MemorySegment m, Places at, int start, int count, int context, int head, int row, int key, int keys) {
        int dim = spec.headDim();
        int rows = Math.min(PAGE, count - row);
        long rowBytes = at.rowBytes();
        long queryRow = spec.heads() * rowBytes;
        long source = (start + (long) row) * queryRow + head * rowBytes;
        KeyPages.copy(query.data(), source, queryRow, m, at.query(), rowBytes, rows, dim);
        KeyPages.copy(dOut.data(), source, queryRow, m, at.dOut(), rowBytes, rows, dim);
        boolean whole = visible(row, count, context) >= key + keys;
        // On the diagonal, 16 queries at a time and no more keys than the last of them sees.
        int step = whole ? rows : 16;
        for (int i = 0; i < rows; i += step) {
            int some = Math.min(step, rows - i);
            int seen = Math.min(keys, visible(row + i + some - 1, count, context) - key);
            int columns = (seen + 15) & -16;
            TileProduct.multiply(
                    m,
                    at.query() + i * rowBytes,
                    rowBytes,
                    4,
                    m,
                    at.keyTransposed(),
                    SCORE_ROW,
                    m,
                    at.weights() + i * SCORE_ROW,
                    SCORE_ROW,
                    some,
                    columns,
                    dim,
                    false);
            TileProduct.multiply(
                    m,
                    at.dOut() + i * rowBytes,
                    rowBytes,
                    4,
                    m,
                    at.valueTransposed(),
                    SCORE_ROW,
                    m,
                    at.dScores() + i * SCORE_ROW,
                    SCORE_ROW,
                    some,
                    columns,
                    dim,
                    false);
            gradients(m, at, start, count, context, head, row, i, some, key, keys, columns);
        }
        MemorySegment dQuery = gradient.dQuery().data();
        if (whole) {
            TileProduct.multiply(
                    m,
                    at.weights(),
                    4,
                    SCORE_ROW,
                    m,
                    at.dOut(),
                    rowBytes,
                    m,
                    at.dValue(),
                    rowBytes,
                    keys,
                    dim,
                    rows,
                    true);
            TileProduct.multiply(
                    m,
                    at.dScores(),
                    4,
                    SCORE_ROW,
                    m,
                    at.query(),
                    rowBytes,
                    m,
                    at.dKey(),
                    rowBytes,
                    keys,
                    dim,
                    rows,
                    true);
            TileProduct.multiply(
                    m,
                    at.dScores(),
                    SCORE_ROW,
                    4,
                    m,
                    at.key(),
                    rowBytes,
                    dQuery,
                    source,
                    queryRow,
                    rows,
                    dim,
                    keys,
                    true);
            return;
        }
        // On the diagonal only queries from a key on have weight on it.
        for (int j = 0; j < keys; j += 4) {
            int some = Math.min(4, keys - j);
            int skip = Math.max(0, Visible.firstQuery(spec.mask(), count, context, key + j) - row);
            TileProduct.multiply(
                    m,
                    at.weights() + j * 4L + skip * SCORE_ROW,
                    4,
                    SCORE_ROW,
                    m,
                    at.dOut() + skip * rowBytes,
                    rowBytes,
                    m,
                    at.dValue() + j * rowBytes,
                    rowBytes,
                    some,
                    dim,
                    rows - skip,
                    true);
            TileProduct.multiply(
                    m,
                    at.dScores() + j * 4L + skip * SCORE_ROW,
                    4,
                    SCORE_ROW,
                    m,
                    at.query() + skip * rowBytes,
                    rowBytes,
                    m,
                    at.dKey() + j * rowBytes,
                    rowBytes,
                    some,
                    dim,
                    rows - skip,
                    true);
        }
        for (int i = 0; i < rows; i += 4) {
            int some = Math.min(4, rows - i);
            int visible = Math.min(keys, Visible.keys(spec.mask(), count, context, row + i + some - 1) - key);
            TileProduct.multiply(
                    m,
                    at.dScores() + i * SCORE_ROW,
                    SCORE_ROW,
                    4,
                    m,
                    at.key(),
                    rowBytes,
                    dQuery,
                    source + i * queryRow,
                    queryRow,
                    some,
                    dim,
                    visible,
                    true);
        }
    }

    /// P and dS of some rows of a block, from scores and dP.
    private void gradients(
            MemorySegment m,
            Places at,
            int start,
            int count,
            int context,
            int head,
            int row,
            int from,
            int rows,
            int key,
            int keys,
            int columns) {
        float scale = (float) spec.scale();
        float factor = (float) (spec.scale() / BlockSoftmax.LN_2);
        MemorySegment lses = forward.lse().data();
        MemorySegment deltas = delta.data();
        for (int i = from; i < from + rows; i++) {
            int seen = Math.min(keys, visible(row + i, count, context) - key);
            long token = start + (long) row + i;
            float lse = lses.get(F32, ((long) head * query.dim(0) + token) * 4);
            float minusDelta = -deltas.get(F32, (token * spec.heads() + head) * 4);
            BlockSoftmax.gradientRow(
                    m,
                    at.weights() + i * SCORE_ROW,
                    at.dScores() + i * SCORE_ROW,
                    seen,
                    columns,
                    factor,
                    scale,
                    lse,
                    minusDelta);
        }
    }

    private int visible(int row, int count, int context) {
        return Visible.keys(spec.mask(), count, context, row);
    }
}
