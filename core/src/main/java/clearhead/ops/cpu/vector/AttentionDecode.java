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
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
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

    /// Which sequences have so few queries that they are decoded here.
    static boolean[] few(Sequences queries, KvView past, AttentionSpec spec) {
        var few = new boolean[queries.count()];
        // Dropout is for training, where there is no cache.
        boolean fits = past instanceof KvView.Paged && spec.dropout().isNone();
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
        Optional<ScoreExtras> extras =
                ScoreExtras.areNeeded(spec) ? Optional.of(ScoreExtras.of(spec, queries, past)) : Optional.empty();
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
            new Part(query, queries, s, spec, extras, pages, split[s], task - firstTask[s]).run();
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
    /// @param count queries
    /// @param from first key that any query sees
    /// @param to one past the last
    /// @param first segment that any query sees
    /// @param last one past the last such segment
    /// @param span kv heads of a task
    /// @param rows of all kv heads together; row r of kv head h is query r / group
    /// @param states sums of rows [segments, rows, lanes], then outputs [segments, rows, valueDim]
    /// @param shift [segments, rows]
    private record Split(
            VisibleKeys visible,
            int count,
            int from,
            int to,
            int first,
            int last,
            int span,
            int kvHeads,
            int rows,
            MemorySegment states,
            long outRow,
            float[] shift) {

        static Split of(Workspace workspace, Sequences queries, int s, int context, AttentionSpec spec) {
            int count = queries.length(s);
            VisibleKeys visible = VisibleKeys.of(spec, s, count, context);
            int lowest = context;
            int highest = 0;
            for (int q = 0; q < count; q++) {
                if (visible.from(q) < visible.to(q)) {
                    lowest = Math.min(lowest, visible.from(q));
                    highest = Math.max(highest, visible.to(q));
                }
            }
            lowest = Math.min(lowest, highest);
            int first = lowest / SEGMENT;
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
                    visible,
                    count,
                    lowest,
                    highest,
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
        private final Optional<ScoreExtras> extras;
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
        private final long line; // one row of scores
        private final long[] words; // bit j of a row: whether it sees key j of the block
        private final float[] copy = new float[PAGE];

        Part(
                Tensor query,
                Sequences queries,
                int sequence,
                AttentionSpec spec,
                Optional<ScoreExtras> extras,
                StoredPages pages,
                Split split,
                int task) {
            this.query = query;
            this.queries = queries;
            this.sequence = sequence;
            this.spec = spec;
            this.extras = extras;
            this.pages = pages;
            this.split = split;
            int spans = split.kvHeads / split.span;
            segment = split.first + task / spans;
            head = task % spans * split.span;
            group = spec.heads() / spec.kvHeads();
            count = split.count * group;
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
            line = tile + CHUNK * 4L * Math.max(PAGE, valueDim);
            m = Scratch.of(line + SCORE_ROW);
            words = new long[rows];
        }

        void run() {
            var rows = new BlockSoftmax.Rows(m, s0, l0, o0, split.outRow, valueDim);
            int number = split.span * padded;
            float[] shift = new float[number];
            TileProduct.clear(m, 0, queryRow, number, dim);
            copyQueries();
            pass(rows, shift, false);
            if (!isFinite(rows)) {
                // Zero times infinity, maybe: again, without the keys whose weight is 0.
                pass(rows, shift, true);
            }
            keep(rows, shift);
        }

        /// @param carefully whether to pass over keys whose weight is 0
        private void pass(BlockSoftmax.Rows rows, float[] shift, boolean carefully) {
            boolean plain = extras.isEmpty();
            float factor = plain ? (float) (spec.scale() / BlockSoftmax.LN_2) : BlockSoftmax.LOG2_E;
            BlockSoftmax.begin(rows, shift.length, shift);
            int from = Math.max(split.from, segment * SEGMENT);
            int to = Math.min(split.to, (segment + 1) * SEGMENT);
            for (int block = from / PAGE; block * PAGE < to; block++) {
                if (!look(block)) {
                    continue;
                }
                for (int h = 0; h < split.span; h++) {
                    scores(h, block);
                }
                for (int h = 0; h < split.span; h++) {
                    weights(rows, h, block, shift, factor);
                }
                for (int h = 0; h < split.span; h++) {
                    if (carefully) {
                        forgetZeros(h);
                    }
                    weigh(h, block);
                }
            }
        }

        /// Which keys of a block each row sees.
        ///
        /// @return whether any row sees any
        private boolean look(int block) {
            VisibleKeys visible = split.visible;
            boolean byIntervals = visible.isByIntervals();
            long any = 0;
            for (int h = 0; h < split.span; h++) {
                for (int r = 0; r < count; r++) {
                    int q = r / group;
                    long word = byIntervals
                            ? VisibleKeys.between(visible.from(q), visible.to(q), block * PAGE)
                            : visible.word(head(h, r), q, block);
                    words[h * padded + r] = word;
                    any |= word;
                }
            }
            return any != 0;
        }

        private int head(int h, int r) {
            return (head + h) * group + r % group;
        }

        private void forgetZeros(int h) {
            for (int r = h * padded; r < h * padded + count; r++) {
                for (int k = 0; k < PAGE; k++) {
                    if (m.get(F32, s0 + r * SCORE_ROW + k * 4L) == 0) {
                        words[r] &= ~(1L << k);
                    }
                }
            }
        }

        private boolean isFinite(BlockSoftmax.Rows rows) {
            for (int h = 0; h < split.span; h++) {
                for (int r = h * padded; r < h * padded + count; r++) {
                    float rest = 0;
                    for (int i = 0; i < valueDim; i++) {
                        float x = m.get(F32, rows.o0() + r * split.outRow + i * 4L);
                        rest += x * 0;
                    }
                    if (rest != 0) {
                        return false;
                    }
                }
            }
            return true;
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

        /// Scores of one head's rows into weights, of runs of rows that see the same keys.
        private void weights(BlockSoftmax.Rows rows, int h, int block, float[] shift, float factor) {
            int end = h * padded + count;
            int r = h * padded;
            while (r < end) {
                long word = words[r];
                int first = r;
                int lo = Long.numberOfTrailingZeros(word);
                int hi = PAGE - Long.numberOfLeadingZeros(word);
                if (extras.isEmpty() && (word == 0 || word == between(lo, hi))) {
                    do {
                        r++;
                    } while (r < end && words[r] == word);
                } else {
                    lo &= -16;
                    hi = hi + 15 & -16;
                    change(h, r++, block, lo, hi);
                }
                if (word == 0) {
                    continue;
                }
                if (lo == 0 && hi == PAGE) {
                    BlockSoftmax.whole(rows, first, r, shift, factor);
                } else {
                    BlockSoftmax.between(rows, first, r, lo, hi, shift, factor);
                }
            }
        }

        private static long between(int lo, int hi) {
            return -1L >>> PAGE - (hi - lo) << lo;
        }

        /// Scores of keys `lo` to `hi` of one row become what the spec makes of them, −∞ where it does not
        /// see the key.
        private void change(int h, int row, int block, int lo, int hi) {
            long at = s0 + row * SCORE_ROW;
            long word = words[row];
            int r = row - h * padded;
            if (word == 0) {
                return;
            }
            MemorySegment.copy(m, ValueLayout.JAVA_FLOAT, at, copy, 0, PAGE);
            if (extras.isPresent()) {
                int q = r / group;
                int position = split.visible.position(q);
                extras.get()
                        .scores(
                                copy,
                                0,
                                lo,
                                hi,
                                word,
                                sequence,
                                head(h, r),
                                q,
                                position,
                                block * PAGE,
                                m.asSlice(line, SCORE_ROW));
            }
            for (long hidden = ~word & between(lo, hi); hidden != 0; hidden &= hidden - 1) {
                copy[Long.numberOfTrailingZeros(hidden)] = Float.NEGATIVE_INFINITY;
            }
            MemorySegment.copy(copy, lo, m, ValueLayout.JAVA_FLOAT, at + lo * 4L, hi - lo);
        }

        /// out += weights·values of one head's rows, of runs of rows that see the same keys.
        private void weigh(int h, int block) {
            int end = h * padded + count;
            int r = h * padded;
            while (r < end) {
                int first = r;
                long word = words[r];
                do {
                    r++;
                } while (r < end && words[r] == word);
                // Runs of keys: a value that is not seen must not be multiplied, even by 0.
                while (word != 0) {
                    int lo = Long.numberOfTrailingZeros(word);
                    int keys = Long.numberOfTrailingZeros(~(word >>> lo));
                    weigh(h, block, first, r - first, lo, lo + keys);
                    word &= ~between(lo, lo + keys);
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
                            split.count,
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
        int count = split.count * group;
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
            var end = RowEnd.of(spec, (int) head, sum, shift[r]);
            long row = (token * spec.heads() + head) * valueDim * 4;
            scaleRow(m, total.o0() + r * split.outRow, out, row, valueDim, end.scale());
            lse.set(F32, (head * tokens + token) * 4, end.lse());
        }
    }

    /// to = factor·from.
    private static void scaleRow(MemorySegment from, long f0, MemorySegment to, long t0, int columns, float factor) {
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
