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
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Attention of few queries to a long cache, which is as fast as the cache can be read. The keys are
/// split: a task is one sequence, some kv heads and one segment ([BlockSoftmax#SEGMENT]), and the
/// segments are merged in order by their log-sum-exps. Dao et al. 2023, "Flash-Decoding".
///
/// Pages are read as they are stored, in the order in which they lie in memory; those that are not
/// F32 become floats in registers, or a chunk at a time. Every element is the sum that
/// [AttentionForward] makes of it, to the bit.
final class AttentionDecode {
    /// Most rows (queries times query heads) of a kv head; with more, the tiles of prefill are as good.
    private static final int ROWS = 16;

    private static final int PAGE = KvView.PAGE;

    /// Dims of keys, and values, that are widened at a time: they stay in the first cache level.
    private static final int CHUNK = 32;

    /// So many tasks are enough to keep all cores busy.
    private static final int TASKS = 16;

    private AttentionDecode() {}

    /// Which sequences have so few queries, and such scores, that they are decoded here.
    static boolean[] few(Sequences queries, KvView past, AttentionSpec spec) {
        var few = new boolean[queries.count()];
        boolean fits = past instanceof KvView.Paged
                && spec.mask() instanceof Mask.Interval
                && spec.hasPlainScores()
                && spec.sinks().isEmpty()
                && spec.dropout().probability() == 0;
        int group = spec.heads() / spec.kvHeads();
        for (int s = 0; s < few.length; s++) {
            few[s] = fits && queries.length(s) > 0 && (long) queries.length(s) * group <= ROWS;
        }
        return few;
    }

    /// The rows of the sequences named by `few`.
    static void attention(
            Workspace workspace,
            Workers workers,
            Tensor query,
            Sequences queries,
            KvView.Paged past,
            AttentionSpec spec,
            boolean[] few,
            Attended result) {
        StoredPages pages = StoredPages.of(past);
        var split = new Split[few.length];
        int[] firstTask = new int[few.length + 1];
        for (int s = 0; s < few.length; s++) {
            firstTask[s + 1] = firstTask[s];
            if (few[s]) {
                split[s] = Split.of(workspace, queries, s, past.length(s), spec);
                firstTask[s + 1] += split[s].tasks();
            }
        }
        workers.run(firstTask[few.length], task -> {
            int s = Tasks.owner(firstTask, task);
            new Part(query, queries, s, spec, pages, split[s], task - firstTask[s]).run();
        });
        workers.run(Math.multiplyExact(few.length, spec.kvHeads()), task -> {
            int s = task / spec.kvHeads();
            if (few[s]) {
                merge(split[s], queries.start(s), query.dim(0), spec, task % spec.kvHeads(), result);
            }
        });
    }

    /// How a sequence is cut, and the states of its segments.
    ///
    /// @param from of each query, the first key that it sees
    /// @param to one past the last
    /// @param first segment that any query sees
    /// @param last one past the last such segment
    /// @param span kv heads of a task
    /// @param rows of all kv heads together; row r of kv head h is query r / group
    /// @param states sums of rows [segments, rows, lanes], then outputs [segments, rows, valueDim]
    /// @param shift [segments, rows]
    private record Split(
            int[] from,
            int[] to,
            int first,
            int last,
            int span,
            int kvHeads,
            int rows,
            MemorySegment states,
            long outRow,
            float[] shift) {

        static Split of(Workspace workspace, Sequences queries, int s, int context, AttentionSpec spec) {
            var mask = (Mask.Interval) spec.mask();
            int count = queries.length(s);
            var from = new int[count];
            var to = new int[count];
            int position = spec.alignment().first(s, count, context);
            int lowest = context;
            int highest = 0;
            for (int q = 0; q < count; q++) {
                from[q] = Math.clamp(mask.from(s, position + q), 0, context);
                to[q] = Math.clamp(mask.to(s, position + q), from[q], context);
                if (from[q] < to[q]) {
                    lowest = Math.min(lowest, from[q]);
                    highest = Math.max(highest, to[q]);
                }
            }
            int first = Math.min(lowest, highest) / SEGMENT;
            int segments = Math.ceilDiv(highest, SEGMENT) - first;
            int span = spec.kvHeads();
            while (segments * (spec.kvHeads() / span) < TASKS && span > 1) {
                do {
                    span--;
                } while (spec.kvHeads() % span != 0);
            }
            int rows = count * spec.heads();
            long outRow = spec.valueDim() * 4L + 63 & -64;
            long states = Math.multiplyExact((long) segments * rows, BYTES + outRow);
            return new Split(
                    from,
                    to,
                    first,
                    first + segments,
                    span,
                    spec.kvHeads(),
                    rows,
                    workspace.takeBytes(states),
                    outRow,
                    new float[segments * rows]);
        }

        int tasks() {
            return (last - first) * (kvHeads / span);
        }

        /// Rows of a segment's states from row `row` on.
        BlockSoftmax.Rows states(int segment, int row, int columns) {
            long at = (long) (segment - first) * rows + row;
            long outs = (long) (last - first) * rows * BYTES;
            return new BlockSoftmax.Rows(states, 0, at * BYTES, outs + at * outRow, outRow, columns);
        }
    }

