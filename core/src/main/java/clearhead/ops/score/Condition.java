package clearhead.ops.score;

/// Something that is true or false of a score's place.
public sealed interface Condition {
    /// a ≤ b.
    record Compare(Index a, Index b) implements Condition {}

    /// a ≤ b of real numbers.
    record CompareValues(Value a, Value b) implements Condition {}

    record And(Condition a, Condition b) implements Condition {}

    record Not(Condition a) implements Condition {}

    default Condition and(Condition other) {
        return new And(this, other);
    }

    default Condition or(Condition other) {
        return not().and(other.not()).not();
    }

    default Condition not() {
        return this instanceof Not(var inner) ? inner : new Not(this);
    }

    /// `then` where this is true, `otherwise` elsewhere.
    default Value choose(Value then, Value otherwise) {
        return new Value.Choose(this, then, otherwise);
    }
}
