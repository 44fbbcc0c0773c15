package clearhead.tensor;

import static clearhead.tensor.BlockFormat.half;
import static clearhead.tensor.BlockFormat.isFiniteHalf;
import static clearhead.tensor.BlockFormat.unsigned;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// ggml's "K-quants": 256 weights in groups of 16 or 32, of which each has a small integer scale (and
/// minimum) in units of the block's own half precision ones.
sealed interface SuperBlocks extends BlockFormat {
    int SIZE = 256;

    /// 16 bytes of scales (low nibble) and minima (high nibble) of 16 weights, 64 bytes of 2-bit steps,
    /// f16 scale, f16 scale of the minima: scale·q − minimum.
    record Q2K() implements SuperBlocks {
        private static final int STEPS = 16;
        private static final ScaleSearch.Tries TRIES = new ScaleSearch.Tries(3, -0.5f, 0.1f, 15, true);
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
            var steps = new int[SIZE];
            var scales = new float[16];
            var minima = new float[16];
            float[] x = Arrays.copyOfRange(values, start, start + SIZE);
            var weights = new float[16];
            for (int group = 0; group < 16; group++) {
                for (int i = 0; i < 16; i++) {
                    weights[i] = Math.abs(x[group * 16 + i]);
                }
                ScaleSearch.Fit fit = ScaleSearch.affine(x, group * 16, weights, TRIES, steps);
                scales[group] = fit.scale();
                minima[group] = fit.minimum();
            }
            float scale = unit(scales, 15, data, at + SCALES);
            float minimum = unit(minima, 15, data, at + SCALES + 2);
            float inverse = inverse(scales, 15);
            float inverseMinimum = inverse(minima, 15);
            for (int group = 0; group < 16; group++) {
                int both = ScaleSearch.nearest(inverse * scales[group]) & 0xff;
                both |= ScaleSearch.nearest(inverseMinimum * minima[group]) << 4 & 0xff;
                data.set(I8, at + group, (byte) both);
                requantize(x, group * 16, 16, scale * (both & 15), minimum * (both >>> 4), 0, 3, steps);
            }
            packPairs(steps, data, at + STEPS);
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
            var steps = new int[SIZE];
            var scales = new float[16];
            float[] x = Arrays.copyOfRange(values, start, start + SIZE);
            for (int group = 0; group < 16; group++) {
                scales[group] = ScaleSearch.symmetricStepwise(x, group * 16, 16, 4, steps);
            }
            float extreme = ScaleSearch.extreme(scales, 0, 16);
            float inverse = extreme != 0 ? -32 / extreme : 0;
            short bits = Float.floatToFloat16(extreme != 0 ? 1 / inverse : 0);
            data.set(I16, at + SCALE, bits);
            packScales(scales, inverse, extreme == 0, data, at + SCALES);
            for (int group = 0; group < 16; group++) {
                float d = Float.float16ToFloat(bits) * groupScale(data, at + SCALES, group);
                requantize(x, group * 16, 16, d, 0, 4, 7, steps);
            }
            for (int i = 0; i < 32; i++) {
                int third = 0;
                for (int part = 0; part < 8; part++) {
                    third |= (steps[part * 32 + i] >>> 2 & 1) << part;
                    steps[part * 32 + i] &= 3;
                }
                data.set(I8, at + i, (byte) third);
            }
            packPairs(steps, data, at + STEPS);
        }

        private static void packScales(float[] scales, float inverse, boolean zero, MemorySegment data, long at) {
            var bytes = new byte[12];
            for (int group = 0; group < 16 && !zero; group++) {
                // an int8 in ggml before it is held against its bounds
                int step = Math.clamp((byte) ScaleSearch.nearest(inverse * scales[group]), -32, 31) + 32;
                bytes[group % 8] |= (byte) ((step & 15) << group / 8 * 4);
                bytes[8 + group % 4] |= (byte) (step >>> 4 << group / 4 * 2);
            }
            MemorySegment.copy(bytes, 0, data, I8, at, bytes.length);
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
        private static final ScaleSearch.Tries FOUR = new ScaleSearch.Tries(15, -1, 0.1f, 20, false);
        private static final ScaleSearch.Tries FIVE = new ScaleSearch.Tries(31, -0.5f, 0.1f, 15, false);

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
            var steps = new int[SIZE];
            var scales = new float[8];
            var minima = new float[8];
            float[] x = Arrays.copyOfRange(values, start, start + SIZE);
            for (int group = 0; group < 8; group++) {
                ScaleSearch.Fit fit =
                        ScaleSearch.affine(x, group * 32, weights(x, group * 32), bits == 5 ? FIVE : FOUR, steps);
                scales[group] = fit.scale();
                minima[group] = fit.minimum();
            }
            float scale = unit(scales, 63, data, at);
            float minimum = unit(minima, 63, data, at + 2);
            packScales(scales, minima, data, at + SCALES);
            for (int group = 0; group < 8; group++) {
                float d = scale * groupScale(data, at + SCALES, group);
                float m = minimum * groupMinimum(data, at + SCALES, group);
                requantize(x, group * 32, 32, d, m, 0, (1 << bits) - 1, steps);
            }
            long nibbles = at + (bits == 5 ? FIFTH + 32 : FIFTH);
            for (int i = 0; i < 128; i++) {
                int low = steps[i / 32 * 64 + i % 32];
                int high = steps[i / 32 * 64 + i % 32 + 32];
                data.set(I8, nibbles + i, (byte) (low & 15 | (high & 15) << 4));
            }
            for (int i = 0; i < 32 && bits == 5; i++) {
                int fifth = 0;
                for (int group = 0; group < 8; group++) {
                    fifth |= steps[group * 32 + i] >>> 4 << group;
                }
                data.set(I8, at + FIFTH + i, (byte) fifth);
            }
        }

