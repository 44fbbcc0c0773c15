package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// Activations [tokens, in] as scale·q, q from −127 to 127, with a scale for each 32 inputs of a token.
/// A block that holds a NaN or an infinity has the scale NaN, so every output of its token is NaN.
///
/// Each block of a token is stored as floats (the integers q), as 16-bit numbers, and with its sums:
///
/// - floats: [blocks, tokens, 32];
/// - shorts: [blocks, tokens, 32], of every four inputs first 0 and 2, then 1 and 3, as the 16-bit
///   halves of a word of weights hold them;
/// - numbers: [blocks, tokens, 16], of 4 bytes each: the scale; scale·Σq of all, of the first 16, of
///   the last 16; Σq as an integer; three unused; then for each word of four bytes what takes 128 off
///   each of them: −128·(q0 + q1) + 2^15 as an unsigned 16-bit half, −128·(q2 + q3) as a signed one.
///
/// @param floats where the floats lie in `data`
/// @param shorts where the 16-bit numbers lie
/// @param numbers where scales and sums lie
record QuantizedActivations(MemorySegment data, long floats, long shorts, long numbers, int tokens, int blocks) {
    static final int BLOCK = QuantizedPanels.BLOCK;
    static final long FLOATS_BYTES = 4L * BLOCK;
    static final long SHORTS_BYTES = 2L * BLOCK;
    static final long NUMBERS_BYTES = 64;

    /// Where a block's numbers hold scale·Σq, of all and of its halves.
    static final long SUM = 4;

    static final long FIRST_SUM = 8;
    static final long SECOND_SUM = 12;

    /// Where Σq lies, an integer.
    static final long INT_SUM = 16;

    /// Where the corrections of its eight words lie.
    static final long OFFSETS = 32;

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);

    /// Added and taken off again, it rounds to an integer, ties to even.
    private static final float ROUND = 0x1.8p23f;

    /// Blocks of a task, about.
    private static final int TASK = 512;

    /// @param x F32 [tokens, in]
    static QuantizedActivations of(Workspace workspace, Workers workers, MemorySegment x, int tokens, int inner) {
        int blocks = inner / BLOCK;
        long count = (long) tokens * blocks;
        MemorySegment data = workspace.takeBytes(count * (FLOATS_BYTES + SHORTS_BYTES + NUMBERS_BYTES));
        long shorts = count * FLOATS_BYTES;
        var q = new QuantizedActivations(data, 0, shorts, shorts + count * SHORTS_BYTES, tokens, blocks);
        int rows = Math.max(1, TASK / Math.max(1, blocks));
        workers.run(Math.ceilDiv(tokens, rows), task -> {
            int end = Math.min(tokens, (task + 1) * rows);
            for (int t = task * rows; t < end; t++) {
                for (int b = 0; b < blocks; b++) {
                    q.quantize(x, (long) t * inner * 4 + b * FLOATS_BYTES, (long) b * tokens + t);
                }
            }
        });
        return q;
    }

    private void quantize(MemorySegment x, long from, long index) {
        FloatVector most = FloatVector.zero(FLOATS);
        FloatVector spoiled = FloatVector.zero(FLOATS);
        for (int i = 0; i < BLOCK; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, from + i * 4L, ORDER);
            most = most.max(v.lanewise(VectorOperators.ABS));
            spoiled = v.mul(0f).add(spoiled);
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        float scale = largest / 127;
        long to = floats + index * FLOATS_BYTES;
        if (spoiled.compare(VectorOperators.NE, 0).anyTrue()) {
            scale = Float.NaN;
        }
        // below the least normal number a quotient is too coarse
        float inverse = largest >= 0x1p-110f ? 127 / largest : 0;
        for (int i = 0; i < BLOCK; i += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, x, from + i * 4L, ORDER)
                    .mul(inverse)
                    .add(ROUND)
                    .sub(ROUND)
                    .intoMemorySegment(data, to + i * 4L, ORDER);
        }
        if (scale != scale) {
            data.asSlice(to, FLOATS_BYTES).fill((byte) 0);
        }
        long half = shorts + index * SHORTS_BYTES;
        long own = numbers + index * NUMBERS_BYTES;
        int first = 0;
        int second = 0;
        for (int i = 0; i < BLOCK / 4; i++) {
            int q0 = (int) data.get(F32, to + i * 16L);
            int q1 = (int) data.get(F32, to + i * 16L + 4);
            int q2 = (int) data.get(F32, to + i * 16L + 8);
            int q3 = (int) data.get(F32, to + i * 16L + 12);
            data.set(I32, half + i * 8L, q0 & 0xffff | q2 << 16);
            data.set(I32, half + i * 8L + 4, q1 & 0xffff | q3 << 16);
            int low = 0x8000 - 128 * (q0 + q1);
            int high = -128 * (q2 + q3);
            data.set(I32, own + OFFSETS + i * 4L, low & 0xffff | high << 16);
            int sum = q0 + q1 + q2 + q3;
            if (i < BLOCK / 8) {
                first += sum;
            } else {
                second += sum;
            }
        }
        data.set(F32, own, scale);
        data.set(F32, own + SUM, scale * (first + second));
        data.set(F32, own + FIRST_SUM, scale * first);
        data.set(F32, own + SECOND_SUM, scale * second);
        data.set(I32, own + INT_SUM, first + second);
    }
}
