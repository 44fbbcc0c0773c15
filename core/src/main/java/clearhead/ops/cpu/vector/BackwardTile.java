package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.TileArrays.PANEL;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/// A range of keys of one kv head against one block of 64 queries after the other: the arithmetic of
/// [AttentionBackward].
///
/// A block of queries and keys that is seen in part costs as much of the products as the pieces of 16
/// queries or keys that are seen, with zeros where a query does not see a key. If something in it is
/// not finite, its sums skip what is not seen, so that a NaN stays with those who see it.
final class BackwardTile {
    /// Granularity of blocks that are seen in part.
    private static final int PIECE = 16;

    private final BackwardCall call;
    private final AttentionSpec spec;
    private final Sequences queries;
    private final KvView.Packed past;
    private final VisibleKeys seen;
    private final int sequence;
    private final int kvHead;
    private final int from;
    private final int to;
    private final int blocks;
    private final BackwardArrays arrays;
    private final int keySize;
    private final int valueSize;
    private final Optional<ScoreGradients> scores;
    private final Optional<BiasGradient.Part> dBias;
    private final boolean[] finite;
    private final float[] lse = new float[SIDE];
    private final float[] deltas = new float[SIDE];
    private final long[] words = new long[SIDE];

    /// @param from first key of the range, a multiple of 64
    /// @param to one past its last key
    BackwardTile(BackwardCall call, int sequence, int kvHead, int from, int to) {
        this.call = call;
        this.spec = call.spec();
        this.queries = call.queries();
        this.past = call.past();
        this.seen = call.seen().get(sequence);
        this.sequence = sequence;
        this.kvHead = kvHead;
        this.from = from;
        this.to = to;
        this.blocks = Math.ceilDiv(to - from, SIDE);
        this.arrays = BackwardArrays.of(blocks, spec.headDim(), spec.valueDim());
        this.keySize = SIDE * BackwardArrays.stride(spec.headDim());
        this.valueSize = SIDE * BackwardArrays.stride(spec.valueDim());
        this.scores = call.scores().map(extras -> new ScoreGradients(spec, extras));
        this.dBias = call.dBias().map(sums -> sums.part(sequence, kvHead, seen, from, to));
        this.finite = new boolean[blocks];
    }

    private int keysOf(int block) {
        return Math.min(SIDE, to - from - block * SIDE);
    }

    /// Byte of a key's or value's row.
    private long keyRow(int block, int dim) {
        return ((past.rows().start(sequence) + from + (long) block * SIDE) * spec.kvHeads() + kvHead) * dim * 4;
    }

    void loadKeys() {
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        long heads = spec.kvHeads() * 4L;
        for (int b = 0; b < blocks; b++) {
            int keys = keysOf(b);
            finite[b] = BackwardArrays.load(
                    past.key().data(),
                    keyRow(b, keyDim),
                    heads * keyDim,
                    arrays.query,
                    arrays.keyPanels,
                    b * keySize,
                    keys,
                    keyDim);
            BackwardArrays.transpose(arrays.query, arrays.keyTransposed, b * keySize, keys, keyDim);
            BackwardArrays.load(
                    past.value().data(),
                    keyRow(b, valueDim),
                    heads * valueDim,
                    arrays.dOut,
                    arrays.dOutPanels,
                    0,
                    keys,
                    valueDim);
            BackwardArrays.transpose(arrays.dOut, arrays.valueTransposed, b * valueSize, keys, valueDim);
        }
        Arrays.fill(arrays.dKey, 0, blocks * keySize, 0);
        Arrays.fill(arrays.dValue, 0, blocks * valueSize, 0);
    }

    void storeKeys() {
        long heads = spec.kvHeads() * 4L;
        for (int b = 0; b < blocks; b++) {
            MemorySegment dKey = call.dKey().data();
            MemorySegment dValue = call.dValue().data();
            int keyDim = spec.headDim();
            int valueDim = spec.valueDim();
            BackwardArrays.store(arrays.dKey, b * keySize, dKey, keyRow(b, keyDim), heads * keyDim, keysOf(b), keyDim);
            BackwardArrays.store(
                    arrays.dValue, b * valueSize, dValue, keyRow(b, valueDim), heads * valueDim, keysOf(b), valueDim);
        }
    }

    /// Byte of a query's row in [tokens, heads, dim].
    private long queryRow(int head, int row, int dim) {
        return ((queries.start(sequence) + (long) row) * spec.heads() + head) * dim * 4;
    }

