package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;
import static clearhead.ops.cpu.vector.TileProduct.F32;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// C (+)= A·B for four rows of A and four vectors of a B of bfloat16, which become floats in registers:
/// the products of [TileProduct] with the same numbers, to the bit. For vectors of 512 bits, as it
/// takes all of 32 registers. (IEEE half precision takes six operations a vector, with which the
/// compiler gives up.)
final class BfloatProduct {
    private static final VectorSpecies<Short> HALF =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));
    private static final long HALF_BYTES = BYTES / 2;

    private BfloatProduct() {}

    /// C = A·B.
    ///
    /// @param a [4, steps] floats at a0, `aRow` bytes from row to row
    /// @param b [steps, 4 vectors] at b0, `bStep` bytes from step to step
    /// @param c [4, 4 vectors] floats at c0, `cRow` bytes from row to row
    static void multiply(
            MemorySegment a,
            long a0,
            long aRow,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps) {
        long c1 = c0 + cRow;
        long c2 = c1 + cRow;
        long c3 = c2 + cRow;
        var s00 = FloatVector.zero(FLOATS);
        var s01 = FloatVector.zero(FLOATS);
        var s02 = FloatVector.zero(FLOATS);
        var s03 = FloatVector.zero(FLOATS);
        var s10 = FloatVector.zero(FLOATS);
        var s11 = FloatVector.zero(FLOATS);
        var s12 = FloatVector.zero(FLOATS);
        var s13 = FloatVector.zero(FLOATS);
        var s20 = FloatVector.zero(FLOATS);
        var s21 = FloatVector.zero(FLOATS);
        var s22 = FloatVector.zero(FLOATS);
        var s23 = FloatVector.zero(FLOATS);
        var s30 = FloatVector.zero(FLOATS);
        var s31 = FloatVector.zero(FLOATS);
        var s32 = FloatVector.zero(FLOATS);
        var s33 = FloatVector.zero(FLOATS);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * 4L;
            long bk = b0 + k * bStep;
            var v0 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v1 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v2 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + 2 * HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v3 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + 3 * HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var x = FloatVector.broadcast(FLOATS, a.get(F32, ak));
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            s02 = x.fma(v2, s02);
            s03 = x.fma(v3, s03);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow));
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            s12 = x.fma(v2, s12);
            s13 = x.fma(v3, s13);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow));
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            s22 = x.fma(v2, s22);
            s23 = x.fma(v3, s23);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow));
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
            s32 = x.fma(v2, s32);
            s33 = x.fma(v3, s33);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s02.intoMemorySegment(c, c0 + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, c0 + 3 * BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s12.intoMemorySegment(c, c1 + 2 * BYTES, ORDER);
        s13.intoMemorySegment(c, c1 + 3 * BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
        s22.intoMemorySegment(c, c2 + 2 * BYTES, ORDER);
        s23.intoMemorySegment(c, c2 + 3 * BYTES, ORDER);
        s30.intoMemorySegment(c, c3, ORDER);
        s31.intoMemorySegment(c, c3 + BYTES, ORDER);
        s32.intoMemorySegment(c, c3 + 2 * BYTES, ORDER);
        s33.intoMemorySegment(c, c3 + 3 * BYTES, ORDER);
    }

    /// C += A·B.
    static void add(
            MemorySegment a,
            long a0,
            long aRow,
            MemorySegment b,
            long b0,
            long bStep,
            MemorySegment c,
            long c0,
            long cRow,
            int steps) {
        long c1 = c0 + cRow;
        long c2 = c1 + cRow;
        long c3 = c2 + cRow;
        var s00 = FloatVector.fromMemorySegment(FLOATS, c, c0, ORDER);
        var s01 = FloatVector.fromMemorySegment(FLOATS, c, c0 + BYTES, ORDER);
        var s02 = FloatVector.fromMemorySegment(FLOATS, c, c0 + 2 * BYTES, ORDER);
        var s03 = FloatVector.fromMemorySegment(FLOATS, c, c0 + 3 * BYTES, ORDER);
        var s10 = FloatVector.fromMemorySegment(FLOATS, c, c1, ORDER);
        var s11 = FloatVector.fromMemorySegment(FLOATS, c, c1 + BYTES, ORDER);
        var s12 = FloatVector.fromMemorySegment(FLOATS, c, c1 + 2 * BYTES, ORDER);
        var s13 = FloatVector.fromMemorySegment(FLOATS, c, c1 + 3 * BYTES, ORDER);
        var s20 = FloatVector.fromMemorySegment(FLOATS, c, c2, ORDER);
        var s21 = FloatVector.fromMemorySegment(FLOATS, c, c2 + BYTES, ORDER);
        var s22 = FloatVector.fromMemorySegment(FLOATS, c, c2 + 2 * BYTES, ORDER);
        var s23 = FloatVector.fromMemorySegment(FLOATS, c, c2 + 3 * BYTES, ORDER);
        var s30 = FloatVector.fromMemorySegment(FLOATS, c, c3, ORDER);
        var s31 = FloatVector.fromMemorySegment(FLOATS, c, c3 + BYTES, ORDER);
        var s32 = FloatVector.fromMemorySegment(FLOATS, c, c3 + 2 * BYTES, ORDER);
        var s33 = FloatVector.fromMemorySegment(FLOATS, c, c3 + 3 * BYTES, ORDER);
        for (int k = 0; k < steps; k++) {
            long ak = a0 + k * 4L;
            long bk = b0 + k * bStep;
            var v0 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v1 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v2 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + 2 * HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var v3 = ((IntVector) ShortVector.fromMemorySegment(HALF, b, bk + 3 * HALF_BYTES, ORDER)
                            .convertShape(VectorOperators.S2I, INTS, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats();
            var x = FloatVector.broadcast(FLOATS, a.get(F32, ak));
            s00 = x.fma(v0, s00);
            s01 = x.fma(v1, s01);
            s02 = x.fma(v2, s02);
            s03 = x.fma(v3, s03);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + aRow));
            s10 = x.fma(v0, s10);
            s11 = x.fma(v1, s11);
            s12 = x.fma(v2, s12);
            s13 = x.fma(v3, s13);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 2 * aRow));
            s20 = x.fma(v0, s20);
            s21 = x.fma(v1, s21);
            s22 = x.fma(v2, s22);
            s23 = x.fma(v3, s23);
            x = FloatVector.broadcast(FLOATS, a.get(F32, ak + 3 * aRow));
            s30 = x.fma(v0, s30);
            s31 = x.fma(v1, s31);
            s32 = x.fma(v2, s32);
            s33 = x.fma(v3, s33);
        }
        s00.intoMemorySegment(c, c0, ORDER);
        s01.intoMemorySegment(c, c0 + BYTES, ORDER);
        s02.intoMemorySegment(c, c0 + 2 * BYTES, ORDER);
        s03.intoMemorySegment(c, c0 + 3 * BYTES, ORDER);
        s10.intoMemorySegment(c, c1, ORDER);
        s11.intoMemorySegment(c, c1 + BYTES, ORDER);
        s12.intoMemorySegment(c, c1 + 2 * BYTES, ORDER);
        s13.intoMemorySegment(c, c1 + 3 * BYTES, ORDER);
        s20.intoMemorySegment(c, c2, ORDER);
        s21.intoMemorySegment(c, c2 + BYTES, ORDER);
        s22.intoMemorySegment(c, c2 + 2 * BYTES, ORDER);
        s23.intoMemorySegment(c, c2 + 3 * BYTES, ORDER);
        s30.intoMemorySegment(c, c3, ORDER);
        s31.intoMemorySegment(c, c3 + BYTES, ORDER);
        s32.intoMemorySegment(c, c3 + 2 * BYTES, ORDER);
        s33.intoMemorySegment(c, c3 + 3 * BYTES, ORDER);
    }
}
