package clearhead.ops.score;

/// A score function over symbols: what becomes of `score` = q·k·scale of one query and key before the
/// softmax. It is called once, when the attention is described, not for each score; so a Java `if`
/// cannot ask for a position, but [Condition#choose] can.
@FunctionalInterface
public interface ScoreMod {
    /// @param batch number of the sequence in the pass
    /// @param head query head
    /// @param query position of the query in its sequence
    /// @param key position of the key in its sequence
    Value score(Value score, Index batch, Index head, Index query, Index key);
}
