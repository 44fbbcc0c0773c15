package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Register blocks for a row on panels of 16-bit weights ([HalfPanels]), which are widened in
/// registers: memory sets the pace, and is read once. c [vectors] += a·b, in the order and with
/// the bits of [Blocks] on the same weights as floats. Written by `BlockSource`, which lies
/// among the tests: change that, not this.
///
/// `half` is IEEE half precision without infinities and NaN: exponent and fraction in a float's
/// place, and the exponent's missing 112 by a product, which is exact. `bfloat` is the upper half
/// of a float. Offsets are in bytes.
final class HalfBlocks {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Bytes of a panel for each two steps.
    private static final long PAIR = HalfPanels.PAIR_BYTES;

    private static final int IN_PANEL = Product.PANEL / COUNT;

    private HalfBlocks() {}

    /// From the first panel to vector `v`.
    private static long vector(int v, long bPanel) {
        return v / IN_PANEL * bPanel + v % IN_PANEL * BYTES;
    }

    static void half8(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        FloatVector s4 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * BYTES, ORDER);
        FloatVector s5 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 5 * BYTES, ORDER);
        FloatVector s6 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 6 * BYTES, ORDER);
        FloatVector s7 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 7 * BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        long b4 = bOff + vector(4, bPanel);
        long b5 = bOff + vector(5, bPanel);
        long b6 = bOff + vector(6, bPanel);
        long b7 = bOff + vector(7, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s0);
            s0 = w0.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s1);
            s1 = w1.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s1);
            IntVector w2 = IntVector.fromMemorySegment(INTS, b, b2 + k * PAIR, ORDER);
            s2 = w2.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s2);
            s2 = w2.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s2);
            IntVector w3 = IntVector.fromMemorySegment(INTS, b, b3 + k * PAIR, ORDER);
            s3 = w3.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s3);
            s3 = w3.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s3);
            IntVector w4 = IntVector.fromMemorySegment(INTS, b, b4 + k * PAIR, ORDER);
            s4 = w4.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s4);
            s4 = w4.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s4);
            IntVector w5 = IntVector.fromMemorySegment(INTS, b, b5 + k * PAIR, ORDER);
            s5 = w5.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s5);
            s5 = w5.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s5);
            IntVector w6 = IntVector.fromMemorySegment(INTS, b, b6 + k * PAIR, ORDER);
            s6 = w6.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s6);
            s6 = w6.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s6);
            IntVector w7 = IntVector.fromMemorySegment(INTS, b, b7 + k * PAIR, ORDER);
            s7 = w7.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s7);
            s7 = w7.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s7);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
        s2.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s3.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
        s4.intoMemorySegment(c, cOff + 4 * BYTES, ORDER);
        s5.intoMemorySegment(c, cOff + 5 * BYTES, ORDER);
        s6.intoMemorySegment(c, cOff + 6 * BYTES, ORDER);
        s7.intoMemorySegment(c, cOff + 7 * BYTES, ORDER);
    }

    static void bfloat8(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        FloatVector s4 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 4 * BYTES, ORDER);
        FloatVector s5 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 5 * BYTES, ORDER);
        FloatVector s6 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 6 * BYTES, ORDER);
        FloatVector s7 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 7 * BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        long b4 = bOff + vector(4, bPanel);
        long b5 = bOff + vector(5, bPanel);
        long b6 = bOff + vector(6, bPanel);
        long b7 = bOff + vector(7, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s0);
            s0 = w0.and(0xffff0000).reinterpretAsFloats().fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s1);
            s1 = w1.and(0xffff0000).reinterpretAsFloats().fma(x1, s1);
            IntVector w2 = IntVector.fromMemorySegment(INTS, b, b2 + k * PAIR, ORDER);
            s2 = w2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s2);
            s2 = w2.and(0xffff0000).reinterpretAsFloats().fma(x1, s2);
            IntVector w3 = IntVector.fromMemorySegment(INTS, b, b3 + k * PAIR, ORDER);
            s3 = w3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s3);
            s3 = w3.and(0xffff0000).reinterpretAsFloats().fma(x1, s3);
            IntVector w4 = IntVector.fromMemorySegment(INTS, b, b4 + k * PAIR, ORDER);
            s4 = w4.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s4);
            s4 = w4.and(0xffff0000).reinterpretAsFloats().fma(x1, s4);
            IntVector w5 = IntVector.fromMemorySegment(INTS, b, b5 + k * PAIR, ORDER);
            s5 = w5.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s5);
            s5 = w5.and(0xffff0000).reinterpretAsFloats().fma(x1, s5);
            IntVector w6 = IntVector.fromMemorySegment(INTS, b, b6 + k * PAIR, ORDER);
            s6 = w6.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s6);
            s6 = w6.and(0xffff0000).reinterpretAsFloats().fma(x1, s6);
            IntVector w7 = IntVector.fromMemorySegment(INTS, b, b7 + k * PAIR, ORDER);
            s7 = w7.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s7);
            s7 = w7.and(0xffff0000).reinterpretAsFloats().fma(x1, s7);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
        s2.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s3.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
        s4.intoMemorySegment(c, cOff + 4 * BYTES, ORDER);
        s5.intoMemorySegment(c, cOff + 5 * BYTES, ORDER);
        s6.intoMemorySegment(c, cOff + 6 * BYTES, ORDER);
        s7.intoMemorySegment(c, cOff + 7 * BYTES, ORDER);
    }

    static void half4(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s0);
            s0 = w0.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s1);
            s1 = w1.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s1);
            IntVector w2 = IntVector.fromMemorySegment(INTS, b, b2 + k * PAIR, ORDER);
            s2 = w2.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s2);
            s2 = w2.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s2);
            IntVector w3 = IntVector.fromMemorySegment(INTS, b, b3 + k * PAIR, ORDER);
            s3 = w3.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s3);
            s3 = w3.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s3);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
        s2.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s3.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
    }

    static void bfloat4(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 2 * BYTES, ORDER);
        FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, s, sOff + 3 * BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        long b2 = bOff + vector(2, bPanel);
        long b3 = bOff + vector(3, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s0);
            s0 = w0.and(0xffff0000).reinterpretAsFloats().fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s1);
            s1 = w1.and(0xffff0000).reinterpretAsFloats().fma(x1, s1);
            IntVector w2 = IntVector.fromMemorySegment(INTS, b, b2 + k * PAIR, ORDER);
            s2 = w2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s2);
            s2 = w2.and(0xffff0000).reinterpretAsFloats().fma(x1, s2);
            IntVector w3 = IntVector.fromMemorySegment(INTS, b, b3 + k * PAIR, ORDER);
            s3 = w3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s3);
            s3 = w3.and(0xffff0000).reinterpretAsFloats().fma(x1, s3);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
        s2.intoMemorySegment(c, cOff + 2 * BYTES, ORDER);
        s3.intoMemorySegment(c, cOff + 3 * BYTES, ORDER);
    }

    static void half2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s0);
            s0 = w0.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s1);
            s1 = w1.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s1);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
    }

    static void bfloat2(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, s, sOff + BYTES, ORDER);
        long b0 = bOff + vector(0, bPanel);
        long b1 = bOff + vector(1, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s0);
            s0 = w0.and(0xffff0000).reinterpretAsFloats().fma(x1, s0);
            IntVector w1 = IntVector.fromMemorySegment(INTS, b, b1 + k * PAIR, ORDER);
            s1 = w1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s1);
            s1 = w1.and(0xffff0000).reinterpretAsFloats().fma(x1, s1);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
        s1.intoMemorySegment(c, cOff + BYTES, ORDER);
    }

    static void half1(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        long b0 = bOff + vector(0, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x0, s0);
            s0 = w0.lanewise(VectorOperators.ASHR, 3)
                    .and(0x8fffe000)
                    .reinterpretAsFloats()
                    .mul(0x1p112f)
                    .fma(x1, s0);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
    }

    static void bfloat1(
            MemorySegment a,
            long aOff,
            MemorySegment b,
            long bOff,
            long bPanel,
            MemorySegment s,
            long sOff,
            MemorySegment c,
            long cOff,
            int pairs) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, s, sOff, ORDER);
        long b0 = bOff + vector(0, bPanel);
        for (int k = 0; k < pairs; k++) {
            FloatVector x0 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L));
            FloatVector x1 = FloatVector.broadcast(FLOATS, a.get(F32, aOff + k * 8L + 4));
            IntVector w0 = IntVector.fromMemorySegment(INTS, b, b0 + k * PAIR, ORDER);
            s0 = w0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, s0);
            s0 = w0.and(0xffff0000).reinterpretAsFloats().fma(x1, s0);
        }
        s0.intoMemorySegment(c, cOff, ORDER);
    }
}
