package clearhead.io;

import clearhead.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// ggml's blocks of 32 weights: Q8_0, Q4_0, Q4_1 (layouts in [DType]). Quantizing gives the same
/// bytes as ggml's reference functions, which round in float32.
final class Blocks {
    static final int SIZE = 32;

    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    private Blocks() {}

    /// @param first element to begin at, a multiple of 32
    /// @param count a multiple of 32
    static void decode(DType type, MemorySegment data, long first, int count, float[] out) {
        long block = first / SIZE * type.blockBytes();
        for (int start = 0; start < count; start += SIZE) {
            float scale = Float.float16ToFloat(data.get(I16, block));
            switch (type) {
                case Q8_0 -> {
                    for (int i = 0; i < SIZE; i++) {
                        out[start + i] = scale * data.get(I8, block + 2 + i);
                    }
                }
                case Q4_0 -> {
                    for (int i = 0; i < SIZE / 2; i++) {
                        int both = data.get(I8, block + 2 + i) & 0xff;
                        out[start + i] = scale * ((both & 15) - 8);
                        out[start + i + SIZE / 2] = scale * ((both >>> 4) - 8);
                    }
                }
                case Q4_1 -> {
                    float minimum = Float.float16ToFloat(data.get(I16, block + 2));
                    for (int i = 0; i < SIZE / 2; i++) {
                        int both = data.get(I8, block + 4 + i) & 0xff;
                        out[start + i] = scale * (both & 15) + minimum;
                        out[start + i + SIZE / 2] = scale * (both >>> 4) + minimum;
                    }
                }
                case F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL ->
                    throw new IllegalArgumentException(type + " is not stored in blocks");
            }
            block += type.blockBytes();
        }
    }

    /// @param count a multiple of 32
    static void encode(DType type, float[] values, int count, MemorySegment out, long at) {
        long block = at;
        for (int start = 0; start < count; start += SIZE) {
            requireFinite(values, start, type);
            switch (type) {
                case Q8_0 -> encodeQ8(values, start, out, block);
                case Q4_0 -> encodeQ4(values, start, out, block);
                case Q4_1 -> encodeQ4WithMinimum(values, start, out, block);
                case F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL ->
                    throw new IllegalArgumentException(type + " is not stored in blocks");
            }
            block += type.blockBytes();
        }
    }

    private static void requireFinite(float[] values, int start, DType type) {
        for (int i = 0; i < SIZE; i++) {
            if (!Float.isFinite(values[start + i])) {
                throw new IllegalArgumentException(values[start + i] + " cannot be stored as " + type);
            }
        }
    }

    private static void encodeQ8(float[] values, int start, MemorySegment out, long block) {
        float largest = 0;
        for (int i = 0; i < SIZE; i++) {
            largest = Math.max(largest, Math.abs(values[start + i]));
        }
        float scale = largest / 127;
        float inverse = scale != 0 ? 1 / scale : 0;
        out.set(I16, block, Float.floatToFloat16(scale));
        for (int i = 0; i < SIZE; i++) {
            out.set(I8, block + 2 + i, (byte) roundAway(values[start + i] * inverse));
        }
    }

    /// C's `roundf`: halves away from zero. The double sum is exact.
    private static int roundAway(float x) {
        int magnitude = (int) (Math.abs((double) x) + 0.5);
        return x < 0 ? -magnitude : magnitude;
    }

    /// The value of largest magnitude, with its sign, becomes −8: the range is −8 to 7.
    private static void encodeQ4(float[] values, int start, MemorySegment out, long block) {
        float largest = 0;
        float extreme = 0;
        for (int i = 0; i < SIZE; i++) {
            float value = values[start + i];
            if (largest < Math.abs(value)) {
                largest = Math.abs(value);
                extreme = value;
            }
        }
        float scale = extreme / -8;
        float inverse = scale != 0 ? 1 / scale : 0;
        out.set(I16, block, Float.floatToFloat16(scale));
        for (int i = 0; i < SIZE / 2; i++) {
            int low = Math.min(15, (byte) (int) (values[start + i] * inverse + 8.5f));
            int high = Math.min(15, (byte) (int) (values[start + i + SIZE / 2] * inverse + 8.5f));
            out.set(I8, block + 2 + i, (byte) (low | high << 4));
        }
    }

    private static void encodeQ4WithMinimum(float[] values, int start, MemorySegment out, long block) {
        float least = Float.MAX_VALUE;
        float most = -Float.MAX_VALUE;
        for (int i = 0; i < SIZE; i++) {
            least = Math.min(least, values[start + i]);
            most = Math.max(most, values[start + i]);
        }
        float scale = (most - least) / 15;
        float inverse = scale != 0 ? 1 / scale : 0;
        out.set(I16, block, Float.floatToFloat16(scale));
        out.set(I16, block + 2, Float.floatToFloat16(least));
        for (int i = 0; i < SIZE / 2; i++) {
            float first = (values[start + i] - least) * inverse;
            float second = (values[start + i + SIZE / 2] - least) * inverse;
            int low = Math.min(15, (byte) (int) (first + 0.5f));
            int high = Math.min(15, (byte) (int) (second + 0.5f));
            out.set(I8, block + 4 + i, (byte) (low | high << 4));
        }
    }
}
