package clearhead.tensor;

import static clearhead.tensor.BlockFormat.half;
import static clearhead.tensor.BlockFormat.isFiniteHalf;
import static clearhead.tensor.BlockFormat.unsigned;

import java.lang.foreign.MemorySegment;

/// 32 weights with a half precision scale, and a minimum in the types that end in 1. Low nibbles are
/// weights 0–15, high nibbles 16–31; a fifth bit lies in an own 32-bit word.
sealed interface SmallBlocks extends BlockFormat {
    int SIZE = 32;

    /// f16 scale, 32 × int8: scale·q.
    record Q80() implements SmallBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at);
            for (int i = 0; i < SIZE; i++) {
                out[start + i] = scale * data.get(I8, at + 2 + i);
            }
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            float largest = 0;
            for (int i = 0; i < SIZE; i++) {
                largest = Math.max(largest, Math.abs(values[start + i]));
            }
            float scale = largest / 127;
            float inverse = scale != 0 ? 1 / scale : 0;
            data.set(I16, at, Float.floatToFloat16(scale));
            for (int i = 0; i < SIZE; i++) {
                data.set(I8, at + 2 + i, (byte) roundAway(values[start + i] * inverse));
            }
        }

        /// C's `roundf`: halves away from zero. The double sum is exact.
        private static int roundAway(float x) {
            float magnitude = (float) Math.floor(Math.abs((double) x) + 0.5);
            return ScaleSearch.truncated(x < 0 ? -magnitude : magnitude);
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at);
        }
    }

    /// Signed steps of one scale: scale·(q − 2^(bits − 1)).
    ///
    /// @param bits 4 (f16 scale, nibbles) or 5 (f16 scale, fifth bits, nibbles)
    record Symmetric(int bits) implements SmallBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at);
            int fifth = bits == 5 ? data.get(I32, at + 2) : 0;
            long nibbles = at + (bits == 5 ? 6 : 2);
            int middle = 1 << (bits - 1);
            for (int i = 0; i < SIZE / 2; i++) {
                int both = unsigned(data, nibbles + i);
                out[start + i] = scale * (low(both, fifth, i) - middle);
                out[start + i + SIZE / 2] = scale * (high(both, fifth, i) - middle);
            }
        }

        /// The value of largest magnitude, with its sign, becomes the most negative step.
        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            int middle = 1 << (bits - 1);
            float scale = ScaleSearch.extreme(values, start, SIZE) / -middle;
            float inverse = scale != 0 ? 1 / scale : 0;
            data.set(I16, at, Float.floatToFloat16(scale));
            pack(values, start, 0, inverse, middle + 0.5f, bits, data, at + 2);
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at);
        }
    }

    /// Steps from a minimum up: scale·q + minimum.
    ///
    /// @param bits 4 (f16 scale, f16 minimum, nibbles) or 5 (fifth bits before the nibbles)
    record Affine(int bits) implements SmallBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at);
            float minimum = half(data, at + 2);
            int fifth = bits == 5 ? data.get(I32, at + 4) : 0;
            long nibbles = at + (bits == 5 ? 8 : 4);
            for (int i = 0; i < SIZE / 2; i++) {
                int both = unsigned(data, nibbles + i);
                out[start + i] = scale * low(both, fifth, i) + minimum;
                out[start + i + SIZE / 2] = scale * high(both, fifth, i) + minimum;
            }
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            float least = Float.MAX_VALUE;
            float most = -Float.MAX_VALUE;
            for (int i = 0; i < SIZE; i++) {
                least = Math.min(least, values[start + i]);
                most = Math.max(most, values[start + i]);
            }
            float scale = (most - least) / ((1 << bits) - 1);
            float inverse = scale != 0 ? 1 / scale : 0;
            data.set(I16, at, Float.floatToFloat16(scale));
            data.set(I16, at + 2, Float.floatToFloat16(least));
            pack(values, start, least, inverse, 0.5f, bits, data, at + 4);
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at) && isFiniteHalf(data, at + 2);
        }
    }

    private static int low(int both, int fifth, int i) {
        return both & 15 | (fifth >>> i & 1) << 4;
    }

    private static int high(int both, int fifth, int i) {
        return both >>> 4 | (fifth >>> (i + SIZE / 2) & 1) << 4;
    }

    /// Steps (value − from)·inverse + offset, cut off to integers, as nibbles after their fifth bits.
    private static void pack(
            float[] values, int start, float from, float inverse, float offset, int bits, MemorySegment data, long at) {
        int fifth = 0;
        long nibbles = bits == 5 ? at + 4 : at;
        int most = (1 << bits) - 1;
        for (int i = 0; i < SIZE / 2; i++) {
            float first = (values[start + i] - from) * inverse;
            float second = (values[start + i + SIZE / 2] - from) * inverse;
            int low = Math.min(most, (byte) ScaleSearch.truncated(first + offset));
            int high = Math.min(most, (byte) ScaleSearch.truncated(second + offset));
            fifth |= (low >>> 4 & 1) << i | (high >>> 4 & 1) << (i + SIZE / 2);
            data.set(I8, nibbles + i, (byte) (low & 15 | (high & 15) << 4));
        }
        if (bits == 5) {
            data.set(I32, at, fifth);
        }
    }
}
