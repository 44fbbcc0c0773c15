package clearhead.io;

import clearhead.tensor.DType;
import clearhead.tensor.Layout;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Turns elements of one type into another, in chunks. Rounding is to nearest, ties to even; blocks
/// are quantized as ggml's reference does it ([clearhead.tensor.BlockFormat]).
public final class Cast {
    /// A multiple of every block size.
    private static final int CHUNK = 4096;

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Cast() {}

    /// A copy in another element type, quantized types included, that lives as long as `arena`.
    public static Tensor to(Tensor from, DType to, Arena arena) {
        Tensor copy = Tensor.zeros(arena, to, from.shape().dims());
        copy(from, 0, from.size(), to, copy.data());
        return copy;
    }

    /// Stores elements `first` to `first + count` of `from` as `to` in `target`.
    ///
    /// @throws IllegalArgumentException if a finite value has no finite neighbour in `to`, or a value
    ///     to be quantized is not finite
    public static void copy(Tensor from, long first, long count, DType to, MemorySegment target) {
        if (from.type() == to) {
            long skipped = to.bytes(first);
            MemorySegment.copy(from.data(), skipped, target, 0, to.bytes(count));
            return;
        }
        if (!isFloat(from.type()) || !isFloat(to)) {
            Tensor out = new Tensor(to, flat(count), Layout.ROWS, target);
            for (long i = 0; i < count; i++) {
                out.set(i, from.at(first + i));
            }
            return;
        }
        var chunk = new float[(int) Math.min(CHUNK, count)];
        for (long done = 0; done < count; done += CHUNK) {
            int n = (int) Math.min(CHUNK, count - done);
            load(from, first + done, n, chunk);
            store(chunk, n, to, target, to.bytes(done));
        }
    }

    private static Shape flat(long count) {
        return new Shape(Math.toIntExact(count));
    }

    private static boolean isFloat(DType type) {
        return switch (type) {
            case F64, I64, I32, I16, I8, U8, U16, U32, U64, BOOL -> false;
            default -> true;
        };
    }

    private static void load(Tensor from, long first, int n, float[] chunk) {
        MemorySegment data = from.data();
        switch (from.type()) {
            case F32 -> MemorySegment.copy(data, F32, first * 4, chunk, 0, n);
            case F16 -> {
                for (int i = 0; i < n; i++) {
                    chunk[i] = Float.float16ToFloat(data.get(I16, (first + i) * 2));
                }
            }
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    chunk[i] = Float.intBitsToFloat(data.get(I16, (first + i) * 2) << 16);
                }
            }
            default -> from.floats(first, n, chunk, 0);
        }
    }

    private static void store(float[] chunk, int n, DType to, MemorySegment out, long at) {
        switch (to) {
            case F32 -> MemorySegment.copy(chunk, 0, out, F32, at, n);
            case F16 -> {
                for (int i = 0; i < n; i++) {
                    short half = Float.floatToFloat16(chunk[i]);
                    if ((half & 0x7fff) == 0x7c00 && Float.isFinite(chunk[i])) {
                        throw new IllegalArgumentException(chunk[i] + " does not fit F16; choose BF16 or F32");
                    }
                    out.set(I16, at + 2L * i, half);
                }
            }
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    out.set(I16, at + 2L * i, Tensor.bfloat16(chunk[i]));
                }
            }
            default -> {
                for (int block = 0; block < n / to.blockSize(); block++) {
                    int start = block * to.blockSize();
                    requireFinite(chunk, start, to);
                    long place = at + (long) block * to.blockBytes();
                    to.blocks().encode(chunk, start, out, place);
                    if (!to.blocks().isFinite(out, place)) {
                        throw new IllegalArgumentException(
                                "values as large as " + largest(chunk, start, to) + " do not fit the scales of " + to);
                    }
                }
            }
        }
    }

    private static void requireFinite(float[] values, int start, DType type) {
        for (int i = start; i < start + type.blockSize(); i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(values[i] + " cannot be stored as " + type);
            }
        }
    }

    private static float largest(float[] values, int start, DType type) {
        float largest = 0;
        for (int i = start; i < start + type.blockSize(); i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }
}
