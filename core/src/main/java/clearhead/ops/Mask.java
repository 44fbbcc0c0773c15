package clearhead.ops;

/// Which keys a query may see. Position of query i of a sequence with `queries` queries and a context
/// of `context` keys is `context − queries + i` (bottom-right alignment: the last query sees all).
public sealed interface Mask {
    /// Keys at positions up to the query's own.
    record Causal() implements Mask {}

    /// Every key of the query's own sequence.
    record Bidirectional() implements Mask {}

    Mask CAUSAL = new Causal();
    Mask BIDIRECTIONAL = new Bidirectional();

    /// Whether the query at `queryPosition` may see the key at `keyPosition`.
    default boolean sees(int queryPosition, int keyPosition) {
        return switch (this) {
            case Causal() -> keyPosition <= queryPosition;
            case Bidirectional() -> true;
        };
    }
}
