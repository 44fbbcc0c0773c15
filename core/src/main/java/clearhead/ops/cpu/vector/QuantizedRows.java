package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.QuantizedActivations.NUMBERS;
import static clearhead.ops.cpu.vector.QuantizedActivations.OFFSETS;
import static clearhead.ops.cpu.vector.QuantizedActivations.PAIRS;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// One row of quantized activations times packed weights, in integers, straight from the weights' bits.
///
/// A lane of 32 bits holds four bytes or eight nibbles of one output. Taken apart they are 16-bit pairs
/// of weights, which are multiplied by the pair of activations at the same inputs, the same for every
/// lane. Two products of bytes and 16 of nibbles fit 16 bits.
///
/// Two vectors of outputs go side by side, so that activations are read once for both. First all block
/// sums of both are made and kept, [blocks, 2 vectors], then they are scaled and added: as one loop the
/// two are more than the compiler takes. Activations come from arrays for the same reason: an access to a
/// segment is many nodes to it.
final class QuantizedRows {
    private static final int PANEL = QuantizedPanels.PANEL;
    private static final int WORD = (int) QuantizedPanels.WORD;

    /// Sums of a block of two vectors.
    private static final int TWO = 2 * COUNT;

    private static final ThreadLocal<int[]> SUMS = ThreadLocal.withInitial(() -> new int[0]);

    private QuantizedRows() {}

    /// Whether a type has a kernel here.
    static boolean takes(DType type) {
        return switch (type) {
            case Q8_0, Q4_0, Q4_1, Q4_K, Q6_K -> true;
            default -> false;
        };
    }

    private static int[] sums(int count) {
        int[] sums = SUMS.get();
        if (sums.length < count) {
            sums = new int[count];
            SUMS.set(sums);
        }
        return sums;
    }

    /// c += x·Wᵀ for the outputs of up to four panels.
    ///
    /// @param panel the first
    /// @param c at `at`, a multiple of 2 vectors of outputs
    static void strip(
            QuantizedPanels form,
            Tensor weight,
            int panel,
            QuantizedActivations x,
            int row,
            MemorySegment c,
            long at,
            int width) {
        MemorySegment w = weight.data();
        long panelBytes = form.panelBytes(weight.dim(1));
        // from one vector of words to the next, and of 16-bit numbers
        long second = COUNT == PANEL ? panelBytes : COUNT * 4L;
        long half = COUNT == PANEL ? panelBytes : COUNT * 2L;
        int blocks = x.blocks();
        int[] sums = sums(blocks * TWO);
        for (int o = 0; o < width; o += TWO) {
            long unit = (panel + o / PANEL) * panelBytes;
            int lanes = o % PANEL;
            long words = unit + form.head() + lanes * 4L;
            long d = unit + lanes * 2L;
            long to = at + o * 4L;
            float[] numbers = x.numbers();
            int tokens = x.tokens();
            switch (form.type()) {
                case Q8_0 -> {
                    bytes(w, words, second, x.pairs(), x.offsets(), row, tokens, blocks, sums);
                    scaled(w, d, 1, 1088, numbers, row, tokens, blocks, sums, 0, c, to);
                    scaled(w, d + half, 1, 1088, numbers, row, tokens, blocks, sums, COUNT, c, to + Lanes.BYTES);
                }
                case Q4_0 -> {
                    nibbles(w, words, second, 576, 256, x.pairs(), row, tokens, blocks, sums);
                    symmetric(w, d, numbers, x.sums(), row, tokens, blocks, sums, 0, c, to);
                    symmetric(w, d + half, numbers, x.sums(), row, tokens, blocks, sums, COUNT, c, to + Lanes.BYTES);
                }
                case Q4_1 -> {
                    nibbles(w, words, second, 640, 320, x.pairs(), row, tokens, blocks, sums);
                    affine(w, d, numbers, row, tokens, blocks, sums, 0, c, to);
                    affine(w, d + half, numbers, row, tokens, blocks, sums, COUNT, c, to + Lanes.BYTES);
                }
                case Q4_K -> {
                    nibblesK(w, words + 3 * WORD, second, x.pairs(), row, tokens, blocks, sums);
                    long next = words + second;
                    affineK(w, d, words, numbers, row, tokens, blocks, sums, 0, c, to);
                    affineK(w, d + half, next, numbers, row, tokens, blocks, sums, COUNT, c, to + Lanes.BYTES);
                }
                case Q6_K -> {
                    sixBits(w, words, x.pairs(), row, tokens, blocks, sums, 0);
                    sixBits(w, words + second, x.pairs(), row, tokens, blocks, sums, COUNT);
                    scaled(w, d, 3, 3392, numbers, row, tokens, blocks, sums, 0, c, to);
                    scaled(w, d + half, 3, 3392, numbers, row, tokens, blocks, sums, COUNT, c, to + Lanes.BYTES);
                }
                default -> throw new AssertionError(form.type());
            }
        }
    }

