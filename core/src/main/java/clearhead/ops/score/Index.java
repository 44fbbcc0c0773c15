package clearhead.ops.score;

import java.util.List;

/// An integer that depends on where in the attention we are: which sequence, head, query and key.
public sealed interface Index {
    /// Number of the sequence in the pass.
    Index BATCH = new Axis(AxisName.BATCH);

    /// Query head.
    Index HEAD = new Axis(AxisName.HEAD);

    /// Position of the query in its sequence.
    Index QUERY = new Axis(AxisName.QUERY);

    /// Position of the key in its sequence.
    Index KEY = new Axis(AxisName.KEY);

    /// The four coordinates of a score.
    enum AxisName {
        BATCH,
        HEAD,
        QUERY,
        KEY
    }

    /// Integer operations. Division and remainder round towards −∞, as positions do.
    enum Operation {
        PLUS,
        MINUS,
        TIMES,
        OVER,
        MOD,
        MIN,
        MAX;

        /// The operation on numbers.
        public int apply(int a, int b) {
            return switch (this) {
                case PLUS -> a + b;
                case MINUS -> a - b;
                case TIMES -> a * b;
                case OVER -> Math.floorDiv(a, b);
                case MOD -> Math.floorMod(a, b);
                case MIN -> Math.min(a, b);
                case MAX -> Math.max(a, b);
            };
        }
    }

    /// One of the four coordinates.
    record Axis(AxisName name) implements Index {}

    /// The same everywhere.
    record Constant(int value) implements Index {}

    /// An operation on two indices.
    record Binary(Operation operation, Index a, Index b) implements Index {}

    /// An element of a captured I32 tensor.
    record Load(Table table, List<Index> at) implements Index {}

    /// The constant `value`.
    static Index of(int value) {
        return new Constant(value);
    }

    default Index plus(Index other) {
        return new Binary(Operation.PLUS, this, other);
    }

    default Index plus(int other) {
        return plus(of(other));
    }

    default Index minus(Index other) {
        return new Binary(Operation.MINUS, this, other);
    }

    default Index minus(int other) {
        return minus(of(other));
    }

    default Index times(Index other) {
        return new Binary(Operation.TIMES, this, other);
    }

    default Index times(int other) {
        return times(of(other));
    }

    /// ⌊this / divisor⌋.
    ///
    /// @param divisor not 0
    default Index over(int divisor) {
        return new Binary(Operation.OVER, this, nonZero(divisor));
    }

    /// this − divisor·⌊this / divisor⌋.
    ///
    /// @param divisor not 0
    default Index mod(int divisor) {
        return new Binary(Operation.MOD, this, nonZero(divisor));
    }

    private static Index nonZero(int divisor) {
        if (divisor == 0) {
            throw new IllegalArgumentException("an index is divided by 0");
        }
        return of(divisor);
    }

    default Index min(Index other) {
        return new Binary(Operation.MIN, this, other);
    }

    default Index min(int other) {
        return min(of(other));
    }

    default Index max(Index other) {
        return new Binary(Operation.MAX, this, other);
    }

    default Index max(int other) {
        return max(of(other));
    }

    /// |this|.
    default Index abs() {
        return max(of(0).minus(this));
    }

    default Condition atMost(Index other) {
        return new Condition.Compare(this, other);
    }

    default Condition atMost(int other) {
        return atMost(of(other));
    }

    default Condition lessThan(Index other) {
        return other.atMost(this).not();
    }

    default Condition lessThan(int other) {
        return lessThan(of(other));
    }

    default Condition equalTo(Index other) {
        return atMost(other).and(other.atMost(this));
    }

    default Condition equalTo(int other) {
        return equalTo(of(other));
    }

    /// As a number, for arithmetic with scores.
    default Value toValue() {
        return new Value.OfIndex(this);
    }
}
