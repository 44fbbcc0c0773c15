package clearhead.ops.score;

/// Whether a query may see a key: any Java code without side effects.
@FunctionalInterface
public interface MaskMod {
    /// @param batch number of the sequence in the pass
    /// @param head query head
    /// @param query position of the query in its sequence
    /// @param key position of the key in its sequence
    boolean sees(int batch, int head, int query, int key);
}
