package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.BlockSoftmax.SEGMENT;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.ops.score.BlockMask;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/// Up to [#ROWS] rows of one kv head of one sequence against the blocks of keys that they see, one block
/// after the other; row r is token r / group, head r % group of the group.
///
/// A block that all rows see is multiplied whole. Of one that some rows see, groups of 16 rows take
/// the keys between the first and the last that one of them sees, and the others among these get the
/// weight 0. Blocks that nobody sees are not touched.
final class ForwardTile {
    private static final int PAGE = KvView.PAGE;
    private static final int PANEL = TileArrays.PANEL;

    /// Rows of one tile: their queries, scores and outputs stay in the first cache levels.
    static final int ROWS = 64;

    /// Rows that take the same keys of a block that is not seen whole.
    private static final int GROUP = 16;

    private final Tensor query;
    private final Sequences queries;
    private final AttentionSpec spec;
    private final Optional<ScoreExtras> extras;
    private final Attended result;
    private final int group;
    private final int dim;
    private final int width; // of an output row in memory
    private final float factor;
    private final int sequence;
    private final int kvHead;
    private final VisibleKeys visible;
    private final float[] m;
    private final TileSoftmax rows;
    private final TileSoftmax total;
    private final float[] shift = new float[ROWS];
    private final float[] totalShift = new float[ROWS];
    private final long[] words = new long[ROWS];

    /// @param extras if scores are more than products times a factor
    /// @param m at least [#floats] floats
    ForwardTile(
            Tensor query,
            Sequences queries,
            AttentionSpec spec,
            Optional<ScoreExtras> extras,
            Attended result,
            int sequence,
            int kvHead,
            VisibleKeys visible,
            float[] m) {
        this.query = query;
        this.queries = queries;
        this.spec = spec;
        this.extras = extras;
        this.result = result;
        this.sequence = sequence;
        this.kvHead = kvHead;
        this.visible = visible;
        this.m = m;
        group = spec.heads() / spec.kvHeads();
        dim = spec.headDim();
        width = width(spec);
        factor = ScoreExtras.areNeeded(spec) ? BlockSoftmax.LOG2_E : (float) (spec.scale() / BlockSoftmax.LN_2);
        int s0 = ROWS * dim;
        int l0 = s0 + ROWS * PAGE;
        int o0 = l0 + ROWS * COUNT;
        rows = new TileSoftmax(m, s0, l0, o0, width);
        int totalL0 = o0 + ROWS * width;
        total = new TileSoftmax(m, s0, totalL0, totalL0 + ROWS * COUNT, width);
    }

    private static int width(AttentionSpec spec) {
        return spec.valueDim() + 15 & -16;
    }

    /// Queries, scores, sums and outputs, and sums and outputs of the
    /// segments that are done.
    static int floats(AttentionSpec spec) {
        int dim = spec.headDim();
        return ROWS * (dim + PAGE + 2 * COUNT + 2 * width(spec));
    }

    /// Rows `from` to `to` of the kv head.
    ///
    /// @param make whether blocks are to be made just before they are read
    void run(KeyBlocks blocks, boolean make, int from, int to) {
        int count = to - from;
        // What the register blocks take beyond the last row is 0, or slow numbers might be there.
        int padded = count + 3 & -4;
        copyQueries(from, count);
        java.util.Arrays.fill(m, count * dim, padded * dim, 0);
        rows.begin(padded, shift);
        int firstKey = Integer.MAX_VALUE;
        int lastKey = 0;
        int commonFrom = 0;
        int commonTo = Integer.MAX_VALUE;
        for (int token = from / group; token <= (to - 1) / group; token++) {
            if (visible.from(token) < visible.to(token)) {
                firstKey = Math.min(firstKey, visible.from(token));
            }
            lastKey = Math.max(lastKey, visible.to(token));
            commonFrom = Math.max(commonFrom, visible.from(token));
            commonTo = Math.min(commonTo, visible.to(token));
        }
        boolean several = false;
        int segment = -1;
        for (int block = firstKey / PAGE; block * PAGE < lastKey; block++) {
            int key = block * PAGE;
            var state = visible.state(kvHead * group, (kvHead + 1) * group, from / group, (to - 1) / group + 1, block);
            if (state == BlockMask.State.NONE) {
                continue;
            }
            boolean whole = state == BlockMask.State.ALL && commonFrom <= key && key + PAGE <= commonTo;
            if (!whole) {
                int seen = look(block, from, count);
                if (seen == 0) {
                    continue;
                }
                whole = seen == 2;
            }
            if (segment >= 0 && key / SEGMENT != segment) {
                endSegment(!several, padded);
                several = true;
            }
            segment = key / SEGMENT;
            if (make) {
                blocks.make(block);
            }
            if (whole) {
                block(blocks, block, from, 0, count, 0, PAGE, true);
            } else {
                for (int r = 0; r < count; r += GROUP) {
                    some(blocks, block, from, r, Math.min(count, r + GROUP));
                }
            }
        }
        if (several) {
            endSegment(false, padded);
        }
        finish(several ? total : rows, several ? totalShift : shift, from, count);
    }

    /// Which keys of a block each row sees.
    ///
    /// @return 0 if no row sees any, 2 if all see all, else 1
    private int look(int block, int from, int count) {
        long any = 0;
        long all = -1;
        boolean byIntervals = visible.isByIntervals();
        for (int r = 0; r < count; r++) {
            int token = (from + r) / group;
            long word = byIntervals
                    ? VisibleKeys.between(visible.from(token), visible.to(token), block * PAGE)
                    : visible.word(head(from + r), token, block);
            words[r] = word;
            any |= word;
            all &= word;
        }
        return any == 0 ? 0 : all == -1 ? 2 : 1;
    }