    /// Q8_0. Of each word's two sums of 16 bits, the upper are summed and the whole words are: what the
    /// lower come to is left when the upper are taken off.
    private static void bytes(
            MemorySegment w,
            long first,
            long second,
            int[] pairs,
            int[] offsets,
            int row,
            int tokens,
            int blocks,
            int[] sums) {
        for (int b = 0; b < blocks; b++) {
            long words = first + (b >> 1) * 1088L + (b & 1) * 512L;
            int pair = (b * tokens + row) * PAIRS;
            int offset = (b * tokens + row) * OFFSETS;
            var all0 = IntVector.zero(INTS);
            var all1 = IntVector.zero(INTS);
            var upper0 = IntVector.zero(INTS);
            var upper1 = IntVector.zero(INTS);
            for (int i = 0; i < 8; i++) {
                var even = IntVector.broadcast(INTS, pairs[pair + 2 * i]).reinterpretAsShorts();
                var odd = IntVector.broadcast(INTS, pairs[pair + 2 * i + 1]).reinterpretAsShorts();
                var by = IntVector.broadcast(INTS, offsets[offset + i]).reinterpretAsShorts();
                var v = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var p = v.and((short) 255)
                        .mul(even)
                        .add(v.lanewise(VectorOperators.LSHR, 8).mul(odd))
                        .add(by)
                        .reinterpretAsInts();
                all0 = all0.add(p);
                upper0 = upper0.add(p.lanewise(VectorOperators.ASHR, 16));
                v = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                p = v.and((short) 255)
                        .mul(even)
                        .add(v.lanewise(VectorOperators.LSHR, 8).mul(odd))
                        .add(by)
                        .reinterpretAsInts();
                all1 = all1.add(p);
                upper1 = upper1.add(p.lanewise(VectorOperators.ASHR, 16));
            }
            all0.sub(upper0.lanewise(VectorOperators.LSHL, 16))
                    .add(upper0)
                    .sub(8 << 15)
                    .intoArray(sums, b * TWO);
            all1.sub(upper1.lanewise(VectorOperators.LSHL, 16))
                    .add(upper1)
                    .sub(8 << 15)
                    .intoArray(sums, b * TWO + COUNT);
        }
    }

