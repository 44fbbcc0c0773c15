package clearhead.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// How one quantized type keeps a block of weights: layouts and arithmetic of ggml. Decoding gives
/// the floats of its reference functions to the bit, encoding the bytes.
public sealed interface BlockFormat permits SmallBlocks, SuperBlocks, CodebookBlocks {
    ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    /// Writes the weights of the block at byte `at` to `out` from `start` on.
    void decode(MemorySegment data, long at, float[] out, int start);

    /// Writes a block of finite weights, `values` from `start` on, to byte `at`.
    void encode(float[] values, int start, MemorySegment data, long at);

    /// Whether the block's scales are such that all its weights are finite.
    boolean isFinite(MemorySegment data, long at);

    /// The IEEE half precision number at byte `at`.
    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(I16, at));
    }

    static boolean isFiniteHalf(MemorySegment data, long at) {
        return (data.get(I16, at) & 0x7c00) != 0x7c00;
    }

    static int unsigned(MemorySegment data, long at) {
        return data.get(I8, at) & 0xff;
    }
}