        /// Large weights count more: root mean square plus magnitude.
        private static float[] weights(float[] x, int start) {
            float squares = 0;
            for (int i = 0; i < 32; i++) {
                squares += x[start + i] * x[start + i];
            }
            float mean = (float) Math.sqrt(squares / 32);
            var weights = new float[32];
            for (int i = 0; i < 32; i++) {
                weights[i] = mean + Math.abs(x[start + i]);
            }
            return weights;
        }

        private static void packScales(float[] scales, float[] minima, MemorySegment data, long at) {
            float inverse = inverse(scales, 63);
            float inverseMinimum = inverse(minima, 63);
            var bytes = new byte[12];
            for (int group = 0; group < 8; group++) {
                // a byte without sign in ggml before it is held against its bound
                int scale = Math.min(63, ScaleSearch.nearest(inverse * scales[group]) & 0xff);
                int minimum = Math.min(63, ScaleSearch.nearest(inverseMinimum * minima[group]) & 0xff);
                if (group < 4) {
                    bytes[group] = (byte) scale;
                    bytes[group + 4] = (byte) minimum;
                } else {
                    bytes[group + 4] = (byte) (scale & 15 | (minimum & 15) << 4);
                    bytes[group - 4] |= (byte) (scale >>> 4 << 6);
                    bytes[group] |= (byte) (minimum >>> 4 << 6);
                }
            }
            MemorySegment.copy(bytes, 0, data, I8, at, bytes.length);
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
            var steps = new int[SIZE];
            var scales = new float[16];
            float[] x = Arrays.copyOfRange(values, start, start + SIZE);
            for (int group = 0; group < 16; group++) {
                scales[group] = ScaleSearch.symmetric(x, group * 16, 16, 32, steps);
            }
            float extreme = ScaleSearch.extreme(scales, 0, 16);
            if (Math.abs(extreme) < ScaleSearch.LEAST) {
                data.asSlice(at, SCALE + 2).fill((byte) 0);
                return;
            }
            float inverse = -128 / extreme;
            short bits = Float.floatToFloat16(1 / inverse);
            data.set(I16, at + SCALE, bits);
            for (int group = 0; group < 16; group++) {
                byte scale = (byte) Math.min(127, ScaleSearch.nearest(inverse * scales[group]));
                data.set(I8, at + SCALES + group, scale);
                requantize(x, group * 16, 16, Float.float16ToFloat(bits) * scale, 0, 32, 63, steps);
            }
            for (int i = 0; i < 64; i++) {
                int from = i / 32 * 128 + i % 32;
                long nibbles = at + i / 32 * 64 + i % 32;
                data.set(I8, nibbles, (byte) (steps[from] & 15 | (steps[from + 64] & 15) << 4));
                data.set(I8, nibbles + 32, (byte) (steps[from + 32] & 15 | (steps[from + 96] & 15) << 4));
                int pairs = 0;
                for (int part = 0; part < 4; part++) {
                    pairs |= steps[from + part * 32] >>> 4 << part * 2;
                }
                data.set(I8, at + PAIRS + i, (byte) pairs);
            }
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

    /// 64 bytes of 2-bit steps.
    private static void packPairs(int[] steps, MemorySegment data, long at) {
        for (int i = 0; i < 64; i++) {
            int from = i / 32 * 128 + i % 32;
            int pairs = 0;
            for (int part = 0; part < 4; part++) {
                pairs |= steps[from + part * 32] << part * 2;
            }
            data.set(I8, at + i, (byte) pairs);
        }
    }

    /// Stores the block's unit, in which the largest of the groups' scales is `most`.
    ///
    /// @return the unit as it is read back
    private static float unit(float[] scales, int most, MemorySegment data, long at) {
        short bits = Float.floatToFloat16(largest(scales) / most);
        data.set(I16, at, bits);
        return Float.float16ToFloat(bits);
    }

    private static float inverse(float[] scales, int most) {
        float largest = largest(scales);
        return largest > 0 ? most / largest : 0;
    }

    /// The largest above zero, else 0.
    private static float largest(float[] scales) {
        float largest = 0;
        for (float scale : scales) {
            largest = scale > largest ? scale : largest;
        }
        return largest;
    }

    /// Steps under the scale that a group has in the file; those of a scale of 0 stay as they are.
    ///
    /// @param middle added to the steps
    private static void requantize(
            float[] x, int start, int count, float scale, float minimum, int middle, int most, int[] steps) {
        if (scale == 0) {
            return;
        }
        for (int i = start; i < start + count; i++) {
            steps[i] = Math.clamp(ScaleSearch.nearest((x[i] + minimum) / scale), -middle, most - middle) + middle;
        }
    }
}
