package clearhead.ops.cpu.vector;

import clearhead.ops.Mask;

/// Which keys a query sees, for the kernels: the keys from 0 up to a number that does not fall from
/// query to query. Blocks of keys beyond it are skipped.
final class Visible {
    private Visible() {}

    /// How many keys, from position 0 on, query `query` of a sequence sees.
    static int keys(Mask mask, int queries, int context, int query) {
        return switch (mask) {
            case Mask.Causal() -> Math.clamp(context - queries + query + 1L, 0, context);
            case Mask.Bidirectional() -> context;
            default -> throw new UnsupportedOperationException(mask.toString());
        };
    }

    /// The first query that sees the key at `key`.
    static int firstQuery(Mask mask, int queries, int context, int key) {
        return switch (mask) {
            case Mask.Causal() -> Math.clamp((long) key - (context - queries), 0, queries);
            case Mask.Bidirectional() -> 0;
            default -> throw new UnsupportedOperationException(mask.toString());
        };
    }
}
