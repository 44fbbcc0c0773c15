package clearhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// A typed, shaped place in off-heap memory. Contiguous; no arithmetic. The memory belongs to whoever
/// made it: a mapped file, an arena, or a [Workspace] that will hand it out again.
///
/// [#at] and [#set] are for looking, loading and the reference kernels; fast kernels address `data`.
///
/// @param type element type
/// @param shape axes, outermost first
/// @param layout how elements lie in `data`
/// @param data native memory, little-endian, 64-byte aligned unless it is a mapped file or a slice
public record Tensor(DType type, Shape shape, Layout layout, MemorySegment data) {
    private static final ValueLayout.OfDouble F64 =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public Tensor {
        if (layout == Layout.ROWS && data.byteSize() != type.bytes(shape.size())) {
            throw new IllegalArgumentException("a tensor " + type + shape + " needs " + type.bytes(shape.size())
                    + " bytes, got " + data.byteSize());
        }
        if (!data.isNative()) {
            throw new IllegalArgumentException("tensors live in native memory, got a heap array");
        }
    }

    /// A zero-filled tensor that lives as long as `arena`.
    public static Tensor zeros(Arena arena, DType type, int... dims) {
        var shape = new Shape(dims);
        long bytes = type.bytes(shape.size());
        var memory = arena.allocate(Math.max(bytes, 1), Workspace.ALIGNMENT).asSlice(0, bytes);
        return new Tensor(type, shape, Layout.ROWS, memory);
    }

    /// A tensor of `type` (any plain type) with these values, row-major.
    public static Tensor of(Arena arena, DType type, double[] values, int... dims) {
        Tensor t = zeros(arena, type, dims);
        requireCount(t, values.length);
        for (int i = 0; i < values.length; i++) {
            t.set(i, values[i]);
        }
        return t;
    }

    /// An F32 tensor with these values, row-major.
    public static Tensor of(Arena arena, float[] values, int... dims) {
        Tensor t = zeros(arena, DType.F32, dims);
        requireCount(t, values.length);
        MemorySegment.copy(values, 0, t.data, F32, 0, values.length);
        return t;
    }

    /// An I32 tensor with these values, row-major.
    public static Tensor of(Arena arena, int[] values, int... dims) {
        Tensor t = zeros(arena, DType.I32, dims);
        requireCount(t, values.length);
        MemorySegment.copy(values, 0, t.data, I32, 0, values.length);
        return t;
    }

    private static void requireCount(Tensor t, long count) {
        if (t.size() != count) {
            throw new IllegalArgumentException(
                    "shape " + t.shape + " has " + t.size() + " elements, got " + count + " values");
        }
    }

    /// Number of elements.
    public long size() {
        return shape.size();
    }

    /// Size of axis `axis`; −1 is the last.
    public int dim(int axis) {
        return shape.dim(axis);
    }

    public int rank() {
        return shape.rank();
    }

    /// The same memory under other axes of the same total size.
    public Tensor reshape(int... dims) {
        requireRows();
        var to = new Shape(dims);
        if (to.size() != shape.size()) {
            throw new IllegalArgumentException("cannot view " + shape + " as " + to);
        }
        return new Tensor(type, to, layout, data);
    }

    /// A view of rows `from` (inclusive) to `to` (exclusive) of the first axis.
    public Tensor rows(int from, int to) {
        requireRows();
        if (from < 0 || to < from || to > dim(0)) {
            throw new IndexOutOfBoundsException("rows " + from + " to " + to + " of a tensor " + shape);
        }
        int[] dims = shape.dims();
        long rowBytes = dims[0] == 0 ? 0 : type.bytes(size() / dims[0]);
        dims[0] = to - from;
        return new Tensor(type, new Shape(dims), layout, data.asSlice(from * rowBytes, (to - from) * rowBytes));
    }

    /// Element `index` in row-major order, as a double; quantized and half types are expanded.
    public double at(long index) {
        return switch (type) {
            case F64 -> data.get(F64, index * 8);
            case F32 -> data.get(F32, index * 4);
            case F16 -> Float.float16ToFloat(data.get(I16, index * 2));
            case BF16 -> Float.intBitsToFloat(data.get(I16, index * 2) << 16);
            case I64 -> data.get(I64, index * 8);
            case I32 -> data.get(I32, index * 4);
            case I16 -> data.get(I16, index * 2);
            case I8 -> data.get(ValueLayout.JAVA_BYTE, index);
            case U8, BOOL -> data.get(ValueLayout.JAVA_BYTE, index) & 0xff;
            case U16 -> data.get(I16, index * 2) & 0xffff;
            case U32 -> data.get(I32, index * 4) & 0xffffffffL;
            case U64 -> unsigned(data.get(I64, index * 8));
            case F8_E4M3 -> ByteFloat.e4m3(data.get(ValueLayout.JAVA_BYTE, index));
            case F8_E5M2 -> ByteFloat.e5m2(data.get(ValueLayout.JAVA_BYTE, index));
            case F8_E8M0 -> ByteFloat.e8m0(data.get(ValueLayout.JAVA_BYTE, index));
            default -> {
                var one = new float[1];
                floats(index, 1, one, 0);
                yield one[0];
            }
        };
    }

