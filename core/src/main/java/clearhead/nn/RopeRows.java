package clearhead.nn;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;

/// Cosines and sines of one pass, with a row for every token, where the tables of a model do not have
/// them ready.
final class RopeRows {
    private final ForwardPass pass;
    private final Positions.Rope rope;
    private final Tensor cos; // [tokens, pairs]
    private final Tensor sin; // [tokens, pairs]

    /// @param rope gives type, pairs and pairing, and what [#copy] copies
    RopeRows(ForwardPass pass, Positions.Rope rope) {
        this.pass = pass;
        this.rope = rope;
        cos = pass.ops().workspace().take(rope.cos().type(), pass.tokens(), rope.pairs());
        sin = pass.ops().workspace().take(rope.cos().type(), pass.tokens(), rope.pairs());
    }

    /// One row of both tables.
    ///
    /// @param cos [rows, pairs]
    /// @param sin [rows, pairs]
    /// @param frequencies [pairs], radians a position
    static void put(Tensor cos, Tensor sin, int row, int position, double[] frequencies, double magnitude) {
        int pairs = frequencies.length;
        for (int j = 0; j < pairs; j++) {
            double angle = position * frequencies[j];
            cos.set((long) row * pairs + j, magnitude * Math.cos(angle));
            sin.set((long) row * pairs + j, magnitude * Math.sin(angle));
        }
    }

    void put(int row, int position, double[] frequencies, double magnitude) {
        put(cos, sin, row, position, frequencies, magnitude);
    }

    /// What the model's tables have for one pair at a position.
    void copy(int row, int pair, int position) {
        int positions = rope.cos().dim(0);
        if (position < 0 || position >= positions) {
            throw new IllegalArgumentException("rope: positions must be from 0 to " + (positions - 1)
                    + " (positions of the table is " + positions + "), found " + position);
        }
        long to = (long) row * rope.pairs() + pair;
        long from = (long) position * rope.pairs() + pair;
        cos.set(to, rope.cos().at(from));
        sin.set(to, rope.sin().at(from));
    }

    /// @param x [tokens, heads, headDim]
    /// @return [tokens, heads, headDim]
    Tensor rotate(Tensor x) {
        Tensor order = pass.ops().workspace().take(DType.I32, pass.tokens());
        for (int row = 0; row < pass.tokens(); row++) {
            order.set(row, row);
        }
        return pass.ops().rope(x, cos, sin, order, rope.pairing());
    }
}
