package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/// One row of quantized activations times packed weights, in integers, straight from the weights' bits.
///
/// A lane of 32 bits holds four bytes or eight nibbles of one output. Taken apart they are 16-bit pairs
/// of weights, which are multiplied by the pair of activations at the same inputs, the same for every
/// lane. Two products of bytes and 16 of nibbles fit 16 bits.
///
/// Two vectors of outputs go side by side, so that activations are read once for both.
final class QuantizedRows {
    private static final int PANEL = QuantizedPanels.PANEL;
    private static final long WORD = QuantizedPanels.WORD;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);

    private QuantizedRows() {}

    /// Whether a type has a kernel here.
    static boolean takes(DType type) {
        return switch (type) {
            case Q8_0, Q4_0, Q4_1, Q4_K, Q6_K -> true;
            default -> false;
        };
    }

    /// c += x·Wᵀ for the outputs of up to four panels.
    ///
    /// @param panel the first
    /// @param c at `at`, a multiple of 16 outputs
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
        long second = COUNT == PANEL ? panelBytes : COUNT * 4L;
        for (int o = 0; o < width; o += 2 * COUNT) {
            long from = (panel + o / PANEL) * panelBytes;
            int lanes = o % PANEL;
            long to = at + o * 4L;
            switch (form.type()) {
                case Q8_0 -> bytes(w, from, lanes, second, x, row, c, to);
                case Q4_0 -> nibbles(w, from, lanes, second, x, row, c, to);
                case Q4_1 -> nibblesAndMinimum(w, from, lanes, second, x, row, c, to);
                case Q4_K -> nibblesK(w, from, lanes, second, x, row, c, to);
                case Q6_K -> sixBits(w, from, lanes, second, x, row, c, to);
                default -> throw new AssertionError(form.type());
            }
        }
    }

    /// Q8_0.
    private static void bytes(
            MemorySegment w,
            long panel,
            int lanes,
            long second,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        MemorySegment x = activations.data();
        int blocks = activations.blocks();
        int tokens = activations.tokens();
        long half = COUNT == PANEL ? second : COUNT * 2L;
        long shorts = activations.shorts() + row * QuantizedActivations.SHORTS_BYTES;
        long numbers = activations.numbers() + row * QuantizedActivations.NUMBERS_BYTES;
        var sum0 = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        var sum1 = FloatVector.fromMemorySegment(FLOATS, c, at + Lanes.BYTES, ORDER);
        for (int b = 0; b < blocks; b++) {
            long unit = panel + (b >> 1) * 1088L;
            long d = unit + (b & 1) * 32L + lanes * 2L;
            long words = unit + 64 + (b & 1) * 512L + lanes * 4L;
            long xs = shorts + (long) b * tokens * QuantizedActivations.SHORTS_BYTES;
            long xn = numbers + (long) b * tokens * QuantizedActivations.NUMBERS_BYTES;
            // whole words, and their upper halves, summed: the lower halves are what is left
            var all0 = IntVector.zero(INTS);
            var all1 = IntVector.zero(INTS);
            var upper0 = IntVector.zero(INTS);
            var upper1 = IntVector.zero(INTS);
            for (int i = 0; i < 8; i++) {
                var even = IntVector.broadcast(INTS, x.get(I32, xs + i * 8L)).reinterpretAsShorts();
                var odd = IntVector.broadcast(INTS, x.get(I32, xs + 4 + i * 8L)).reinterpretAsShorts();
                var offset = IntVector.broadcast(INTS, x.get(I32, xn + QuantizedActivations.OFFSETS + i * 4L))
                        .reinterpretAsShorts();
                var v = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var p = v.and((short) 255)
                        .mul(even)
                        .add(v.lanewise(VectorOperators.LSHR, 8).mul(odd))
                        .add(offset)
                        .reinterpretAsInts();
                all0 = all0.add(p);
                upper0 = upper0.add(p.lanewise(VectorOperators.ASHR, 16));
                v = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                p = v.and((short) 255)
                        .mul(even)
                        .add(v.lanewise(VectorOperators.LSHR, 8).mul(odd))
                        .add(offset)
                        .reinterpretAsInts();
                all1 = all1.add(p);
                upper1 = upper1.add(p.lanewise(VectorOperators.ASHR, 16));
            }
            float scale = x.get(F32, xn);
            var s0 = all0.sub(upper0.lanewise(VectorOperators.LSHL, 16))
                    .add(upper0)
                    .sub(8 << 15);
            var s1 = all1.sub(upper1.lanewise(VectorOperators.LSHL, 16))
                    .add(upper1)
                    .sub(8 << 15);
            sum0 = ((FloatVector) s0.convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d).mul(scale), sum0);
            sum1 = ((FloatVector) s1.convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d + half).mul(scale), sum1);
        }
        sum0.intoMemorySegment(c, at, ORDER);
        sum1.intoMemorySegment(c, at + Lanes.BYTES, ORDER);
    }

    /// Σ of 16-bit halves.
    private static IntVector halves(ShortVector p) {
        IntVector both = p.reinterpretAsInts();
        return both.lanewise(VectorOperators.LSHL, 16)
                .lanewise(VectorOperators.ASHR, 16)
                .add(both.lanewise(VectorOperators.ASHR, 16));
    }

    /// Q4_0.
    private static void nibbles(
            MemorySegment w,
            long panel,
            int lanes,
            long second,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        MemorySegment x = activations.data();
        int blocks = activations.blocks();
        int tokens = activations.tokens();
        long half = COUNT == PANEL ? second : COUNT * 2L;
        long shorts = activations.shorts() + row * QuantizedActivations.SHORTS_BYTES;
        long numbers = activations.numbers() + row * QuantizedActivations.NUMBERS_BYTES;
        var sum0 = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        var sum1 = FloatVector.fromMemorySegment(FLOATS, c, at + Lanes.BYTES, ORDER);
        for (int b = 0; b < blocks; b++) {
            long unit = panel + (b >> 1) * 576L;
            long d = unit + (b & 1) * 32L + lanes * 2L;
            long words = unit + 64 + (b & 1) * 256L + lanes * 4L;
            long xs = shorts + (long) b * tokens * QuantizedActivations.SHORTS_BYTES;
            long xn = numbers + (long) b * tokens * QuantizedActivations.NUMBERS_BYTES;
            var p0 = IntVector.zero(INTS).reinterpretAsShorts();
            var p1 = p0;
            for (int i = 0; i < 4; i++) {
                var v0 = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var v1 = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var pair = IntVector.broadcast(INTS, x.get(I32, xs + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.and((short) 15).mul(pair));
                p1 = p1.add(v1.and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 32 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 4 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 36 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 12).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 12).mul(pair));
            }
            float scale = x.get(F32, xn);
            int middle = 8 * x.get(I32, xn + QuantizedActivations.INT_SUM);
            sum0 = ((FloatVector) halves(p0).sub(middle).convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d).mul(scale), sum0);
            sum1 = ((FloatVector) halves(p1).sub(middle).convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d + half).mul(scale), sum1);
        }
        sum0.intoMemorySegment(c, at, ORDER);
        sum1.intoMemorySegment(c, at + Lanes.BYTES, ORDER);
    }

    /// Q4_1.
    private static void nibblesAndMinimum(
            MemorySegment w,
            long panel,
            int lanes,
            long second,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        MemorySegment x = activations.data();
        int blocks = activations.blocks();
        int tokens = activations.tokens();
        long half = COUNT == PANEL ? second : COUNT * 2L;
        long shorts = activations.shorts() + row * QuantizedActivations.SHORTS_BYTES;
        long numbers = activations.numbers() + row * QuantizedActivations.NUMBERS_BYTES;
        var sum0 = FloatVector.fromMemorySegment(FLOATS, c, at, ORDER);
        var sum1 = FloatVector.fromMemorySegment(FLOATS, c, at + Lanes.BYTES, ORDER);
        for (int b = 0; b < blocks; b++) {
            long d = panel + b * 320L + lanes * 2L;
            long words = panel + b * 320L + 64 + lanes * 4L;
            long xs = shorts + (long) b * tokens * QuantizedActivations.SHORTS_BYTES;
            long xn = numbers + (long) b * tokens * QuantizedActivations.NUMBERS_BYTES;
            var p0 = IntVector.zero(INTS).reinterpretAsShorts();
            var p1 = p0;
            for (int i = 0; i < 4; i++) {
                var v0 = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var v1 = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var pair = IntVector.broadcast(INTS, x.get(I32, xs + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.and((short) 15).mul(pair));
                p1 = p1.add(v1.and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 32 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 4 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 36 + i * 8L)).reinterpretAsShorts();
                p0 = p0.add(v0.lanewise(VectorOperators.LSHR, 12).mul(pair));
                p1 = p1.add(v1.lanewise(VectorOperators.LSHR, 12).mul(pair));
            }
            float scale = x.get(F32, xn);
            var sum = FloatVector.broadcast(FLOATS, x.get(F32, xn + QuantizedActivations.SUM));
            sum0 = ((FloatVector) halves(p0).convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d).mul(scale), sum0);
            sum0 = QuantizedTile.half(w, d + 32).fma(sum, sum0);
            sum1 = ((FloatVector) halves(p1).convertShape(VectorOperators.I2F, FLOATS, 0))
                    .fma(QuantizedTile.half(w, d + half).mul(scale), sum1);
            sum1 = QuantizedTile.half(w, d + half + 32).fma(sum, sum1);
        }
        sum0.intoMemorySegment(c, at, ORDER);
        sum1.intoMemorySegment(c, at + Lanes.BYTES, ORDER);
    }

    /// Q4_K: low nibbles of eight words are one block, high ones the next.
    private static void nibblesK(
            MemorySegment w,
            long panel,
            int lanes,
            long second,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        MemorySegment x = activations.data();
        int blocks = activations.blocks();
        int tokens = activations.tokens();
        long half = COUNT == PANEL ? second : COUNT * 2L;
        long xsStep = tokens * QuantizedActivations.SHORTS_BYTES;
        long xnStep = tokens * QuantizedActivations.NUMBERS_BYTES;
        long shorts = activations.shorts() + row * QuantizedActivations.SHORTS_BYTES;
        long numbers = activations.numbers() + row * QuantizedActivations.NUMBERS_BYTES;
        for (int b = 0; b < blocks; b += 2) {
            long unit = panel + (b >> 3) * 2304L;
            long d = unit + lanes * 2L;
            long own = unit + 64 + lanes * 4L;
            long words = own + (3 + (b & 7) * 4L) * WORD;
            long xs = shorts + b * xsStep;
            long xn = numbers + b * xnStep;
            var low0 = IntVector.zero(INTS).reinterpretAsShorts();
            var low1 = low0;
            var high0 = low0;
            var high1 = low0;
            for (int i = 0; i < 8; i++) {
                var v0 = IntVector.fromMemorySegment(INTS, w, words + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var v1 = IntVector.fromMemorySegment(INTS, w, words + second + i * WORD, ORDER)
                        .reinterpretAsShorts();
                var pair = IntVector.broadcast(INTS, x.get(I32, xs + i * 8L)).reinterpretAsShorts();
                low0 = low0.add(v0.and((short) 15).mul(pair));
                low1 = low1.add(v1.and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + 4 + i * 8L)).reinterpretAsShorts();
                low0 = low0.add(
                        v0.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                low1 = low1.add(
                        v1.lanewise(VectorOperators.LSHR, 8).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + xsStep + i * 8L))
                        .reinterpretAsShorts();
                high0 = high0.add(
                        v0.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                high1 = high1.add(
                        v1.lanewise(VectorOperators.LSHR, 4).and((short) 15).mul(pair));
                pair = IntVector.broadcast(INTS, x.get(I32, xs + xsStep + 4 + i * 8L))
                        .reinterpretAsShorts();
                high0 = high0.add(v0.lanewise(VectorOperators.LSHR, 12).mul(pair));
                high1 = high1.add(v1.lanewise(VectorOperators.LSHR, 12).mul(pair));
            }
            affine(w, d, own, b & 7, low0, x, xn, c, at);
            affine(w, d, own, b + 1 & 7, high0, x, xn + xnStep, c, at);
            affine(w, d + half, own + second, b & 7, low1, x, xn, c, at + Lanes.BYTES);
            affine(w, d + half, own + second, b + 1 & 7, high1, x, xn + xnStep, c, at + Lanes.BYTES);
        }
    }

    /// Adds a block of a K-quant with minima.
    private static void affine(
            MemorySegment w,
            long d,
            long own,
            int block,
            ShortVector sums,
            MemorySegment x,
            long xn,
            MemorySegment c,
            long at) {
        var scale = QuantizedTile.half(w, d).mul((FloatVector)
                QuantizedTile.sixBits(w, own, block, false).convertShape(VectorOperators.I2F, FLOATS, 0));
        var minimum = QuantizedTile.half(w, d + 32)
                .mul((FloatVector)
                        QuantizedTile.sixBits(w, own, block, true).convertShape(VectorOperators.I2F, FLOATS, 0))
                .neg();
        var sum = ((FloatVector) halves(sums).convertShape(VectorOperators.I2F, FLOATS, 0))
                .fma(scale.mul(x.get(F32, xn)), FloatVector.fromMemorySegment(FLOATS, c, at, ORDER));
        minimum.fma(FloatVector.broadcast(FLOATS, x.get(F32, xn + QuantizedActivations.SUM)), sum)
                .intoMemorySegment(c, at, ORDER);
    }

    /// Q6_K: 128 inputs are low nibbles of 64 bytes, then high ones, and pairs of bits of 32 bytes.
    private static void sixBits(
            MemorySegment w,
            long panel,
            int lanes,
            long second,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        int blocks = activations.blocks();
        long half = COUNT == PANEL ? second : COUNT * 2L;
        for (int b = 0; b < blocks; b++) {
            long unit = panel + (b >> 3) * 3392L;
            sixBits(w, unit + lanes * 2L, unit + 64 + lanes * 4L, b, activations, row, c, at);
            sixBits(
                    w,
                    unit + lanes * 2L + half,
                    unit + 64 + lanes * 4L + second,
                    b,
                    activations,
                    row,
                    c,
                    at + Lanes.BYTES);
        }
    }

    private static void sixBits(
            MemorySegment w,
            long d,
            long words,
            int b,
            QuantizedActivations activations,
            int row,
            MemorySegment c,
            long at) {
        MemorySegment x = activations.data();
        long index = (long) b * activations.tokens() + row;
        long xs = activations.shorts() + index * QuantizedActivations.SHORTS_BYTES;
        long xn = activations.numbers() + index * QuantizedActivations.NUMBERS_BYTES;
        int in = b & 7;
        long nibbles = words + ((in >> 2) * 16 + (in & 1) * 8) * WORD;
        long pairs = words + (32 + (in >> 2) * 8) * WORD;
        int nibble = (in & 2) * 2;
        int pair = (in & 3) * 2;
        var sums = IntVector.zero(INTS);
        IntVector scales = IntVector.fromMemorySegment(INTS, w, words + (48 + (in >> 1)) * WORD, ORDER);
        for (int g = 0; g < 2; g++) {
            var p = IntVector.zero(INTS).reinterpretAsShorts();
            for (int i = g * 4; i < g * 4 + 4; i++) {
                var low = IntVector.fromMemorySegment(INTS, w, nibbles + i * WORD, ORDER)
                        .lanewise(VectorOperators.LSHR, nibble)
                        .and(0x0f0f0f0f);
                var q = IntVector.fromMemorySegment(INTS, w, pairs + i * WORD, ORDER)
                        .lanewise(VectorOperators.LSHR, pair)
                        .and(0x03030303)
                        .lanewise(VectorOperators.LSHL, 4)
                        .or(low)
                        .reinterpretAsShorts();
                var even = IntVector.broadcast(INTS, x.get(I32, xs + i * 8L)).reinterpretAsShorts();
                var odd = IntVector.broadcast(INTS, x.get(I32, xs + 4 + i * 8L)).reinterpretAsShorts();
                p = p.add(q.and((short) 255).sub((short) 32).mul(even))
                        .add(q.lanewise(VectorOperators.LSHR, 8).sub((short) 32).mul(odd));
            }
            int shift = 24 - 8 * ((in & 1) * 2 + g);
            sums = sums.add(
                    halves(p).mul(scales.lanewise(VectorOperators.LSHL, shift).lanewise(VectorOperators.ASHR, 24)));
        }
        ((FloatVector) sums.convertShape(VectorOperators.I2F, FLOATS, 0))
                .fma(QuantizedTile.half(w, d).mul(x.get(F32, xn)), FloatVector.fromMemorySegment(FLOATS, c, at, ORDER))
                .intoMemorySegment(c, at, ORDER);
    }
}