    private static double unsigned(long bits) {
        return bits >= 0 ? bits : (bits >>> 1 | bits & 1) * 2.0;
    }

    /// Writes elements `first` to `first + count`, in row-major order, to `into` from `at` on.
    public void floats(long first, int count, float[] into, int at) {
        if (!type.isQuantized()) {
            for (int i = 0; i < count; i++) {
                into[at + i] = (float) at(first + i);
            }
            return;
        }
        int size = type.blockSize();
        BlockFormat blocks = type.blocks();
        float[] part = new float[0];
        int done = 0;
        while (done < count) {
            long block = (first + done) / size * type.blockBytes();
            int skipped = (int) ((first + done) % size);
            if (skipped == 0 && count - done >= size) {
                blocks.decode(data, block, into, at + done);
                done += size;
            } else {
                part = part.length == 0 ? new float[size] : part;
                blocks.decode(data, block, part, 0);
                int n = Math.min(size - skipped, count - done);
                System.arraycopy(part, skipped, into, at + done, n);
                done += n;
            }
        }
    }

    /// Element `index` of an integer tensor.
    public int intAt(long index) {
        if (type == DType.I32) {
            return data.get(I32, index * 4);
        }
        return Math.toIntExact((long) at(index));
    }

    /// Stores `value`, rounded to the element type; plain types only.
    public void set(long index, double value) {
        switch (type) {
            case F64 -> data.set(F64, index * 8, value);
            case F32 -> data.set(F32, index * 4, (float) value);
            case F16 -> data.set(I16, index * 2, Float.floatToFloat16((float) value));
            case BF16 -> data.set(I16, index * 2, bfloat16((float) value));
            case I64 -> data.set(I64, index * 8, (long) value);
            case I32 -> data.set(I32, index * 4, (int) value);
            case I16, U16 -> data.set(I16, index * 2, (short) (int) value);
            case U32 -> data.set(I32, index * 4, (int) (long) value);
            case I8, U8, BOOL -> data.set(ValueLayout.JAVA_BYTE, index, (byte) (int) value);
            case U64 ->
                data.set(I64, index * 8, value < 0x1p63 ? (long) value : (long) (value - 0x1p63) | Long.MIN_VALUE);
            case F8_E4M3 -> data.set(ValueLayout.JAVA_BYTE, index, ByteFloat.nearest(value, ByteFloat::e4m3));
            case F8_E5M2 -> data.set(ValueLayout.JAVA_BYTE, index, ByteFloat.nearest(value, ByteFloat::e5m2));
            case F8_E8M0 -> data.set(ValueLayout.JAVA_BYTE, index, ByteFloat.nearest(value, ByteFloat::e8m0));
            default ->
                throw new IllegalArgumentException(
                        "single elements of " + type + " cannot be set; quantize whole blocks");
        }
    }

    /// The bfloat16 nearest to `value`, ties to even.
    public static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /// All elements, row-major, as floats.
    public float[] toFloats() {
        requireRows();
        var values = new float[Math.toIntExact(size())];
        if (type == DType.F32) {
            MemorySegment.copy(data, F32, 0, values, 0, values.length);
        } else {
            floats(0, values.length, values, 0);
        }
        return values;
    }

    /// All elements, row-major, as doubles.
    public double[] toDoubles() {
        requireRows();
        var values = new double[Math.toIntExact(size())];
        if (type.isQuantized()) {
            float[] floats = toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] = floats[i];
            }
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = at(i);
        }
        return values;
    }

    /// All elements of an integer tensor, row-major.
    public int[] toInts() {
        requireRows();
        var values = new int[Math.toIntExact(size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = intAt(i);
        }
        return values;
    }

    /// A copy in another plain element type.
    public Tensor to(Arena arena, DType target) {
        requireRows();
        Tensor copy = zeros(arena, target, shape.dims());
        if (target == type) {
            MemorySegment.copy(data, 0, copy.data, 0, data.byteSize());
            return copy;
        }
        if (type.isQuantized()) {
            var block = new float[type.blockSize()];
            for (long i = 0; i < size(); i += block.length) {
                floats(i, block.length, block, 0);
                for (int j = 0; j < block.length; j++) {
                    copy.set(i + j, block[j]);
                }
            }
            return copy;
        }
        for (long i = 0; i < size(); i++) {
            copy.set(i, at(i));
        }
        return copy;
    }

    /// A copy that lives as long as `arena`.
    public Tensor copy(Arena arena) {
        return to(arena, type);
    }

    private void requireRows() {
        if (layout != Layout.ROWS) {
            throw new IllegalStateException("a tensor packed for one backend's kernels has no element order: " + this);
        }
    }

    /// Type, shape and layout, without the values.
    @Override
    public String toString() {
        return type.toString() + shape + (layout == Layout.ROWS ? "" : " " + layout);
    }
}
