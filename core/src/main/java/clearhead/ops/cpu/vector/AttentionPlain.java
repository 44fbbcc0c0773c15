package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.BlockSoftmax.SCORE_ROW;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.ScoreStage;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// The plain path of attention, with every score in memory: for looking and for interventions.
/// Scores and weighted sums come from the same products as in the fused path.
final class AttentionPlain {
    private static final int PAGE = KvView.PAGE;

    /// Rows of one task.
    private static final int ROWS = 16;

    private AttentionPlain() {}

    /// @param stage how far the scores come
    static Tensor scores(
            Workspace workspace,
            Workers workers,
            Tensor query,
            KvView past,
            int sequence,
            AttentionSpec spec,
            ScoreStage stage) {
        Checks.scores(query, past, sequence, spec);
        int queries = query.dim(0);
        int context = past.length(sequence);
        int heads = spec.heads();
        int dim = spec.headDim();
        AttentionSpec upTo = upTo(spec, stage);
        VisibleKeys visible = VisibleKeys.of(upTo, sequence, queries, context);
        ScoreExtras extras = ScoreExtras.of(upTo, only(sequence, queries), past);
        Tensor scores = workspace.take(DType.F32, heads, queries, context);
        long mark = workspace.mark();
        KeyPages pages = KeyPages.of(workspace, workers, past);
        int tiles = Math.ceilDiv(queries, ROWS);
        workers.run(Math.multiplyExact(tiles, heads), task -> {
            int head = task % heads;
            int from = task / heads * ROWS;
            int rows = Math.min(queries, from + ROWS) - from;
            MemorySegment scratch = Scratch.of((ROWS + 1) * SCORE_ROW);
            var row = new float[PAGE];
            for (int key = 0; key < context; key += PAGE) {
                int keys = Math.min(PAGE, context - key);
                int wide = (keys + 15) & -16;
                TileProduct.multiply(
                        query.data(),
                        ((long) from * heads + head) * dim * 4,
                        heads * dim * 4L,
                        4,
                        pages.keys(),
                        pages.key(sequence, spec.kvHead(head), key / PAGE),
                        SCORE_ROW,
                        scratch,
                        0,
                        SCORE_ROW,
                        rows,
                        wide,
                        dim,
                        false);
                for (int r = 0; r < rows; r++) {
                    int i = from + r;
                    long seen = visible.word(head, i, key / PAGE);
                    MemorySegment.copy(scratch, F32, r * SCORE_ROW, row, 0, wide);
                    extras.scores(
                            row,
                            0,
                            0,
                            wide,
                            seen,
                            sequence,
                            head,
                            i,
                            visible.position(i),
                            key,
                            scratch.asSlice(ROWS * SCORE_ROW, SCORE_ROW));
                    for (int k = 0; k < keys; k++) {
                        row[k] = (seen >>> k & 1) != 0 ? row[k] : Float.NEGATIVE_INFINITY;
                    }
                    long at = ((long) head * queries + i) * context + key;
                    MemorySegment.copy(row, 0, scores.data(), F32, at * 4, keys);
                }
            }
        });
        workspace.release(mark);
        return scores;
    }

    /// The spec without what comes after a stage.
    private static AttentionSpec upTo(AttentionSpec spec, ScoreStage stage) {
        var product = new AttentionSpec(spec.heads(), spec.kvHeads(), spec.headDim(), 1, Mask.BIDIRECTIONAL);
        return switch (stage) {
            case PRODUCT -> product;
            case SCALED -> product.withScale(spec.scale());
            case CAPPED -> product.withScale(spec.scale()).withSoftCap(spec.softCap());
            case BIASED -> spec;
        };
    }

    /// The queries of one sequence of a pass.
    private static Sequences only(int sequence, int queries) {
        var starts = new int[sequence + 2];
        starts[sequence + 1] = queries;
        return new Sequences(starts);
    }

    static Tensor softmax(Workspace workspace, Workers workers, Tensor x) {
        Checks.softmax(x);
        Tensor y = workspace.take(DType.F32, x.shape());
        int columns = x.dim(-1);
        int rows = columns == 0 ? 0 : Math.toIntExact(x.size() / columns);
        workers.run(Math.ceilDiv(rows, ROWS), task -> {
            int end = Math.min(rows, (task + 1) * ROWS);
            for (int r = task * ROWS; r < end; r++) {
                softmaxRow(x.data(), y.data(), (long) r * columns * 4, columns);
            }
        });
        return y;
    }

