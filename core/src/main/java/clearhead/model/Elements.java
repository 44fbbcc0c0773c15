package clearhead.model;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Moves elements of any type about without changing them.
final class Elements {
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Elements() {}

    /// Some rows of a matrix: a view where they lie in one piece.
    ///
    /// @param x [all, columns]
    /// @return [count, columns]
    static Tensor rows(Tensor x, Parameter.Rows rows, int count, Arena arena) {
        if (rows.run() >= count) {
            return x.rows(rows.first(), rows.first() + count);
        }
        long bytes = x.data().byteSize() / x.dim(0);
        MemorySegment y = arena.allocate(Math.multiplyExact(bytes, (long) count), 64);
        for (int i = 0; i < count; i += rows.run()) {
            MemorySegment.copy(x.data(), rows.at(i) * bytes, y, i * bytes, rows.run() * bytes);
        }
        return new Tensor(x.type(), new Shape(count, x.dim(1)), Layout.ROWS, y);
    }

    /// The way back of [#rows].
    static void putRows(Tensor y, Tensor x, Parameter.Rows rows) {
        long bytes = x.data().byteSize() / x.dim(0);
        int run = Math.min(rows.run(), y.dim(0));
        for (int i = 0; i < y.dim(0); i += run) {
            MemorySegment.copy(y.data(), i * bytes, x.data(), rows.at(i) * bytes, run * bytes);
        }
    }

    /// Columns of a matrix as the rows of another.
    ///
    /// @param x [rows, columns], a plain type
    /// @return [count, rows]: element [i, r] is x[r, columns.at(i)]
    static Tensor columns(Tensor x, Parameter.Rows columns, int count, Arena arena) {
        int rows = x.dim(0);
        Tensor y = Tensor.zeros(arena, x.type(), count, rows);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * x.dim(1);
            for (int i = 0; i < count; i++) {
                copy(x, row + columns.at(i), y, (long) i * rows + r);
            }
        }
        return y;
    }

    /// The way back of [#columns].
    ///
    /// @param y [count, rows]
    /// @param x [rows, columns]
    static void putColumns(Tensor y, Tensor x, Parameter.Rows columns) {
        int rows = x.dim(0);
        for (int r = 0; r < rows; r++) {
            long row = (long) r * x.dim(1);
            for (int i = 0; i < y.dim(0); i++) {
                copy(y, (long) i * rows + r, x, row + columns.at(i));
            }
        }
    }

    /// @return x, or other numbers in float32
    static Tensor changed(Tensor x, Parameter.Change change, Arena arena) {
        if (change == Parameter.Change.NONE) {
            return x;
        }
        Tensor y = x.to(arena, DType.F32);
        for (long i = 0; i < y.size(); i++) {
            double value = x.at(i);
            y.set(i, change == Parameter.Change.PLUS_ONE ? value + 1 : -Math.exp(value));
        }
        return y;
    }

    /// The way back of [#changed].
    static Tensor unchanged(Tensor x, Parameter.Change change, Arena arena) {
        if (change == Parameter.Change.NONE) {
            return x;
        }
        Tensor y = Tensor.zeros(
                arena, x.type() == DType.F64 ? DType.F64 : DType.F32, x.shape().dims());
        for (long i = 0; i < y.size(); i++) {
            double value = x.at(i);
            y.set(i, change == Parameter.Change.PLUS_ONE ? value - 1 : Math.log(-value));
        }
        return y;
    }

    private static void copy(Tensor from, long i, Tensor to, long j) {
        if (from.type().isQuantized()) {
            throw new IllegalArgumentException(
                    "single elements of " + from.type() + " cannot be moved, as a transposition needs");
        }
        switch (from.type().blockBytes()) {
            case 8 -> to.data().set(I64, j * 8, from.data().get(I64, i * 8));
            case 4 -> to.data().set(I32, j * 4, from.data().get(I32, i * 4));
            case 2 -> to.data().set(I16, j * 2, from.data().get(I16, i * 2));
            default -> to.data().set(ValueLayout.JAVA_BYTE, j, from.data().get(ValueLayout.JAVA_BYTE, i));
        }
    }

    /// Rows of heads whose rotary pairs are neighbours (2j, 2j + 1), ordered so that pair j is
    /// (j, j + headDim/2).
    ///
    /// @param x [heads·headDim, …], any type; rows move as wholes
    static Tensor halves(Tensor x, int heads, Arena arena) {
        return reordered(x, heads, true, arena);
    }

    /// The way back of [#halves].
    static Tensor neighbours(Tensor x, int heads, Arena arena) {
        return reordered(x, heads, false, arena);
    }

    private static Tensor reordered(Tensor x, int heads, boolean toHalves, Arena arena) {
        int rows = x.dim(0);
        int headDim = rows / heads;
        long bytes = x.data().byteSize() / rows;
        MemorySegment y = arena.allocate(x.data().byteSize(), 64);
        for (int row = 0; row < rows; row++) {
            int head = row / headDim;
            int j = row % headDim % (headDim / 2);
            int half = row % headDim / (headDim / 2);
            long neighbour = (long) head * headDim + 2L * j + half;
            long from = toHalves ? neighbour : row;
            long to = toHalves ? row : neighbour;
            MemorySegment.copy(x.data(), from * bytes, y, to * bytes, bytes);
        }
        return new Tensor(x.type(), x.shape(), Layout.ROWS, y);
    }

    /// The first element that is no finite number, or −1. Looks at exponents and block scales only.
    static long firstNotFinite(Tensor x) {
        DType type = x.type();
        if (!type.isReal()) {
            return -1;
        }
        MemorySegment data = x.data();
        if (type == DType.F32) {
            return firstNotFinite(data);
        }
        long blocks = x.size() / type.blockSize();
        int step = type.blockBytes();
        for (long b = 0; b < blocks; b++) {
            long at = b * step;
            boolean finite = switch (type) {
                case F64 -> finite(data.get(I64, at) >>> 32, 0x7ff00000L);
                case BF16 -> finite(data.get(I16, at), 0x7f80L);
                case F16 -> finite(data.get(I16, at), 0x7c00L);
                case F8_E4M3, F8_E5M2, F8_E8M0 -> Double.isFinite(x.at(b));
                case F32, I64, I32, I16, I8, U8, U16, U32, U64, BOOL -> true;
                default -> type.blocks().isFinite(data, at);
            };
            if (!finite) {
                return b * type.blockSize();
            }
        }
        return -1;
    }

    /// The same for F32, as it is done after every pass.
    private static long firstNotFinite(MemorySegment floats) {
        for (long at = 0; at < floats.byteSize(); at += 4) {
            if ((floats.get(I32, at) & 0x7f800000) == 0x7f800000) {
                return at / 4;
            }
        }
        return -1;
    }

    private static boolean finite(long bits, long exponent) {
        return (bits & exponent) != exponent;
    }
}