    /// One task: a segment, and the kv heads from `head` on.
    private static final class Part {
        private final Tensor query;
        private final Sequences queries;
        private final int sequence;
        private final AttentionSpec spec;
        private final StoredPages pages;
        private final Split split;
        private final int segment;
        private final int head;
        private final int group;
        private final int count; // rows of a kv head
        private final boolean direct; // whether floats are made in registers
        private final int padded; // rows of a kv head, with those that only fill a block of four
        private final int dim;
        private final int valueDim;
        private final long queryRow;
        private final MemorySegment m;
        private final long o0;
        private final long s0;
        private final long l0;
        private final long tile;

        Part(
                Tensor query,
                Sequences queries,
                int sequence,
                AttentionSpec spec,
                StoredPages pages,
                Split split,
                int task) {
            this.query = query;
            this.queries = queries;
            this.sequence = sequence;
            this.spec = spec;
            this.pages = pages;
            this.split = split;
            int spans = split.kvHeads / split.span;
            segment = split.first + task / spans;
            head = task % spans * split.span;
            group = spec.heads() / spec.kvHeads();
            count = split.from.length * group;
            dim = spec.headDim();
            valueDim = spec.valueDim();
            queryRow = dim * 4L;
            direct = pages.isDirect();
            padded = direct ? count + 3 & -4 : count;
            int rows = split.span * padded;
            o0 = rows * queryRow + 63 & -64;
            s0 = o0 + rows * split.outRow;
            l0 = s0 + rows * SCORE_ROW;
            tile = l0 + (long) rows * BYTES;
            m = Scratch.of(tile + CHUNK * 4L * Math.max(PAGE, valueDim));
        }

        void run() {
            var rows = new BlockSoftmax.Rows(m, s0, l0, o0, split.outRow, valueDim);
            int number = split.span * padded;
            float[] shift = new float[number];
            float factor = (float) (spec.scale() / BlockSoftmax.LN_2);
            TileProduct.clear(m, 0, queryRow, number, dim);
            copyQueries();
            BlockSoftmax.begin(rows, number, shift);
            int from = Integer.MAX_VALUE;
            int to = 0;
            for (int q = 0; q < split.from.length; q++) {
                if (split.from[q] < split.to[q]) {
                    from = Math.min(from, split.from[q]);
                    to = Math.max(to, split.to[q]);
                }
            }
            int end = Math.min(to, (segment + 1) * SEGMENT);
            for (int block = Math.max(from, segment * SEGMENT) / PAGE; block * PAGE < end; block++) {
                for (int h = 0; h < split.span; h++) {
                    scores(h, block);
                }
                for (int h = 0; h < split.span; h++) {
                    weights(rows, h, block * PAGE, shift, factor);
                }
                for (int h = 0; h < split.span; h++) {
                    weigh(h, block);
                }
            }
            keep(rows, shift);
        }

        /// Scores of one head's rows with a block.
        private void scores(int h, int block) {
            long page = pages.block(sequence, head + h, block);
            long a = h * padded * queryRow;
            long c = s0 + h * padded * SCORE_ROW;
            if (direct) {
                for (int r = 0; r < padded; r += 4) {
                    pages.multiplyKeys(m, a + r * queryRow, queryRow, page, c + r * SCORE_ROW, SCORE_ROW);
                }
            } else if (pages.isFloat()) {
                long at = page * dim * SCORE_ROW;
                product(a, queryRow, pages.keys(), at, c, SCORE_ROW, count, PAGE, dim, false);
            } else {
                for (int d = 0; d < dim; d += CHUNK) {
                    int steps = Math.min(CHUNK, dim - d);
                    pages.keys(page, d, d + steps, m, tile);
                    product(a + d * 4L, queryRow, m, tile, c, SCORE_ROW, count, PAGE, steps, d > 0);
                }
            }
        }

        private void weights(BlockSoftmax.Rows rows, int h, int key, float[] shift, float factor) {
            for (int q = 0; q < split.from.length; q++) {
                int lo = Math.max(0, split.from[q] - key);
                int hi = Math.min(PAGE, split.to[q] - key);
                int r = h * padded + q * group;
                if (lo == 0 && hi == PAGE) {
                    BlockSoftmax.whole(rows, r, r + group, shift, factor);
                } else if (lo < hi) {
                    BlockSoftmax.between(rows, r, r + group, lo, hi, shift, factor);
                }
            }
        }

