package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.INTS;
import static clearhead.ops.cpu.vector.TileArrays.SIDE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Scores of a block become weights exp(score·scale − lse), and the gradients by the weights become
/// those by the products q·k, both in place.
final class WeightGradients {
    /// Bit i of lane i.
    private static final IntVector BITS = (IntVector) IntVector.broadcast(INTS, 1)
            .lanewise(VectorOperators.LSHL, IntVector.zero(INTS).addIndex(1));

    private WeightGradients() {}

    /// Rows that see the whole block.
    static void whole(float[] weights, float[] dScores, int from, int to, float[] lse, float[] deltas, float scale) {
        var f = FloatVector.broadcast(FLOATS, scale * BlockSoftmax.LOG2_E);
        var g = FloatVector.broadcast(FLOATS, scale);
        for (int row = from; row < to; row++) {
            var minus = FloatVector.broadcast(FLOATS, minus(lse[row]));
            var delta = FloatVector.broadcast(FLOATS, -deltas[row] * scale);
            for (int at = row * SIDE; at < (row + 1) * SIDE; at += COUNT) {
                var p = BlockSoftmax.exp2(
                        FloatVector.fromArray(FLOATS, weights, at).fma(f, minus));
                p.intoArray(weights, at);
                p.mul(FloatVector.fromArray(FLOATS, dScores, at).fma(g, delta)).intoArray(dScores, at);
            }
        }
    }

    /// Rows that see some of the block: both become 0 where they do not.
    static void part(
            float[] weights,
            float[] dScores,
            int from,
            int to,
            long[] words,
            float[] lse,
            float[] deltas,
            float scale) {
        var f = FloatVector.broadcast(FLOATS, scale * BlockSoftmax.LOG2_E);
        var g = FloatVector.broadcast(FLOATS, scale);
        var zero = FloatVector.zero(FLOATS);
        for (int row = from; row < to; row++) {
            var minus = FloatVector.broadcast(FLOATS, minus(lse[row]));
            var delta = FloatVector.broadcast(FLOATS, -deltas[row] * scale);
            for (int key = 0; key < SIDE; key += COUNT) {
                int at = row * SIDE + key;
                var seen = IntVector.broadcast(INTS, (int) (words[row] >>> key))
                        .and(BITS)
                        .compare(VectorOperators.NE, 0)
                        .cast(FLOATS);
                var p = BlockSoftmax.exp2(
                        FloatVector.fromArray(FLOATS, weights, at).fma(f, minus));
                zero.blend(p, seen).intoArray(weights, at);
                var d = p.mul(FloatVector.fromArray(FLOATS, dScores, at).fma(g, delta));
                zero.blend(d, seen).intoArray(dScores, at);
            }
        }
    }

    /// A row that sees nothing has no weights, even where a score is −∞ as well.
    static float minus(float lse) {
        return lse == Float.NEGATIVE_INFINITY ? lse : -lse * BlockSoftmax.LOG2_E;
    }
}
