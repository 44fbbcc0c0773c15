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
/// @param floats the integers q as floats in tiles of [ScaledBlocks#GROUP] tokens, [blocks, tiles, 32, GROUP]; what
///     the last tile has beyond the tokens is arbitrary. Empty where pairs are
/// @param numbers [blocks, tokens, 4]: scale; scale·Σq of all, of the first 16, of the last 16
/// @param sums Σq, [blocks, tokens]
/// @param pairs q as pairs of 16 bits, [blocks, tokens, 16]: of every four inputs 0 and 2, then 1 and 3,
///     as the 16-bit halves of a word of weights hold them; empty for more tokens than [QuantizedRows]
///     takes
/// @param offsets what takes 128 off each of four bytes, [blocks, tokens, 8]: −128·(q0 + q1) + 2^15 as an
///     unsigned 16-bit half, −128·(q2 + q3) as a signed one; empty where pairs are
record QuantizedActivations(
        float[] floats, float[] numbers, int[] sums, int[] pairs, int[] offsets, int tokens, int blocks) {
    static final int BLOCK = QuantizedPanels.BLOCK;
    private static final int GROUP = ScaledBlocks.GROUP;

    /// Floats of a tile.
    static final int TILE = BLOCK * GROUP;

    /// Places in the numbers of a block.
    static final int NUMBERS = 4;

    static final int SUM = 1;
    static final int FIRST_SUM = 2;
    static final int SECOND_SUM = 3;

    static final int PAIRS = BLOCK / 2;
    static final int OFFSETS = BLOCK / 4;

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    /// Added and taken off again, it rounds to an integer, ties to even.
    private static final float ROUND = 0x1.8p23f;

    /// Blocks of a task, about.
    private static final int TASK = 512;

    /// @param x F32 [tokens, in]
    /// @param paired whether to make pairs and offsets
    static QuantizedActivations of(
            Workspace workspace, Workers workers, MemorySegment x, int tokens, int inner, boolean paired) {
        int blocks = inner / BLOCK;
        int count = Math.multiplyExact(tokens, blocks);
        int tiles = paired ? 0 : Math.ceilDiv(tokens, GROUP);
        float[] floats = new float[Math.multiplyExact(tiles * blocks, TILE)];
        var q = new QuantizedActivations(
                floats,
                // a last tile reads beyond it
                new float[Math.multiplyExact(count + GROUP, NUMBERS)],
                new int[count],
                new int[paired ? count * PAIRS : 0],
                new int[paired ? count * OFFSETS : 0],
                tokens,
                blocks);
        int rows = Math.max(1, TASK / Math.max(1, blocks));
        workers.run(Math.ceilDiv(tokens, rows), task -> {
            int end = Math.min(tokens, (task + 1) * rows);
            float[] own = new float[BLOCK];
            for (int t = task * rows; t < end; t++) {
                for (int b = 0; b < blocks; b++) {
                    q.quantize(x, (long) t * inner * 4 + b * (4L * BLOCK), b * tokens + t, own);
                    if (!paired) {
                        q.spread(own, tile(b * tiles + t / GROUP, t % GROUP));
                    }
                }
            }
        });
        return q;
    }

    /// Where column `token` of a tile begins.
    private static int tile(int tile, int token) {
        return tile * TILE + token;
    }

    private void spread(float[] q, int to) {
        for (int k = 0; k < BLOCK; k++) {
            floats[to + k * GROUP] = q[k];
        }
    }

    /// @param q where the integers go
    private void quantize(MemorySegment x, long from, int index, float[] q) {
        boolean paired = pairs.length > 0;
        FloatVector most = FloatVector.zero(FLOATS);
        FloatVector spoiled = FloatVector.zero(FLOATS);
        for (int i = 0; i < BLOCK; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, from + i * 4L, ORDER);
            most = most.max(v.lanewise(VectorOperators.ABS));
            spoiled = v.mul(0f).add(spoiled);
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        boolean finite = !spoiled.compare(VectorOperators.NE, 0).anyTrue();
        float scale = finite ? largest / 127 : Float.NaN;
        // below that a quotient is too coarse
        float inverse = finite && largest >= 0x1p-110f ? 127 / largest : 0;
        for (int i = 0; i < BLOCK; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, x, from + i * 4L, ORDER);
            FloatVector rounded = v.mul(inverse).add(ROUND).sub(ROUND);
            (finite ? rounded : FloatVector.zero(FLOATS)).intoArray(q, i);
        }
        int first = 0;
        int second = 0;
        for (int i = 0; i < BLOCK / 4; i++) {
            int q0 = (int) q[4 * i];
            int q1 = (int) q[4 * i + 1];
            int q2 = (int) q[4 * i + 2];
            int q3 = (int) q[4 * i + 3];
            if (paired) {
                pairs[index * PAIRS + 2 * i] = q0 & 0xffff | q2 << 16;
                pairs[index * PAIRS + 2 * i + 1] = q1 & 0xffff | q3 << 16;
                int low = 0x8000 - 128 * (q0 + q1);
                offsets[index * OFFSETS + i] = low & 0xffff | -128 * (q2 + q3) << 16;
            }
            int sum = q0 + q1 + q2 + q3;
            if (i < BLOCK / 8) {
                first += sum;
            } else {
                second += sum;
            }
        }
        numbers[index * NUMBERS] = scale;
        numbers[index * NUMBERS + SUM] = scale * (first + second);
        numbers[index * NUMBERS + FIRST_SUM] = scale * first;
        numbers[index * NUMBERS + SECOND_SUM] = scale * second;
        sums[index] = first + second;
    }
}