        /// out += weights·values of one head's rows, of runs of queries that see the same keys.
        private void weigh(int h, int block) {
            int q = 0;
            while (q < split.from.length) {
                int lo = Math.max(0, split.from[q] - block * PAGE);
                int hi = Math.min(PAGE, split.to[q] - block * PAGE);
                int first = q;
                do {
                    q++;
                } while (q < split.from.length
                        && Math.max(0, split.from[q] - block * PAGE) == lo
                        && Math.min(PAGE, split.to[q] - block * PAGE) == hi);
                if (lo < hi) {
                    weigh(h, block, h * padded + first * group, (q - first) * group, lo, hi);
                }
            }
        }

        private void weigh(int h, int block, int row, int rows, int lo, int hi) {
            long page = pages.block(sequence, head + h, block);
            long a = s0 + row * SCORE_ROW + lo * 4L;
            long c = o0 + row * split.outRow;
            if (direct && rows == count) {
                for (int r = 0; r < padded; r += 4) {
                    long out = c + r * split.outRow;
                    pages.multiplyValues(m, a + r * SCORE_ROW, SCORE_ROW, page, lo, hi - lo, out, split.outRow);
                }
            } else if (pages.isFloat()) {
                long at = (page * PAGE + lo) * valueDim * 4;
                product(a, SCORE_ROW, pages.values(), at, c, split.outRow, rows, valueDim, hi - lo, true);
            } else {
                for (int k = lo; k < hi; k += CHUNK) {
                    int steps = Math.min(CHUNK, hi - k);
                    pages.values(page, k, k + steps, m, tile);
                    product(a + (k - lo) * 4L, SCORE_ROW, m, tile, c, split.outRow, rows, valueDim, steps, true);
                }
            }
        }

        private void product(
                long a,
                long aRow,
                MemorySegment b,
                long b0,
                long c,
                long cRow,
                int rows,
                int columns,
                int steps,
                boolean add) {
            TileProduct.multiply(m, a, aRow, 4, b, b0, columns * 4L, m, c, cRow, rows, columns, steps, add);
        }

        /// Head by head, so that the rows of a copy are a stride apart.
        private void copyQueries() {
            long token = spec.heads() * queryRow;
            for (int h = 0; h < split.span; h++) {
                for (int j = 0; j < group; j++) {
                    KeyPages.copy(
                            query.data(),
                            queries.start(sequence) * token + ((long) (head + h) * group + j) * queryRow,
                            token,
                            m,
                            (h * padded + j) * queryRow,
                            group * queryRow,
                            split.from.length,
                            dim);
                }
            }
        }

        /// Puts the state where it is merged from.
        private void keep(BlockSoftmax.Rows rows, float[] shift) {
            for (int h = 0; h < split.span; h++) {
                BlockSoftmax.Rows state = split.states(segment, (head + h) * count, valueDim);
                int from = h * padded;
                MemorySegment.copy(m, l0 + (long) from * BYTES, state.m(), state.l0(), (long) count * BYTES);
                MemorySegment.copy(m, rows.o0() + from * split.outRow, state.m(), state.o0(), count * split.outRow);
                int to = (segment - split.first) * split.rows + (head + h) * count;
                System.arraycopy(shift, from, split.shift, to, count);
            }
        }
    }

    /// Adds up the segments of one kv head's rows in order, and writes their results.
    private static void merge(Split split, int start, int tokens, AttentionSpec spec, int kvHead, Attended result) {
        int group = spec.heads() / spec.kvHeads();
        int count = split.from.length * group;
        int valueDim = spec.valueDim();
        MemorySegment m = Scratch.of(count * (BYTES + split.outRow));
        var total = new BlockSoftmax.Rows(m, 0, 0, (long) count * BYTES, split.outRow, valueDim);
        float[] shift = new float[count];
        BlockSoftmax.begin(total, count, shift);
        for (int segment = split.first; segment < split.last; segment++) {
            BlockSoftmax.Rows part = split.states(segment, kvHead * count, valueDim);
            int at = (segment - split.first) * split.rows + kvHead * count;
            for (int r = 0; r < count; r++) {
                shift[r] = BlockSoftmax.merge(total, r, shift[r], part, r, split.shift[at + r]);
            }
        }
        MemorySegment out = result.out().data();
        MemorySegment lse = result.lse().data();
        for (int r = 0; r < count; r++) {
            long token = start + r / group;
            long head = kvHead * (long) group + r % group;
            float sum = BlockSoftmax.sum(FloatVector.fromMemorySegment(FLOATS, m, (long) r * BYTES, ORDER));
            long row = (token * spec.heads() + head) * valueDim * 4;
            scaleRow(m, total.o0() + r * split.outRow, out, row, valueDim, sum);
            float logarithm =
                    sum == 0 ? Float.NEGATIVE_INFINITY : (float) (shift[r] * BlockSoftmax.LN_2 + Math.log(sum));
            lse.set(F32, (head * tokens + token) * 4, logarithm);
        }
    }

    /// to = from / sum, or 0 where the sum is.
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
}
