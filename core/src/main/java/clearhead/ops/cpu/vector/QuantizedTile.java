package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// 32 inputs of a panel of [QuantizedPanels], taken out of their bits: weight = scale·step + minimum,
/// where steps are integers. Where a type has a small integer scale for 16 inputs inside a scale for
/// more, that integer is multiplied into the steps. So 32 products of steps with int8 numbers have a sum
/// below 2^24, which float32 holds exactly, whatever the order.
///
/// Steps are [32, 16] floats. Of scales there are [3, 16] floats: the scale, the minimum of inputs 0 to
/// 15, and of 16 to 31.
final class QuantizedTile {
    static final long STEPS_BYTES = QuantizedPanels.BLOCK * Product.STEP_BYTES;
    static final long MINIMUM = 64;
    static final long SECOND_MINIMUM = 128;
    static final long SCALES_BYTES = 192;

    private static final int PANEL = QuantizedPanels.PANEL;
    private static final long WORD = QuantizedPanels.WORD;
    private static final long SHORT = QuantizedPanels.SHORT;

    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));

    private static final IntVector[] NON_LINEAR =
            parts(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    /// Twice the numbers of FP4.
    private static final IntVector[] FP4 = parts(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

    private static final ThreadLocal<MemorySegment> SCALES =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(SCALES_BYTES, 64));

    private QuantizedTile() {}

    /// A table of 16 in vectors.
    private static IntVector[] parts(int... table) {
        var parts = new IntVector[PANEL / COUNT];
        for (int p = 0; p < parts.length; p++) {
            parts[p] = IntVector.fromArray(INTS, table, p * COUNT);
        }
        return parts;
    }

    /// A thread's own place for scales.
    static MemorySegment scales() {
        return SCALES.get();
    }

    /// @param panel where the panel begins in `data`
    /// @param block which 32 inputs
    /// @param at where the steps go in `into`
    /// @param scalesAt where the scales go in `scales`
    static void steps(
            QuantizedPanels form,
            MemorySegment data,
            long panel,
            int block,
            MemorySegment into,
            long at,
            MemorySegment scales,
            long scalesAt) {
        int inType = form.type().blockSize() / QuantizedPanels.BLOCK;
        int b = block % inType;
        int stored = block / inType;
        long unit = panel + stored / form.blocks() * form.unitBytes();
        long numbers = unit + stored % form.blocks() * form.shorts().length * SHORT;
        long words = unit + form.head() + stored % form.blocks() * form.wordCount() * WORD;
        switch (form.type()) {
            case Q8_0 -> bits(data, words, 8, 0, 255, 128, into, at);
            case Q4_0 -> nibbles(data, words, 8, into, at);
            case Q4_1 -> nibbles(data, words, 0, into, at);
            case Q5_0 -> fifthBits(data, words, 16, into, at);
            case Q5_1 -> fifthBits(data, words, 0, into, at);
            case IQ4_NL -> levels(data, words, NON_LINEAR, into, at);
            case MXFP4 -> levels(data, words, FP4, into, at);
            case IQ4_XS -> levels(data, words + (1 + b * 4) * WORD, NON_LINEAR, into, at);
            case Q4_K -> bits(data, words + (3 + b / 2 * 8) * WORD, 8, b % 2 * 4, 15, 0, into, at);
            case Q5_K ->
                twoFields(data, words + (11 + b / 2 * 8) * WORD, b % 2 * 4, 15, words + 3 * WORD, b, 1, 4, 0, into, at);
            case Q2_K -> bits(data, words + (4 + b / 4 * 8) * WORD, 8, b % 4 * 2, 3, 0, into, at);
            case Q3_K -> twoFields(data, words + (8 + b / 4 * 8) * WORD, b % 4 * 2, 3, words, b, 1, 2, 4, into, at);
            case Q6_K ->
                twoFields(
                        data,
                        words + (b / 4 * 16 + b % 2 * 8) * WORD,
                        b % 4 / 2 * 4,
                        15,
                        words + (32 + b / 4 * 8) * WORD,
                        b % 4 * 2,
                        3,
                        4,
                        32,
                        into,
                        at);
            default -> throw new AssertionError(form.type());
        }
        for (int o = 0; o < PANEL; o += COUNT) {
            scales(form, data, numbers + o * 2L, words + o * 4L, b, into, at + o * 4L, scales, scalesAt + o * 4L);
        }
    }

    /// Scales of one vector of outputs; integer scales of 16 inputs go into the steps.
    private static void scales(
            QuantizedPanels form,
            MemorySegment data,
            long numbers,
            long words,
            int b,
            MemorySegment into,
            long at,
            MemorySegment scales,
            long to) {
        switch (form.type()) {
            case Q8_0, Q4_0, Q5_0, IQ4_NL -> half(data, numbers).intoMemorySegment(scales, to, ORDER);
            case MXFP4 -> bfloat(data, numbers).intoMemorySegment(scales, to, ORDER);
            case Q4_1, Q5_1 -> {
                half(data, numbers).intoMemorySegment(scales, to, ORDER);
                minima(half(data, numbers + SHORT), scales, to);
            }
            case Q4_K, Q5_K -> {
                half(data, numbers).mul(number(sixBits(data, words, b, false))).intoMemorySegment(scales, to, ORDER);
                minima(
                        half(data, numbers + SHORT)
                                .mul(number(sixBits(data, words, b, true)))
                                .neg(),
                        scales,
                        to);
            }
            case Q2_K -> {
                FloatVector minimum = half(data, numbers + SHORT);
                IntVector both = word(data, words + b / 2 * WORD).lanewise(VectorOperators.LSHR, b % 2 * 16);
                half(data, numbers).intoMemorySegment(scales, to, ORDER);
                times(number(both.and(15)), into, at);
                times(number(both.lanewise(VectorOperators.LSHR, 8).and(15)), into, at + 16 * Product.STEP_BYTES);
                minimum.mul(number(both.lanewise(VectorOperators.LSHR, 4).and(15)))
                        .neg()
                        .intoMemorySegment(scales, to + MINIMUM, ORDER);
                minimum.mul(number(both.lanewise(VectorOperators.LSHR, 12).and(15)))
                        .neg()
                        .intoMemorySegment(scales, to + SECOND_MINIMUM, ORDER);
            }
            case Q3_K -> {
                half(data, numbers).intoMemorySegment(scales, to, ORDER);
                long own = words + 24 * WORD;
                times(number(threeKScale(data, own, 2 * b)), into, at);
                times(number(threeKScale(data, own, 2 * b + 1)), into, at + 16 * Product.STEP_BYTES);
            }
            case Q6_K -> {
                half(data, numbers).intoMemorySegment(scales, to, ORDER);
                IntVector both = word(data, words + (48 + b / 2) * WORD);
                IntVector first = both.lanewise(VectorOperators.LSHL, 24 - b % 2 * 16);
                IntVector second = both.lanewise(VectorOperators.LSHL, 16 - b % 2 * 16);
                times(number(first.lanewise(VectorOperators.ASHR, 24)), into, at);
                times(number(second.lanewise(VectorOperators.ASHR, 24)), into, at + 16 * Product.STEP_BYTES);
            }
            case IQ4_XS -> {
                IntVector high = (IntVector) ShortVector.fromMemorySegment(HALVES, data, numbers + SHORT, ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
                IntVector step = word(data, words)
                        .lanewise(VectorOperators.LSHR, 4 * b)
                        .and(15)
                        .or(high.lanewise(VectorOperators.LSHR, 2 * b).and(3).lanewise(VectorOperators.LSHL, 4))
                        .sub(32);
                half(data, numbers).mul(number(step)).intoMemorySegment(scales, to, ORDER);
            }
            default -> throw new AssertionError(form.type());
        }
    }

    /// Scale or minimum b of 8 of Q4_K and Q5_K, in three words of 12 bytes ([clearhead.tensor.DType#Q4_K]).
    static IntVector sixBits(MemorySegment data, long words, int b, boolean minimum) {
        int byteShift = b % 4 * 8;
        IntVector own = word(data, words + (minimum ? WORD : 0));
        if (b < 4) {
            return own.lanewise(VectorOperators.LSHR, byteShift).and(63);
        }
        IntVector low = word(data, words + 2 * WORD)
                .lanewise(VectorOperators.LSHR, byteShift + (minimum ? 4 : 0))
                .and(15);
        return low.or(own.lanewise(VectorOperators.LSHR, byteShift + 6).and(3).lanewise(VectorOperators.LSHL, 4));
    }

    /// Scale `group` of 16 of Q3_K, in three words.
    private static IntVector threeKScale(MemorySegment data, long words, int group) {
        IntVector low = word(data, words + group % 8 / 4 * WORD)
                .lanewise(VectorOperators.LSHR, group % 4 * 8 + group / 8 * 4)
                .and(15);
        IntVector high = word(data, words + 2 * WORD)
                .lanewise(VectorOperators.LSHR, group % 4 * 8 + group / 4 * 2)
                .and(3);
        return low.or(high.lanewise(VectorOperators.LSHL, 4)).sub(32);
    }

    private static void minima(FloatVector minimum, MemorySegment scales, long to) {
        minimum.intoMemorySegment(scales, to + MINIMUM, ORDER);
        minimum.intoMemorySegment(scales, to + SECOND_MINIMUM, ORDER);
    }

    /// Finite half precision numbers as floats.
    static FloatVector half(MemorySegment data, long at) {
        IntVector wide = (IntVector)
                ShortVector.fromMemorySegment(HALVES, data, at, ORDER).convertShape(VectorOperators.S2I, INTS, 0);
        return wide.lanewise(VectorOperators.LSHL, 13)
                .and(0x8fffffff)
                .reinterpretAsFloats()
                .mul(0x1p112f);
    }

    private static FloatVector bfloat(MemorySegment data, long at) {
        IntVector wide = (IntVector)
                ShortVector.fromMemorySegment(HALVES, data, at, ORDER).convertShape(VectorOperators.S2I, INTS, 0);
        return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static IntVector word(MemorySegment data, long at) {
        return IntVector.fromMemorySegment(INTS, data, at, ORDER);
    }

    private static FloatVector number(IntVector v) {
        return (FloatVector) v.convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    /// 16 steps times an integer scale.
    private static void times(FloatVector scale, MemorySegment into, long at) {
        for (int k = 0; k < 16; k++) {
            long step = at + k * Product.STEP_BYTES;
            FloatVector.fromMemorySegment(FLOATS, into, step, ORDER).mul(scale).intoMemorySegment(into, step, ORDER);
        }
    }

    /// Step 4i + j is in the bits from `shift` on of byte j of word i.
    private static void bits(
            MemorySegment data, long words, int count, int shift, int mask, int minus, MemorySegment into, long at) {
        for (int i = 0; i < count; i++) {
            for (int o = 0; o < PANEL; o += COUNT) {
                IntVector v = IntVector.fromMemorySegment(INTS, data, words + i * WORD + o * 4L, ORDER);
                long to = at + i * (4 * Product.STEP_BYTES) + o * 4L;
                number(v.lanewise(VectorOperators.LSHR, shift).and(mask).sub(minus))
                        .intoMemorySegment(into, to, ORDER);
                number(v.lanewise(VectorOperators.LSHR, shift + 8).and(mask).sub(minus))
                        .intoMemorySegment(into, to + Product.STEP_BYTES, ORDER);
                number(v.lanewise(VectorOperators.LSHR, shift + 16).and(mask).sub(minus))
                        .intoMemorySegment(into, to + 2 * Product.STEP_BYTES, ORDER);
                number(v.lanewise(VectorOperators.LSHR, shift + 24).and(mask).sub(minus))
                        .intoMemorySegment(into, to + 3 * Product.STEP_BYTES, ORDER);
            }
        }
    }

    /// Low nibbles of 16 bytes are steps 0 to 15, high ones 16 to 31.
    private static void nibbles(MemorySegment data, long words, int minus, MemorySegment into, long at) {
        bits(data, words, 4, 0, 15, minus, into, at);
        bits(data, words, 4, 4, 15, minus, into, at + 16 * Product.STEP_BYTES);
    }

    /// The same, and the fifth bits of all steps in a word before them.
    private static void fifthBits(MemorySegment data, long words, int minus, MemorySegment into, long at) {
        for (int k = 0; k < QuantizedPanels.BLOCK; k++) {
            int shift = k % 4 * 8 + k / 16 * 4;
            for (int o = 0; o < PANEL; o += COUNT) {
                IntVector fifth = IntVector.fromMemorySegment(INTS, data, words + o * 4L, ORDER)
                        .lanewise(VectorOperators.LSHR, k)
                        .and(1)
                        .lanewise(VectorOperators.LSHL, 4);
                IntVector v = IntVector.fromMemorySegment(INTS, data, words + (1 + k % 16 / 4) * WORD + o * 4L, ORDER);
                number(v.lanewise(VectorOperators.LSHR, shift).and(15).or(fifth).sub(minus))
                        .intoMemorySegment(into, at + k * Product.STEP_BYTES + o * 4L, ORDER);
            }
        }
    }

    /// Nibbles choose among 16 levels.
    private static void levels(MemorySegment data, long words, IntVector[] table, MemorySegment into, long at) {
        for (int k = 0; k < QuantizedPanels.BLOCK; k++) {
            int shift = k % 4 * 8 + k / 16 * 4;
            for (int o = 0; o < PANEL; o += COUNT) {
                IntVector which = IntVector.fromMemorySegment(INTS, data, words + k % 16 / 4 * WORD + o * 4L, ORDER)
                        .lanewise(VectorOperators.LSHR, shift)
                        .and(15);
                number(level(which, table)).intoMemorySegment(into, at + k * Product.STEP_BYTES + o * 4L, ORDER);
            }
        }
    }

    private static IntVector level(IntVector which, IntVector[] table) {
        IntVector within = which.and(COUNT - 1);
        IntVector level = within.selectFrom(table[0]);
        for (int p = 1; p < table.length; p++) {
            level = level.blend(within.selectFrom(table[p]), which.compare(VectorOperators.GE, p * COUNT));
        }
        return level;
    }

    /// Step 4i + j is in byte j of word i of two fields, the second put `left` bits higher.
    private static void twoFields(
            MemorySegment data,
            long first,
            int firstShift,
            int firstMask,
            long second,
            int secondShift,
            int secondMask,
            int left,
            int minus,
            MemorySegment into,
            long at) {
        for (int i = 0; i < 8; i++) {
            for (int o = 0; o < PANEL; o += COUNT) {
                IntVector v = IntVector.fromMemorySegment(INTS, data, first + i * WORD + o * 4L, ORDER);
                IntVector w = IntVector.fromMemorySegment(INTS, data, second + i * WORD + o * 4L, ORDER);
                for (int j = 0; j < 4; j++) {
                    IntVector low =
                            v.lanewise(VectorOperators.LSHR, firstShift + 8 * j).and(firstMask);
                    IntVector high = w.lanewise(VectorOperators.LSHR, secondShift + 8 * j)
                            .and(secondMask);
                    number(low.or(high.lanewise(VectorOperators.LSHL, left)).sub(minus))
                            .intoMemorySegment(into, at + (4 * i + j) * Product.STEP_BYTES + o * 4L, ORDER);
                }
            }
        }
    }

    /// Steps become weights in float32, rounded as ggml rounds them.
    static void scale(QuantizedPanels form, MemorySegment into, long at, MemorySegment scales, long scalesAt) {
        boolean minima = form.hasMinima();
        for (int o = 0; o < PANEL; o += COUNT) {
            FloatVector s = FloatVector.fromMemorySegment(FLOATS, scales, scalesAt + o * 4L, ORDER);
            for (int half = 0; half < 2; half++) {
                FloatVector m = FloatVector.fromMemorySegment(
                        FLOATS, scales, scalesAt + o * 4L + (half == 0 ? MINIMUM : SECOND_MINIMUM), ORDER);
                for (int k = half * 16; k < half * 16 + 16; k++) {
                    long to = at + k * Product.STEP_BYTES + o * 4L;
                    FloatVector q = FloatVector.fromMemorySegment(FLOATS, into, to, ORDER);
                    (minima ? q.fma(s, m) : q.mul(s)).intoMemorySegment(into, to, ORDER);
                }
            }
        }
    }
}