    /// Rows `r` to `end` against the keys of a block that they see.
    private void some(KeyBlocks blocks, int block, int from, int r, int end) {
        long any = 0;
        for (int i = r; i < end; i++) {
            any |= words[i];
        }
        if (any != 0) {
            int lo = Long.numberOfTrailingZeros(any) & -16;
            int hi = PAGE - Long.numberOfLeadingZeros(any) + 15 & -16;
            block(blocks, block, from, r, end, lo, hi, false);
        }
    }

    /// Rows `r` to `end` against keys `lo` to `hi` of a block.
    ///
    /// @param whole whether they see all of them
    private void block(KeyBlocks blocks, int block, int from, int r, int end, int lo, int hi, boolean whole) {
        int padded = end - r + 3 & -4;
        int scores = rows.s0() + r * PAGE;
        TileArrays.rows(
                m,
                r * dim,
                dim,
                blocks.memory(),
                blocks.key(block) + lo * dim,
                dim * PANEL,
                m,
                scores + lo,
                PAGE,
                padded,
                hi - lo,
                dim,
                false);
        if (extras.isPresent()) {
            extras(extras.get(), block, from, r, end, lo, hi, whole);
        }
        if (!whole) {
            for (int i = r; i < end; i++) {
                if (words[i] != -1) {
                    rows.mask(i, lo, hi, words[i]);
                }
            }
        }
        rows.weights(r, end, lo, hi, shift, factor);
        if (!spec.dropout().isNone()) {
            drop(block, from, r, end, lo, hi);
        }
        if (!blocks.isFinite(block)) {
            for (int i = r; i < end; i++) {
                weighCarefully(i, blocks, block, lo, hi);
            }
            return;
        }
        TileArrays.rows(
                m,
                scores + lo,
                PAGE,
                blocks.memory(),
                blocks.value(block) + lo * PANEL,
                PAGE * PANEL,
                m,
                rows.o0() + r * width,
                width,
                padded,
                width,
                hi - lo,
                true);
    }

    private void extras(ScoreExtras extra, int block, int from, int r, int end, int lo, int hi, boolean whole) {
        MemorySegment row = Scratch.of(PAGE * 4L);
        for (int i = r; i < end; i++) {
            int token = (from + i) / group;
            extra.scores(
                    m,
                    rows.s0() + i * PAGE,
                    lo,
                    hi,
                    whole ? -1 : words[i],
                    sequence,
                    head(from + i),
                    token,
                    visible.position(token),
                    block * PAGE,
                    row);
        }
    }

    private void drop(int block, int from, int r, int end, int lo, int hi) {
        for (int i = r; i < end; i++) {
            int random = spec.dropout().row(sequence, head(from + i), (from + i) / group);
            ScoreExtras.drop(spec.dropout(), m, rows.s0() + i * PAGE, lo, hi, random, block * PAGE);
        }
    }

    /// out += weights·values of one row, passing over keys of weight 0: what is not finite there must
    /// not come in.
    private void weighCarefully(int r, KeyBlocks blocks, int block, int lo, int hi) {
        for (int k = lo; k < hi; k++) {
            float weight = m[rows.s0() + r * PAGE + k];
            if (weight == 0) {
                continue;
            }
            var w = FloatVector.broadcast(FLOATS, weight);
            for (int column = 0; column < width; column += COUNT) {
                int value = blocks.value(block) + (column & -PANEL) * PAGE + k * PANEL + column % PANEL;
                int out = rows.o0() + r * width + column;
                w.fma(FloatVector.fromArray(FLOATS, blocks.memory(), value), FloatVector.fromArray(FLOATS, m, out))
                        .intoArray(m, out);
            }
        }
    }

    /// Merges the segment that is done into the total, and begins the next.
    private void endSegment(boolean first, int count) {
        if (first) {
            total.begin(count, totalShift);
        }
        total.merge(count, totalShift, rows, shift);
        rows.begin(count, shift);
    }

    private int head(int r) {
        return kvHead * group + r % group;
    }

    /// Number of row r in [tokens, heads].
    private long row(int r) {
        return (queries.start(sequence) + (long) (r / group)) * spec.heads() + head(r);
    }

    private void copyQueries(int from, int count) {
        for (int r = 0; r < count; r++) {
            KeyBlocks.copy(query.data(), row(from + r) * dim * 4, dim, m, r * dim);
        }
    }

    /// out = Σ weight·value / Σ weight, lse = shift + log Σ weight ([RowEnd]).
    private void finish(TileSoftmax of, float[] shifts, int from, int count) {
        MemorySegment out = result.out().data();
        MemorySegment lse = result.lse().data();
        int columns = spec.valueDim();
        for (int r = 0; r < count; r++) {
            var end = RowEnd.of(spec, head(from + r), of.sum(r), shifts[r]);
            long at = row(from + r);
            lse.set(F32, ((long) head(from + r) * query.dim(0) + at / spec.heads()) * 4, end.lse());
            write(out, at * columns * 4, of.o0() + r * width, columns, end.scale());
        }
    }

    private void write(MemorySegment out, long to, int from, int columns, float scale) {
        int column = 0;
        for (; column + COUNT <= columns; column += COUNT) {
            FloatVector.fromArray(FLOATS, m, from + column).mul(scale).intoMemorySegment(out, to + column * 4L, ORDER);
        }
        for (; column < columns; column++) {
            out.set(F32, to + column * 4L, m[from + column] * scale);
        }
    }
}
