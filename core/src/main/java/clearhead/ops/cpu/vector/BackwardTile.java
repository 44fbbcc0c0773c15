package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.TileArrays.PANEL;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// A range of keys of one kv head against one block of 64 queries after the other: the arithmetic of
/// [AttentionBackward].
///
/// A block of queries and keys that is seen in part costs as much of the products as the pieces of 16
/// queries or keys that are seen, with zeros where a query does not see a key. If something in it is
/// not finite, its sums skip what is not seen, so that a NaN stays with those who see it.
final class BackwardTile {
    /// Granularity of blocks that are seen in part.
    private static final int PIECE = 16;

    private final Tensor query;
    private final Sequences queries;
    private final KvView.Packed past;
    private final AttentionSpec spec;
    private final Attended forward;
    private final Tensor dOut;
    private final Adjoints.Attention gradient;
    private final Tensor delta;
    private final int sequence;
    private final int kvHead;
    private final int from;
    private final int to;
    private final int blocks;
    private final BackwardArrays arrays;
    private final int keySize;
    private final int valueSize;
    private final boolean[] finite;
    private final float[] lse = new float[SIDE];
    private final float[] deltas = new float[SIDE];
    private final long[] words = new long[SIDE];

    /// @param from first key of the range, a multiple of 64
    /// @param to one past its last key
    BackwardTile(
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut,
            Adjoints.Attention gradient,
            Tensor delta,
            int sequence,
            int kvHead,
            int from,
            int to) {
        this.query = query;
        this.queries = queries;
        this.past = past;
        this.spec = spec;
        this.forward = forward;
        this.dOut = dOut;
        this.gradient = gradient;
        this.delta = delta;
        this.sequence = sequence;
        this.kvHead = kvHead;
        this.from = from;
        this.to = to;
        this.blocks = Math.ceilDiv(to - from, SIDE);
        this.arrays = BackwardArrays.of(blocks, spec.headDim(), spec.valueDim());
        this.keySize = SIDE * BackwardArrays.stride(spec.headDim());
        this.valueSize = SIDE * BackwardArrays.stride(spec.valueDim());
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
            MemorySegment dKey = gradient.dKey().data();
            MemorySegment dValue = gradient.dValue().data();
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
                arrays.dQuery, gradient.dQuery().data(), queryRow(head, row, dim), spec.heads() * 4L * dim, rows, dim);
    }

    /// One block of queries against all keys of the range.
    void queries(int head, int row) {
        int rows = Math.min(SIDE, queries.length(sequence) - row);
        int keyDim = spec.headDim();
        int valueDim = spec.valueDim();
        long heads = spec.heads() * 4L;
        boolean all = BackwardArrays.load(
                query.data(),
                queryRow(head, row, keyDim),
                heads * keyDim,
                arrays.query,
                arrays.queryPanels,
                0,
                rows,
                keyDim);
        all &= BackwardArrays.load(
                dOut.data(),
                queryRow(head, row, valueDim),
                heads * valueDim,
                arrays.dOut,
                arrays.dOutPanels,
                0,
                rows,
                valueDim);
        long token = queries.start(sequence) + (long) row;
        for (int i = 0; i < rows; i++) {
            lse[i] = forward.lse().data().get(F32, (head * (long) query.dim(0) + token + i) * 4);
            deltas[i] = delta.data().get(F32, ((token + i) * spec.heads() + head) * 4);
        }
        Arrays.fill(arrays.dQuery, 0, keySize, 0);
        for (int b = 0; b < blocks; b++) {
            int key = from + b * SIDE;
            int state = see(row, rows, key, keysOf(b));
            if (state == NONE) {
                continue;
            }
            if (state == ALL) {
                whole(b, rows, keysOf(b));
            } else {
                part(b, rows, all && finite[b]);
            }
        }
    }

    private static final int NONE = 0;
    private static final int SOME = 1;
    private static final int ALL = 2;

    private int see(int row, int rows, int key, int keys) {
        long any = 0;
        long every = -1;
        for (int i = 0; i < rows; i++) {
            int seen = Math.clamp(
                    Visible.keys(spec.mask(), queries.length(sequence), past.length(sequence), row + i) - key, 0, keys);
            words[i] = seen == SIDE ? -1 : (1L << seen) - 1;
            any |= words[i];
            every &= words[i];
        }
        return any == 0 ? NONE : every == -1 ? ALL : SOME;
    }

    private void whole(int b, int rows, int keys) {
        int four = rows + 3 & -4;
        scores(b, 0, four, 0, SIDE);
        WeightGradients.whole(arrays.weights, arrays.dScores, rows, lse, deltas, (float) spec.scale());
        sumKeys(b, 0, SIDE, 0, rows);
        sumQueries(b, 0, four, 0, keys);
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

    private void part(int b, int rows, boolean finite) {
        int pieces = Math.ceilDiv(rows, PIECE);
        for (int piece = 0; piece < pieces; piece++) {
            int row = piece * PIECE;
            int some = Math.min(PIECE, rows - row);
            long any = 0;
            for (int i = row; i < row + some; i++) {
                any |= words[i];
            }
            int first = any == 0 ? 0 : Long.numberOfTrailingZeros(any) & -PIECE;
            int end = any == 0 ? 0 : 64 - Long.numberOfLeadingZeros(any) + PIECE - 1 & -PIECE;
            int four = some + 3 & -4;
            scores(b, row, four, first, end - first);
            WeightGradients.part(arrays.weights, arrays.dScores, row, some, words, lse, deltas, (float) spec.scale());
            if (finite) {
                sumQueries(b, row, four, first, Math.min(end, keysOf(b)) - first);
            }
        }
        if (!finite) {
            sparse(b, rows);
            return;
        }
        for (int key = 0; key < SIDE; key += PIECE) {
            long piece = 0xffffL << key;
            int first = 0;
            while (first < rows && (words[first] & piece) == 0) {
                first++;
            }
            int end = rows;
            while (end > first && (words[end - 1] & piece) == 0) {
                end--;
            }
            if (first < end) {
                sumKeys(b, key, PIECE, first, end - first);
            }
        }
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