    private static void softmaxRow(MemorySegment x, MemorySegment y, long row, int columns) {
        float max = max(x, row, columns);
        float log2E = BlockSoftmax.LOG2_E;
        float shift = max == Float.NEGATIVE_INFINITY ? 0 : max;
        var sum = FloatVector.zero(FLOATS);
        int column = 0;
        for (; column < columns; column += COUNT) {
            long at = row + column * 4L;
            int lanes = Math.min(COUNT, columns - column);
            var seen = FLOATS.indexInRange(0, lanes);
            var v = FloatVector.fromMemorySegment(FLOATS, x, at, ORDER, seen);
            var p = BlockSoftmax.exp2(v.sub(shift).mul(log2E));
            p = FloatVector.zero(FLOATS).blend(p, seen);
            p.intoMemorySegment(y, at, ORDER, seen);
            sum = sum.add(p);
        }
        float total = BlockSoftmax.sum(sum);
        float factor = total == 0 ? 0 : 1 / total;
        column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, y, row + column * 4L, ORDER)
                    .mul(factor)
                    .intoMemorySegment(y, row + column * 4L, ORDER);
        }
        for (; column < columns; column++) {
            y.set(F32, row + column * 4L, y.get(F32, row + column * 4L) * factor);
        }
    }

    private static float max(MemorySegment x, long row, int columns) {
        var largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            var v = FloatVector.fromMemorySegment(FLOATS, x, row + column * 4L, ORDER);
            largest = largest.blend(v, v.compare(VectorOperators.GT, largest));
        }
        float max = largest.reduceLanes(VectorOperators.MAX);
        for (; column < columns; column++) {
            max = Math.max(max, x.get(F32, row + column * 4L));
        }
        return max;
    }

    /// dX = y∘(dOut − Σ dOut∘y).
    static Tensor softmaxAdjoint(Workspace workspace, Workers workers, Tensor y, Tensor dOut) {
        Checks.softmaxAdjoint(y, dOut);
        Tensor dX = workspace.take(DType.F32, y.shape());
        int columns = y.dim(-1);
        int rows = columns == 0 ? 0 : Math.toIntExact(y.size() / columns);
        workers.run(Math.ceilDiv(rows, ROWS), task -> {
            int end = Math.min(rows, (task + 1) * ROWS);
            for (int r = task * ROWS; r < end; r++) {
                softmaxAdjointRow(y.data(), dOut.data(), dX.data(), (long) r * columns * 4, columns);
            }
        });
        return dX;
    }

    private static void softmaxAdjointRow(
            MemorySegment y, MemorySegment dOut, MemorySegment dX, long row, int columns) {
        var sum = FloatVector.zero(FLOATS);
        for (int column = 0; column < columns; column += COUNT) {
            long at = row + column * 4L;
            var seen = FLOATS.indexInRange(column, columns);
            sum = FloatVector.fromMemorySegment(FLOATS, y, at, ORDER, seen)
                    .fma(FloatVector.fromMemorySegment(FLOATS, dOut, at, ORDER, seen), sum);
        }
        float total = BlockSoftmax.sum(sum);
        for (int column = 0; column < columns; column += COUNT) {
            long at = row + column * 4L;
            var seen = FLOATS.indexInRange(column, columns);
            var d = FloatVector.fromMemorySegment(FLOATS, dOut, at, ORDER, seen);
            FloatVector.fromMemorySegment(FLOATS, y, at, ORDER, seen)
                    .mul(d.sub(total))
                    .intoMemorySegment(dX, at, ORDER, seen);
        }
    }

    static Tensor weigh(
            Workspace workspace, Workers workers, Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        Checks.weigh(pattern, past, sequence, spec);
        int heads = spec.heads();
        int queries = pattern.dim(1);
        int context = pattern.dim(2);
        int dim = spec.valueDim();
        Tensor out = workspace.take(DType.F32, queries, heads, dim);
        long mark = workspace.mark();
        KeyPages pages = KeyPages.of(workspace, workers, past);
        int tiles = Math.ceilDiv(queries, ROWS);
        workers.run(Math.multiplyExact(tiles, heads), task -> {
            int head = task % heads;
            int from = task / heads * ROWS;
            int rows = Math.min(queries, from + ROWS) - from;
            long to = ((long) from * heads + head) * dim * 4;
            TileProduct.clear(out.data(), to, heads * dim * 4L, rows, dim);
            for (int key = 0; key < context; key += PAGE) {
                long row = ((long) head * queries + from) * context + key;
                TileProduct.multiply(
                        pattern.data(),
                        row * 4,
                        context * 4L,
                        4,
                        pages.values(),
                        pages.value(sequence, spec.kvHead(head), key / PAGE),
                        dim * 4L,
                        out.data(),
                        to,
                        heads * dim * 4L,
                        rows,
                        dim,
                        Math.min(PAGE, context - key),
                        true);
            }
            for (int r = 0; r < rows; r++) {
                long row = to + r * (heads * dim * 4L);
                if (!isFinite(out.data(), row, dim)) {
                    long weights = ((long) head * queries + from + r) * context * 4;
                    passingOver(
                            pattern.data(), weights, pages, sequence, spec.kvHead(head), context, out.data(), row, dim);
                }
            }
        });
        workspace.release(mark);
        return out;
    }

    private static boolean isFinite(MemorySegment row, long at, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += row.get(F32, at + i * 4L) * 0;
        }
        return sum == 0;
    }

    /// The sum again, without keys of weight 0: what is not finite in their values must not count.
    private static void passingOver(
            MemorySegment pattern,
            long weights,
            KeyPages pages,
            int sequence,
            int kvHead,
            int context,
            MemorySegment out,
            long at,
            int dim) {
        for (int i = 0; i < dim; i++) {
            float sum = 0;
            for (int key = 0; key < context; key++) {
                float weight = pattern.get(F32, weights + key * 4L);
                long value = pages.value(sequence, kvHead, key / PAGE) + (key % PAGE * (long) dim + i) * 4;
                sum = weight == 0 ? sum : Math.fma(weight, pages.values().get(F32, value), sum);
            }
            out.set(F32, at + i * 4L, sum);
        }
    }
}
