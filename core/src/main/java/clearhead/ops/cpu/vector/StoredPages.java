package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import clearhead.ops.KvView;
import clearhead.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The pages of a cache as they are stored, and parts of them as floats.
///
/// @param scales of keys and of values, where the type is I8; else empty memory
record StoredPages(
        DType type,
        MemorySegment keys,
        MemorySegment values,
        MemorySegment keyScales,
        MemorySegment valueScales,
        int[][] table,
        int kvHeads,
        int keyDim,
        int valueDim) {
    private static final int PAGE = KvView.PAGE;

    /// As many bytes as floats in a vector, but at least 64 bits.
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, Lanes.BITS / 4)));

    /// Bytes that are widened at a time.
    private static final int STEP = BYTES.length();

    static StoredPages of(KvView.Paged past) {
        DType type = past.keys().type();
        if (type == DType.F64) {
            throw new IllegalArgumentException(
                    "the vector backend reads pages of F32, F16, BF16 or I8, found F64; use the reference backend");
        }
        return new StoredPages(
                type,
                past.keys().data(),
                past.values().data(),
                past.scales().map(s -> s.keys().data()).orElse(MemorySegment.NULL),
                past.scales().map(s -> s.values().data()).orElse(MemorySegment.NULL),
                past.table(),
                past.keys().dim(1),
                past.keys().dim(2),
                past.values().dim(3));
    }

    boolean isFloat() {
        return type == DType.F32;
    }

    /// Whether there are products that make floats of a block in registers.
    boolean isDirect() {
        return Lanes.BITS == 512 && (type == DType.I8 || type == DType.BF16) && valueDim % PAGE == 0;
    }

    /// Number of a block among the blocks of all pages and heads.
    long block(int sequence, int kvHead, int block) {
        int[] pages = table[sequence];
        return (long) pages[block % pages.length] * kvHeads + kvHead;
    }

    /// Dims `from` to `to` of a block of keys as floats [to − from, PAGE] at byte `at` of `into`.
    void keys(long block, int from, int to, MemorySegment into, long at) {
        long first = (block * keyDim + from) * PAGE;
        int count = (to - from) * PAGE;
        if (type == DType.I8) {
            scaledColumns(keys, first, keyScales, block * PAGE * 4, to - from, into, at);
        } else {
            floats(keys, first, count, into, at);
        }
    }

    /// Values `from` to `to` of a block as floats [to − from, valueDim] at byte `at` of `into`.
    void values(long block, int from, int to, MemorySegment into, long at) {
        long first = (block * PAGE + from) * valueDim;
        if (type == DType.I8) {
            scaledRows(values, first, valueScales, (block * PAGE + from) * 4, to - from, valueDim, into, at);
        } else {
            floats(values, first, (to - from) * valueDim, into, at);
        }
    }

    /// Scores of four rows with a block, where [#isDirect].
    ///
    /// @param m queries at a0, `aRow` bytes from row to row; scores at c0
    void multiplyKeys(MemorySegment m, long a0, long aRow, long block, long c0, long cRow) {
        long first = block * keyDim * PAGE;
        switch (type) {
            case I8 ->
                ByteProduct.columns(m, a0, aRow, keys, first, PAGE, keyScales, block * PAGE * 4, m, c0, cRow, keyDim);
            case BF16 -> BfloatProduct.multiply(m, a0, aRow, keys, first * 2, PAGE * 2L, m, c0, cRow, keyDim);
            default -> throw new IllegalStateException("pages of " + type);
        }
    }

    /// out += weights·values of four rows with `steps` values of a block, from `from` on, where
    /// [#isDirect].
    ///
    /// @param m weights at a0, `aRow` bytes from row to row; outputs at c0
    void multiplyValues(MemorySegment m, long a0, long aRow, long block, int from, int steps, long c0, long cRow) {
        long first = (block * PAGE + from) * valueDim;
        long scale = (block * PAGE + from) * 4;
        for (int column = 0; column < valueDim; column += PAGE) {
            long at = first + column;
            long c = c0 + column * 4L;
            switch (type) {
                case I8 -> ByteProduct.steps(m, a0, aRow, values, at, valueDim, valueScales, scale, m, c, cRow, steps);
                case BF16 -> BfloatProduct.add(m, a0, aRow, values, at * 2, valueDim * 2L, m, c, cRow, steps);
                default -> throw new IllegalStateException("pages of " + type);
            }
        }
    }

    private void floats(MemorySegment from, long first, int count, MemorySegment into, long at) {
        switch (type) {
            case F32 -> MemorySegment.copy(from, first * 4, into, at, count * 4L);
            case F16, BF16 -> Expand.halves(type == DType.F16, from, first * 2, count, into, at, 4);
            default -> throw new IllegalStateException("pages of " + type);
        }
    }

    /// Rows of PAGE bytes, each column with a scale of its own.
    private static void scaledColumns(
            MemorySegment from, long start, MemorySegment scales, long scale, int rows, MemorySegment into, long at) {
        for (int column = 0; column < PAGE; column += STEP) {
            var s = FloatVector.fromMemorySegment(FLOATS, scales, scale + column * 4L, ORDER);
            if (STEP == COUNT) {
                for (int row = 0; row < rows; row++) {
                    var q = ByteVector.fromMemorySegment(BYTES, from, start + row * (long) PAGE + column, ORDER);
                    ((FloatVector) q.convertShape(VectorOperators.B2F, FLOATS, 0))
                            .mul(s)
                            .intoMemorySegment(into, at + (row * (long) PAGE + column) * 4, ORDER);
                }
            } else {
                var upper = FloatVector.fromMemorySegment(FLOATS, scales, scale + (column + COUNT) * 4L, ORDER);
                for (int row = 0; row < rows; row++) {
                    var q = ByteVector.fromMemorySegment(BYTES, from, start + row * (long) PAGE + column, ORDER);
                    long to = at + (row * (long) PAGE + column) * 4;
                    ((FloatVector) q.convertShape(VectorOperators.B2F, FLOATS, 0))
                            .mul(s)
                            .intoMemorySegment(into, to, ORDER);
                    ((FloatVector) q.convertShape(VectorOperators.B2F, FLOATS, 1))
                            .mul(upper)
                            .intoMemorySegment(into, to + COUNT * 4L, ORDER);
                }
            }
        }
    }

    /// Rows of `columns` bytes, each with a scale of its own.
    private static void scaledRows(
            MemorySegment from,
            long start,
            MemorySegment scales,
            long scale,
            int rows,
            int columns,
            MemorySegment into,
            long at) {
        for (int row = 0; row < rows; row++) {
            float s = scales.get(F32, scale + row * 4L);
            long in = start + (long) row * columns;
            long out = at + (long) row * columns * 4;
            int column = 0;
            for (; column + STEP <= columns; column += STEP) {
                var q = ByteVector.fromMemorySegment(BYTES, from, in + column, ORDER);
                ((FloatVector) q.convertShape(VectorOperators.B2F, FLOATS, 0))
                        .mul(s)
                        .intoMemorySegment(into, out + column * 4L, ORDER);
                if (STEP > COUNT) {
                    ((FloatVector) q.convertShape(VectorOperators.B2F, FLOATS, 1))
                            .mul(s)
                            .intoMemorySegment(into, out + (column + COUNT) * 4L, ORDER);
                }
            }
            for (; column < columns; column++) {
                into.set(F32, out + column * 4L, s * from.get(ValueLayout.JAVA_BYTE, in + column));
            }
        }
    }
}