    /// Adds what [#queries] has left.
    void addQueries(int head, int row) {
        int dim = spec.headDim();
        int rows = Math.min(SIDE, queries.length(sequence) - row);
        BackwardArrays.add(
                arrays.dQuery, call.dQuery().data(), queryRow(head, row, dim), spec.heads() * 4L * dim, rows, dim);
        dBias.ifPresent(part -> part.endRows(head, row, rows));
    }

    /// One block of queries against all keys of the range.
    void queries(int head, int row) {
        int rows = Math.min(SIDE, queries.length(sequence) - row);
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        long heads = spec.heads() * 4L;
        boolean all = BackwardArrays.load(
                call.query().data(),
                queryRow(head, row, keyDim),
                heads * keyDim,
                arrays.query,
                arrays.queryPanels,
                0,
                rows,
                keyDim);
        all &= BackwardArrays.load(
                call.dOut().data(),
                queryRow(head, row, valueDim),
                heads * valueDim,
                arrays.dOut,
                arrays.dOutPanels,
                0,
                rows,
                valueDim);
        long token = queries.start(sequence) + (long) row;
        for (int i = 0; i < rows; i++) {
            lse[i] = call.forward()
                    .lse()
                    .data()
                    .get(F32, (head * (long) call.query().dim(0) + token + i) * 4);
            deltas[i] = call.delta().data().get(F32, ((token + i) * spec.heads() + head) * 4);
        }
        Arrays.fill(arrays.dQuery, 0, keySize, 0);
        for (int b = 0; b < blocks; b++) {
            block(b, head, row, rows, all && finite[b]);
        }
    }

    /// Ends the range's part of the bias's gradient.
    void finishBias() {
        dBias.ifPresent(BiasGradient.Part::finish);
    }

    /// One block of queries against one block of keys: by pieces of 16 queries, then of 16 keys, as far
    /// as they see each other; neighbours that see the same go together.
    private void block(int b, int head, int row, int rows, boolean finite) {
        long every = -1;
        long any = 0;
        for (int i = 0; i < rows; i++) {
            words[i] = seen.word(head, row + i, from / SIDE + b);
            every &= words[i];
            any |= words[i];
        }
        if (any == 0) {
            return;
        }
        boolean whole = every == -1;
        boolean dense = finite || whole && scores.isEmpty();
        int end;
        for (int i = 0; i < rows; i = end) {
            long columns = columns(i, rows);
            end = Math.min(rows, i + PIECE);
            while (end < rows && columns(end, rows) == columns) {
                end = Math.min(rows, end + PIECE);
            }
            int lo = columns == 0 ? 0 : Long.numberOfTrailingZeros(columns);
            int hi = SIDE - Long.numberOfLeadingZeros(columns);
            int four = end - i + 3 & -4;
            scores(b, i, four, lo, hi - lo);
            gradients(b, head, row, i, end, lo, hi, whole);
            if (dense && lo < hi) {
                sumQueries(b, i, four, lo, Math.min(hi, keysOf(b)) - lo);
            }
        }
        if (dense) {
            sumKeys(b, rows);
        } else {
            sparse(b, rows);
        }
    }

    /// The pieces of keys from the first to the last that some query of a piece of queries sees, as bits.
    private long columns(int row, int rows) {
        long any = 0;
        for (int i = row; i < Math.min(rows, row + PIECE); i++) {
            any |= words[i];
        }
        if (any == 0) {
            return 0;
        }
        int lo = Long.numberOfTrailingZeros(any) & -PIECE;
        int hi = SIDE - Long.numberOfLeadingZeros(any) + PIECE - 1 & -PIECE;
        return -1L >>> SIDE - (hi - lo) << lo;
    }

    private void gradients(int b, int head, int row, int from, int to, int lo, int hi, boolean whole) {
        if (scores.isEmpty()) {
            if (whole) {
                WeightGradients.whole(arrays.weights, arrays.dScores, from, to, lse, deltas, (float) spec.scale());
            } else {
                WeightGradients.part(
                        arrays.weights, arrays.dScores, from, to, words, lse, deltas, (float) spec.scale());
            }
            return;
        }
        for (int i = from; i < to; i++) {
            words[i] = scores.get()
                    .row(
                            arrays.weights,
                            arrays.dScores,
                            i * SIDE,
                            lo,
                            hi,
                            words[i],
                            sequence,
                            head,
                            row + i,
                            seen.position(row + i),
                            this.from + b * SIDE,
                            lse[i],
                            deltas[i],
                            dBias);
        }
    }

