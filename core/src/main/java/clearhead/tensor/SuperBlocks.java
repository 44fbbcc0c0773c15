package clearhead.tensor;

import static clearhead.tensor.BlockFormat.half;
import static clearhead.tensor.BlockFormat.isFiniteHalf;
import static clearhead.tensor.BlockFormat.unsigned;

import java.lang.foreign.MemorySegment;

/// ggml's "K-quants": 256 weights in groups of 16 or 32, of which each has a small integer scale (and
/// minimum) in units of the block's own half precision ones.
sealed interface SuperBlocks extends BlockFormat {
    int SIZE = 256;

    /// 16 bytes of scales (low nibble) and minima (high nibble) of 16 weights, 64 bytes of 2-bit steps,
    /// f16 scale, f16 scale of the minima: scale·q − minimum.
    record Q2K() implements SuperBlocks {
        private static final int STEPS = 16;
        private static final int SCALES = 80;

        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at + SCALES);
            float minimum = half(data, at + SCALES + 2);
            for (int group = 0; group < 16; group++) {
                int both = unsigned(data, at + group);
                float d = scale * (both & 15);
                float m = minimum * (both >>> 4);
                int to = start + group * 16;
                long from = at + STEPS + byteOfPair(group);
                int shift = shiftOfPair(group);
                for (int i = 0; i < 16; i++) {
                    out[to + i] = d * (unsigned(data, from + i) >>> shift & 3) - m;
                }
            }
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("Q2_K cannot be written yet");
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at + SCALES) && isFiniteHalf(data, at + SCALES + 2);
        }
    }

    /// 32 bytes of third bits, 64 bytes of 2-bit steps, 12 bytes of 6-bit scales of 16 weights (from
    /// −32), f16 scale: scale·(q − 4).
    record Q3K() implements SuperBlocks {
        private static final int STEPS = 32;
        private static final int SCALES = 96;
        private static final int SCALE = 108;

        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at + SCALE);
            for (int group = 0; group < 16; group++) {
                float d = scale * groupScale(data, at + SCALES, group);
                int to = start + group * 16;
                long from = at + STEPS + byteOfPair(group);
                int shift = shiftOfPair(group);
                long third = at + group % 2 * 16;
                for (int i = 0; i < 16; i++) {
                    int above = (unsigned(data, third + i) >>> group / 2 & 1) << 2;
                    out[to + i] = d * ((unsigned(data, from + i) >>> shift & 3 | above) - 4);
                }
            }
        }

        /// Low four bits of 16 scales in 8 bytes, first the eight in low nibbles; then the high two
        /// bits, of scales j, j + 4, j + 8 and j + 12 in byte j.
        static int groupScale(MemorySegment data, long at, int group) {
            int low = unsigned(data, at + group % 8) >>> group / 8 * 4 & 15;
            int high = unsigned(data, at + 8 + group % 4) >>> group / 4 * 2 & 3;
            return (low | high << 4) - 32;
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("Q3_K cannot be written yet");
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at + SCALE);
        }
    }

    /// f16 scale, f16 scale of the minima, 12 bytes of 6-bit scales and minima of 32 weights, 128
    /// bytes of nibbles: scale·q − minimum. With five bits: 32 bytes of fifth bits before the nibbles.
    ///
    /// @param bits 4 (Q4_K) or 5 (Q5_K)
    record AffineK(int bits) implements SuperBlocks {
        private static final int SCALES = 4;
        private static final int FIFTH = 16;

        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at);
            float minimum = half(data, at + 2);
            long nibbles = at + (bits == 5 ? FIFTH + 32 : FIFTH);
            for (int group = 0; group < 8; group++) {
                float d = scale * groupScale(data, at + SCALES, group);
                float m = minimum * groupMinimum(data, at + SCALES, group);
                int to = start + group * 32;
                long from = nibbles + group / 2 * 32;
                int shift = group % 2 * 4;
                for (int i = 0; i < 32; i++) {
                    int step = unsigned(data, from + i) >>> shift & 15;
                    if (bits == 5) {
                        step |= (unsigned(data, at + FIFTH + i) >>> group & 1) << 4;
                    }
                    out[to + i] = d * step - m;
                }
            }
        }

        /// Scales 0–3 are the low six bits of bytes 0–3, minima 0–3 those of bytes 4–7. Bytes 8–11
        /// keep the low nibbles of scales and minima 4–7, whose high bits are on top of bytes 0–7.
        static int groupScale(MemorySegment data, long at, int group) {
            return group < 4
                    ? unsigned(data, at + group) & 63
                    : unsigned(data, at + group + 4) & 15 | unsigned(data, at + group - 4) >>> 6 << 4;
        }

        static int groupMinimum(MemorySegment data, long at, int group) {
            return group < 4
                    ? unsigned(data, at + group + 4) & 63
                    : unsigned(data, at + group + 4) >>> 4 | unsigned(data, at + group) >>> 6 << 4;
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("Q" + bits + "_K cannot be written yet");
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at) && isFiniteHalf(data, at + 2);
        }
    }

    /// 128 bytes of low nibbles, 64 bytes of high pairs of bits, 16 int8 scales of 16 weights, f16
    /// scale: scale·(q − 32). Each half of the block, 128 weights, has 64 bytes of nibbles (weights
    /// 0–63 low, 64–127 high) and 32 bytes of pairs (weights i, i + 32, i + 64, i + 96 in byte i).
    record Q6K() implements SuperBlocks {
        private static final int PAIRS = 128;
        private static final int SCALES = 192;
        private static final int SCALE = 208;

        @Override
        public void decode(MemorySegment data, long at, float[] out, int start) {
            float scale = half(data, at + SCALE);
            for (int group = 0; group < 16; group++) {
                float d = scale * data.get(I8, at + SCALES + group);
                int to = start + group * 16;
                int half = group / 8;
                int within = group % 8 * 16;
                long nibbles = at + half * 64 + within % 64;
                int nibble = within / 64 * 4;
                long pairs = at + PAIRS + half * 32 + within % 32;
                int pair = within / 32 * 2;
                for (int i = 0; i < 16; i++) {
                    int low = unsigned(data, nibbles + i) >>> nibble & 15;
                    int high = unsigned(data, pairs + i) >>> pair & 3;
                    out[to + i] = d * ((low | high << 4) - 32);
                }
            }
        }

        @Override
        public void encode(float[] values, int start, MemorySegment data, long at) {
            throw new IllegalArgumentException("Q6_K cannot be written yet");
        }

        @Override
        public boolean isFinite(MemorySegment data, long at) {
            return isFiniteHalf(data, at + SCALE);
        }
    }

    /// Where 2-bit steps of a group of 16 begin: each half of the block, 128 weights, has 32 bytes,
    /// of which byte i keeps weights i, i + 32, i + 64, i + 96 from the low bits up.
    private static int byteOfPair(int group) {
        return group / 8 * 32 + group % 2 * 16;
    }

    private static int shiftOfPair(int group) {
        return group % 8 / 2 * 2;
    }
}
