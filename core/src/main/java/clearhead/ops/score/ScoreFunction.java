package clearhead.ops.score;

/// A score function in any Java code, called for each score that is not masked, by several threads at
/// once. Slower than a [ScoreMod], which is compiled into the kernel. The way back differentiates it
/// by central differences in double precision.
@FunctionalInterface
public interface ScoreFunction {
    /// @param score q·k·scale, after the soft-cap if there is one
    /// @param batch number of the sequence in the pass
    /// @param head query head
    /// @param query position of the query in its sequence
    /// @param key position of the key in its sequence
    double score(double score, int batch, int head, int query, int key);
}