    /// dKey and dValue from a block, by pieces of 16 keys and the rows that see some of them.
    private void sumKeys(int b, int rows) {
        int end;
        for (int key = 0; key < keysOf(b); key = end) {
            long span = rowSpan(key, rows);
            end = key + PIECE;
            while (end < keysOf(b) && rowSpan(end, rows) == span) {
                end += PIECE;
            }
            int first = (int) (span >>> 32);
            int last = (int) span;
            if (first < last) {
                sumKeys(b, key, end - key, first, last - first);
            }
        }
    }

    /// First row that sees some of a piece of keys in the upper half, one past the last in the lower.
    private long rowSpan(int key, int rows) {
        long piece = 0xffffL << key;
        int first = 0;
        while (first < rows && (words[first] & piece) == 0) {
            first++;
        }
        int end = rows;
        while (end > first && (words[end - 1] & piece) == 0) {
            end--;
        }
        return first < end ? (long) first << 32 | end : 0;
    }

    /// Scores and gradients of weights of some rows and columns.
    private void scores(int b, int row, int rows, int column, int columns) {
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        TileArrays.rows(
                arrays.query,
                row * BackwardArrays.stride(keyDim),
                BackwardArrays.stride(keyDim),
                arrays.keyTransposed,
                b * keySize + column * keyDim,
                keyDim * PANEL,
                arrays.weights,
                row * SIDE + column,
                SIDE,
                rows,
                columns,
                keyDim,
                false);
        TileArrays.rows(
                arrays.dOut,
                row * BackwardArrays.stride(valueDim),
                BackwardArrays.stride(valueDim),
                arrays.valueTransposed,
                b * valueSize + column * valueDim,
                valueDim * PANEL,
                arrays.dScores,
                row * SIDE + column,
                SIDE,
                rows,
                columns,
                valueDim,
                false);
    }

    /// dValue and dKey of some keys from some rows.
    private void sumKeys(int b, int key, int keys, int row, int rows) {
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        TileArrays.columns(
                arrays.weights,
                row * SIDE + key,
                arrays.dOutPanels,
                row * PANEL,
                SIDE * PANEL,
                arrays.dValue,
                b * valueSize + key * BackwardArrays.stride(valueDim),
                BackwardArrays.stride(valueDim),
                keys,
                BackwardArrays.width(valueDim),
                rows);
        TileArrays.columns(
                arrays.dScores,
                row * SIDE + key,
                arrays.queryPanels,
                row * PANEL,
                SIDE * PANEL,
                arrays.dKey,
                b * keySize + key * BackwardArrays.stride(keyDim),
                BackwardArrays.stride(keyDim),
                keys,
                BackwardArrays.width(keyDim),
                rows);
    }

    /// dQuery of some rows from some keys.
    private void sumQueries(int b, int row, int rows, int key, int keys) {
        int keyDim = spec.headDim();
        TileArrays.rows(
                arrays.dScores,
                row * SIDE + key,
                SIDE,
                arrays.keyPanels,
                b * keySize + key * PANEL,
                SIDE * PANEL,
                arrays.dQuery,
                row * BackwardArrays.stride(keyDim),
                BackwardArrays.stride(keyDim),
                rows,
                BackwardArrays.width(keyDim),
                keys,
                true);
    }

    /// All three sums over the pairs that see each other, and nothing else.
    private void sparse(int b, int rows) {
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        int keyStride = BackwardArrays.stride(keyDim);
        int valueStride = BackwardArrays.stride(valueDim);
        for (int i = 0; i < rows; i++) {
            for (long word = words[i]; word != 0; word &= word - 1) {
                int j = Long.numberOfTrailingZeros(word);
                float p = arrays.weights[i * SIDE + j];
                float d = arrays.dScores[i * SIDE + j];
                int dValue = b * valueSize + j * valueStride;
                for (int c = 0; c < valueDim; c++) {
                    arrays.dValue[dValue + c] =
                            Math.fma(p, arrays.dOut[i * valueStride + c], arrays.dValue[dValue + c]);
                }
                int dKey = b * keySize + j * keyStride;
                int dQuery = i * keyStride;
                for (int c = 0; c < keyDim; c++) {
                    float k = arrays.keyPanels[b * keySize + c / PANEL * (SIDE * PANEL) + j * PANEL + c % PANEL];
                    arrays.dKey[dKey + c] = Math.fma(d, arrays.query[dQuery + c], arrays.dKey[dKey + c]);
                    arrays.dQuery[dQuery + c] = Math.fma(d, k, arrays.dQuery[dQuery + c]);
                }
            }
        }
    }
}