    /// Low nibbles of 16 bytes are inputs 0 to 15, high ones 16 to 31.
    ///
    /// @param unit bytes of two blocks
    /// @param block bytes of words of a block, or from a block to the next
    private static void nibbles(
            MemorySegment w,
            long first,
            long second,
            long unit,
            long block,
            int[] pairs,
            int row,
            int tokens,
            int blocks,
            int[] sums) {
        for (int b = 0; b < blocks; b++) {
            long words = first + (b >> 1) * unit + (b & 1) * block;
            int pair = (b * tokens + row) * PAIRS;
            var p0 = IntVector.zero(INTS).reinterpretAsShorts();
            var p1 = IntVector.zero(INTS).reinterpretAsShorts();
            for (int i = 0; i < 4; i++) {
                var v0 = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var v1 = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var x = IntVector.broadcast(INTS, pairs[pair + 2 * i]).reinterpretAsShorts();
                p0 = p0.add(v0.and((short) 15).mul(x));
                p1 = p1.add(v1.and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[pair + 8 + 2 * i]).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(x));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[pair + 1 + 2 * i]).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(x));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[pair + 9 + 2 * i]).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 12).mul(x));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 12).mul(x));
            }
            p0.reinterpretAsInts().intoArray(sums, b * TWO);
            p1.reinterpretAsInts().intoArray(sums, b * TWO + COUNT);
        }
    }

    /// Q4_K: low nibbles of eight words are one block, high ones the next.
    private static void nibblesK(
            MemorySegment w, long first, long second, int[] pairs, int row, int tokens, int blocks, int[] sums) {
        for (int b = 0; b < blocks; b += 2) {
            long words = first + (b >> 3) * 2304L + (b & 7) * (4L * WORD);
            int pair = (b * tokens + row) * PAIRS;
            int next = pair + tokens * PAIRS;
            var low0 = IntVector.zero(INTS).reinterpretAsShorts();
            var low1 = IntVector.zero(INTS).reinterpretAsShorts();
            var high0 = IntVector.zero(INTS).reinterpretAsShorts();
            var high1 = IntVector.zero(INTS).reinterpretAsShorts();
            for (int i = 0; i < 8; i++) {
                var v0 = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var v1 = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var x = IntVector.broadcast(INTS, pairs[pair + 2 * i]).reinterpretAsShorts();
                low0 = low0.add(v0.and((short) 15).mul(x));
                low1 = low1.add(v1.and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[pair + 2 * i + 1]).reinterpretAsShorts();
                low0 = low0.add(
                        v0.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(x));
                low1 = low1.add(
                        v1.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[next + 2 * i]).reinterpretAsShorts();
                high0 = high0.add(
                        v0.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(x));
                high1 = high1.add(
                        v1.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(x));
                x = IntVector.broadcast(INTS, pairs[next + 2 * i + 1]).reinterpretAsShorts();
                high0 = high0.add(v0.lanewise(VectorOperators.LSHR, 12).mul(x));
                high1 = high1.add(v1.lanewise(VectorOperators.LSHR, 12).mul(x));
            }
            low0.reinterpretAsInts().intoArray(sums, b * TWO);
            low1.reinterpretAsInts().intoArray(sums, b * TWO + COUNT);
            high0.reinterpretAsInts().intoArray(sums, b * TWO + TWO);
            high1.reinterpretAsInts().intoArray(sums, b * TWO + TWO + COUNT);
        }
    }

    /// Q6_K: 128 inputs are low nibbles of 64 bytes, then high ones, and pairs of bits of 32 bytes.
    private static void sixBits(
            MemorySegment w, long first, int[] pairs, int row, int tokens, int blocks, int[] sums, int lane) {
        for (int b = 0; b < blocks; b++) {
            long unit = first + (b >> 3) * 3392L;
            long low = unit + ((b & 4) * 4L + (b & 1) * 8L) * WORD;
            long high = unit + (32 + (b & 4) * 2L) * WORD;
            int pair = (b * tokens + row) * PAIRS;
            var p0 = IntVector.zero(INTS).reinterpretAsShorts();
            var p1 = IntVector.zero(INTS).reinterpretAsShorts();
            for (int i = 0; i < 4; i++) {
                var even = IntVector.broadcast(INTS, pairs[pair + 2 * i]).reinterpretAsShorts();
                var odd = IntVector.broadcast(INTS, pairs[pair + 2 * i + 1]).reinterpretAsShorts();
                var q = IntVector.fromMemorySegment(INTS, w, high + i * WORD, ORDER)
                        .lanewise(VectorOperators.LSHR, (b & 3) * 2)
                        .and(0x03030303)
                        .lanewise(VectorOperators.LSHL, 4)
                        .or(IntVector.fromMemorySegment(INTS, w, low + i * WORD, ORDER)
                                .lanewise(VectorOperators.LSHR, (b & 2) * 2)
                                .and(0x0f0f0f0f))
                        .reinterpretAsShorts();
                p0 = p0.add(q.and((short) 255).sub((short) 32).mul(even))
                        .add(q.lanewise(VectorOperators.LSHR, 8).sub((short) 32).mul(odd));
                even = IntVector.broadcast(INTS, pairs[pair + 8 + 2 * i]).reinterpretAsShorts();
                odd = IntVector.broadcast(INTS, pairs[pair + 9 + 2 * i]).reinterpretAsShorts();
                q = IntVector.fromMemorySegment(INTS, w, high + 4 * WORD + i * WORD, ORDER)
                        .lanewise(VectorOperators.LSHR, (b & 3) * 2)
                        .and(0x03030303)
                        .lanewise(VectorOperators.LSHL, 4)
                        .or(IntVector.fromMemorySegment(INTS, w, low + 4 * WORD + i * WORD, ORDER)
                                .lanewise(VectorOperators.LSHR, (b & 2) * 2)
                                .and(0x0f0f0f0f))
                        .reinterpretAsShorts();
                p1 = p1.add(q.and((short) 255).sub((short) 32).mul(even))
                        .add(q.lanewise(VectorOperators.LSHR, 8).sub((short) 32).mul(odd));
            }
            var scales = IntVector.fromMemorySegment(INTS, w, unit + (48 + ((b & 6) >> 1)) * WORD, ORDER)
                    .lanewise(VectorOperators.LSHR, (b & 1) * 16);
            var v = p0.reinterpretAsInts();
            var sum = v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .add(v.lanewise(VectorOperators.ASHR, 16))
                    .mul(scales.lanewise(VectorOperators.LSHL, 24).lanewise(VectorOperators.ASHR, 24));
            v = p1.reinterpretAsInts();
            v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .add(v.lanewise(VectorOperators.ASHR, 16))
                    .mul(scales.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 24))
                    .add(sum)
                    .intoArray(sums, b * TWO + lane);
        }
    }

    /// Adds block sums of one vector under half precision scales.
    ///
    /// @param d where the scales are
    /// @param shift 1 where two blocks of 32 are a unit, 3 where eight have one scale
    private static void scaled(
            MemorySegment w,
            long d,
            int shift,
            long unit,
            float[] numbers,
            int row,
            int tokens,
            int blocks,
            int[] sums,
            int lane,
            MemorySegment c,
            long at) {
        var sum = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        for (int b = 0; b < blocks; b++) {
            long scale = d + (b >> shift) * unit + (shift == 1 ? (b & 1) * QuantizedPanels.SHORT : 0);
            sum = ((FloatVector) IntVector.fromArray(INTS, sums, b * TWO + lane)
                            .convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, scale).mul(numbers[(b * tokens + row) * NUMBERS]), sum);
        }
        sum.intoMemorySegment(c, at, ORDER);
    }

    /// The same for sums in 16-bit halves, of nibbles that count from −8.
    private static void symmetric(
            MemorySegment w,
            long d,
            float[] numbers,
            int[] own,
            int row,
            int tokens,
            int blocks,
            int[] sums,
            int lane,
            MemorySegment c,
            long at) {
        var sum = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        for (int b = 0; b < blocks; b++) {
            int block = b * tokens + row;
            var v = IntVector.fromArray(INTS, sums, b * TWO + lane);
            var whole = v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .add(v.lanewise(VectorOperators.ASHR, 16))
                    .sub(8 * own[block]);
            sum = ((FloatVector) whole.convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(
                            QuantizedTile.half(w, d + (b >> 1) * 576L + (b & 1) * 32L)
                                    .mul(numbers[block * NUMBERS]),
                            sum);
        }
        sum.intoMemorySegment(c, at, ORDER);
    }

    /// The same for steps that count from a minimum.
    private static void affine(
            MemorySegment w,
            long d,
            float[] numbers,
            int row,
            int tokens,
            int blocks,
            int[] sums,
            int lane,
            MemorySegment c,
            long at) {
        var sum = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        for (int b = 0; b < blocks; b++) {
            int number = (b * tokens + row) * NUMBERS;
            var v = IntVector.fromArray(INTS, sums, b * TWO + lane);
            var whole = v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .add(v.lanewise(VectorOperators.ASHR, 16));
            sum = ((FloatVector) whole.convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d + b * 320L).mul(numbers[number]), sum);
            sum = QuantizedTile.half(w, d + b * 320L + 32)
                    .fma(FloatVector.broadcast(FLOATS, numbers[number + QuantizedActivations.SUM]), sum);
        }
        sum.intoMemorySegment(c, at, ORDER);
    }

    /// The same for Q4_K.
    private static void affineK(
            MemorySegment w,
            long d,
            long words,
            float[] numbers,
            int row,
            int tokens,
            int blocks,
            int[] sums,
            int lane,
            MemorySegment c,
            long at) {
        var sum = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        for (int b = 0; b < blocks; b++) {
            int number = (b * tokens + row) * NUMBERS;
            long unit = (b >> 3) * 2304L;
            var v = IntVector.fromArray(INTS, sums, b * TWO + lane);
            var whole = v.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .add(v.lanewise(VectorOperators.ASHR, 16));
            var scale = (FloatVector)
                    QuantizedTile.sixBits(w, words + unit, b & 7, false).convertShape(VectorOperators.I2F, FLOATS, 0);
            var minimum = (FloatVector)
                    QuantizedTile.sixBits(w, words + unit, b & 7, true).convertShape(VectorOperators.I2F, FLOATS, 0);
            sum = ((FloatVector) whole.convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d + unit).mul(scale).mul(numbers[number]), sum);
            sum = QuantizedTile.half(w, d + unit + 32)
                    .mul(minimum)
                    .neg()
                    .fma(FloatVector.broadcast(FLOATS, numbers[number + QuantizedActivations.SUM]), sum);
        }
        sum.intoMemorySegment(c, at, ORDER);
    }
}
