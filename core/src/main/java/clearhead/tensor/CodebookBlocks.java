package clearhead.tensor;

import static clearhead.tensor.BlockFormat.half;
import static clearhead.tensor.BlockFormat.isFiniteHalf;
import static clearhead.tensor.BlockFormat.unsigned;

import java.lang.foreign.MemorySegment;

/// Weights out of a table of 16 values, a nibble each: byte i of 16 keeps weights i and i + 16.
sealed interface CodebookBlocks extends BlockFormat {
    /// Levels that lie closer together about 0, as weights do.
    Levels NON_LINEAR = new Levels(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    /// Twice the numbers of FP4 (a sign, two bits of exponent, one of fraction).
    Levels FP4 = new Levels(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

    /// A table of 16 values.
    record Levels(float... values) {
        /// Writes scale·level for 32 weights.
        void decode(float scale, MemorySegment data, long nibbles, float[] out, int start) {
            for (int i = 0; i < 16; i++) {
                int both = unsigned(data, nibbles + i);
                out[start + i] = scale * values[both & 15];
                out[start + i + 16] = scale * values[both >>> 4];
            }
        }

        /// The level nearest to `x` in a table that rises; of two as near, the upper.
        int nearest(float x) {
            int level = 0;
            while (level < 15 && x + x >= values[level] + values[level + 1]) {
                level++;
            }
            return level;
        }
    }

    /// 32 weights: f16 scale, nibbles.
    record NonLinear() implements CodebookBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            NON_LINEAR.decode(half(data, at), data, at + 2, out, start);
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            float scale = fit(values, start);
            data.set(I16, at, Float.floatToFloat16(scale));
            pack(values, start, scale, data, at + 2);
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at);
        }
    }

    /// 256 weights: f16 scale; the high two bits of eight 6-bit scales of 32 weights, in 2 bytes; their
    /// low four bits in 4 bytes; nibbles. The scales count from −32.
    record NonLinearSuper() implements CodebookBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at);
            int high = data.get(I16, at + 2) & 0xffff;
            for (int block = 0; block < 8; block++) {
                int low = unsigned(data, at + 4 + block / 2) >>> 4 * (block % 2) & 15;
                int step = low | (high >>> 2 * block & 3) << 4;
                NON_LINEAR.decode(scale * (step - 32), data, at + 8 + block * 16L, out, start + block * 32);
            }
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            var scales = new float[8];
            for (int block = 0; block < 8; block++) {
                scales[block] = fit(values, start + block * 32);
            }
            float scale = -ScaleSearch.extreme(scales, 0, 8) / 32;
            float inverse = scale != 0 ? 1 / scale : 0;
            data.set(I16, at, Float.floatToFloat16(scale));
            int high = 0;
            for (int block = 0; block < 8; block++) {
                int step = Math.clamp(ScaleSearch.nearest(inverse * scales[block]), -32, 31);
                pack(values, start + block * 32, scale * step, data, at + 8 + block * 16L);
                int bits = step + 32;
                high |= (bits >>> 4) << 2 * block;
                int before = block % 2 == 0 ? 0 : unsigned(data, at + 4 + block / 2);
                data.set(I8, at + 4 + block / 2, (byte) (before | (bits & 15) << 4 * (block % 2)));
            }
            data.set(I16, at + 2, (short) high);
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at);
        }
    }

    /// 32 weights: a byte with the scale's exponent (OCP microscaling, E8M0), nibbles of FP4.
    record Mxfp4() implements CodebookBlocks {
        /// Half of 2^(e − 127), as the table holds doubles of FP4's numbers.
        static float scale(int exponent) {
            return (float) Math.scalb(1.0, exponent - 128);
        }

        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            FP4.decode(scale(unsigned(data, at)), data, at + 1, out, start);
        }

        /// The extreme value gets FP4's largest exponent, 2.
        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            float largest = Math.abs(ScaleSearch.extreme(values, start, 32));
            int exponent = 0;
            if (largest > 0) {
                // rounded to float before it is cut off: the largest below a power of two counts as it
                float logarithm = (float) (Math.log(largest) / Math.log(2));
                exponent = Math.max(0, (int) Math.floor(logarithm) - 2 + 127);
            }
            float scale = scale(exponent);
            data.set(I8, at, (byte) exponent);
            for (int i = 0; i < 16; i++) {
                int low = nearest(values[start + i], scale);
                int high = nearest(values[start + i + 16], scale);
                data.set(I8, at + 1 + i, (byte) (low | high << 4));
            }
        }

        /// The first level of the least error.
        private static int nearest(float x, float scale) {
            int best = 0;
            float least = Float.POSITIVE_INFINITY;
            for (int level = 0; level < 16; level++) {
                float error = Math.abs(FP4.values[level] * scale - x);
                if (error < least) {
                    best = level;
                    least = error;
                }
            }
            return best;
        }

        /// 12·2^124 is the largest that fits a float.
        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return unsigned(data, at) <= 252;
        }
    }

    /// The scale of 32 weights that leaves the least error weighted by x²: the extreme value becomes a
    /// level about the first; 15 inverse scales are tried after the one that maps it to its negative.
    private static float fit(float[] x, int start) {
        float extreme = ScaleSearch.extreme(x, start, 32);
        if (Math.abs(extreme) < ScaleSearch.LEAST) {
            return 0;
        }
        float first = NON_LINEAR.values[0];
        float scale = 0;
        float best = 0;
        for (int attempt = -8; attempt <= 7; attempt++) {
            boolean initial = attempt == -8;
            float inverse = initial ? 1 / (-extreme / first) : (attempt + first) / extreme;
            float products = 0;
            float squares = 0;
            for (int i = start; i < start + 32; i++) {
                float level = NON_LINEAR.values[NON_LINEAR.nearest(inverse * x[i])];
                float weight = x[i] * x[i];
                products += weight * level * x[i];
                squares += weight * level * level;
            }
            if (initial || squares > 0 && products * products > best * squares) {
                scale = products / squares;
                best = scale * products;
            }
        }
        return scale;
    }

    /// Nibbles of 32 weights under a scale.
    private static void pack(float[] x, int start, float scale, MemorySegment data, long at) {
        float inverse = scale != 0 ? 1 / scale : 0;
        for (int i = 0; i < 16; i++) {
            int low = NON_LINEAR.nearest(inverse * x[start + i]);
            int high = NON_LINEAR.nearest(inverse * x[start + i + 16]);
            data.set(I8, at + i, (byte) (low | high << 4));
        }
    }
}
