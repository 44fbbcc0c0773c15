package clearhead.ops.cpu.vector;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Elements of any real type as floats: the numbers that ggml computes, to the bit.
final class Expand {
    private static final VectorSpecies<Float> S = Lanes.FLOATS;
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    private Expand() {}

    /// Elements `first` to `first + count` of a tensor in rows.
    static void floats(Tensor from, long first, int count, MemorySegment into, long at) {
        MemorySegment data = from.data();
        DType type = from.type();
        switch (type) {
            case F32 -> MemorySegment.copy(data, first * 4, into, at, count * 4L);
            case F16, BF16 -> halves(type == DType.F16, data, first * 2, count, into, at, 4);
            case Q8_0, Q4_0, Q4_1 -> blocks(type, data, first / 32 * type.blockBytes(), count / 32, into, at, 4);
            default -> scattered(from, first, count, into, at, 4);
        }
    }

    /// Elements of any type, written `stride` bytes apart.
    static void scattered(Tensor from, long first, int count, MemorySegment into, long at, long stride) {
        var floats = new float[Math.min(count, 1024)];
        for (int done = 0; done < count; done += floats.length) {
            int n = Math.min(floats.length, count - done);
            from.floats(first + done, n, floats, 0);
            for (int i = 0; i < n; i++) {
                into.set(F32, at + (done + i) * stride, floats[i]);
            }
        }
    }

    /// The tensor's memory if it is F32, else its values as floats.
    static MemorySegment all(Workspace workspace, Tensor t) {
        if (t.type() == DType.F32) {
            return t.data();
        }
        MemorySegment floats = workspace.takeBytes(t.size() * 4);
        int step = 1 << 20;
        for (long i = 0; i < t.size(); i += step) {
            floats(t, i, (int) Math.min(step, t.size() - i), floats, i * 4);
        }
        return floats;
    }

    /// 16-bit floats, written `stride` bytes apart.
    static void halves(
            boolean ieee, MemorySegment from, long start, int count, MemorySegment into, long at, long stride) {
        int i = 0;
        // A loop for each, as a loop for both is twice as slow.
        if (stride == 4 && ieee) {
            for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
                vector(true, ShortVector.fromMemorySegment(HALVES, from, start + i * 2L, ORDER))
                        .intoMemorySegment(into, at + i * 4L, ORDER);
            }
        } else if (stride == 4) {
            for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
                vector(false, ShortVector.fromMemorySegment(HALVES, from, start + i * 2L, ORDER))
                        .intoMemorySegment(into, at + i * 4L, ORDER);
            }
        }
        for (; i < count; i++) {
            short bits = from.get(I16, start + i * 2L);
            into.set(F32, at + i * stride, ieee ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16));
        }
    }

    /// A vector of IEEE half precision or bfloat16 numbers.
    static FloatVector vector(boolean ieee, ShortVector bits) {
        IntVector wide = (IntVector) bits.convertShape(VectorOperators.S2I, Lanes.INTS, 0);
        if (!ieee) {
            return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        }
        // Exponent and fraction in a float's place, the exponent 112 too small: the product sets it
        // right and makes subnormal numbers normal. What was infinite or no number stays so.
        FloatVector scaled = wide.lanewise(VectorOperators.LSHL, 13)
                .and(0x8fffffff)
                .reinterpretAsFloats()
                .mul(0x1p112f);
        return scaled.reinterpretAsInts()
                .lanewise(VectorOperators.OR, 0x7f800000, wide.and(0x7c00).compare(VectorOperators.EQ, 0x7c00))
                .reinterpretAsFloats();
    }

    /// Blocks of Q8_0, Q4_0 or Q4_1, written `stride` bytes apart.
    static void blocks(
            DType type, MemorySegment from, long start, int count, MemorySegment into, long at, long stride) {
        for (int b = 0; b < count; b++) {
            long block = start + (long) b * type.blockBytes();
            long to = at + b * 32 * stride;
            float scale = Float.float16ToFloat(from.get(I16, block));
            if (type == DType.Q8_0) {
                for (int i = 0; i < 32; i++) {
                    into.set(F32, to + i * stride, scale * from.get(I8, block + 2 + i));
                }
            } else if (type == DType.Q4_0) {
                for (int i = 0; i < 16; i++) {
                    int both = from.get(I8, block + 2 + i);
                    into.set(F32, to + i * stride, scale * ((both & 15) - 8));
                    into.set(F32, to + (i + 16) * stride, scale * ((both >>> 4 & 15) - 8));
                }
            } else {
                float minimum = Float.float16ToFloat(from.get(I16, block + 2));
                for (int i = 0; i < 16; i++) {
                    int both = from.get(I8, block + 4 + i);
                    into.set(F32, to + i * stride, scale * (both & 15) + minimum);
                    into.set(F32, to + (i + 16) * stride, scale * (both >>> 4 & 15) + minimum);
                }
            }
        }
    }
}
