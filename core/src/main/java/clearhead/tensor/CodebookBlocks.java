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
    }

    /// 32 weights: f16 scale, nibbles.
    record NonLinear() implements CodebookBlocks {
        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            NON_LINEAR.decode(half(data, at), data, at + 2, out, start);
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("IQ4_NL cannot be written yet");
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
            throw new IllegalArgumentException("IQ4_XS cannot be written yet");
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

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("MXFP4 cannot be written yet");
        }

        /// 12·2^124 is the largest that fits a float.
        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return unsigned(data, at) <= 252;
        }
    }
}
