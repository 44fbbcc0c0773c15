package clearhead.ops;

/// Where the queries of a sequence stand among its keys: the position of its first query; the others
/// follow.
public sealed interface Alignment {
    /// The last query stands at the last key: new tokens after a cache. FlashAttention from 2.1 on.
    record BottomRight() implements Alignment {}

    /// The first query stands at the first key. PyTorch's `is_causal`.
    record TopLeft() implements Alignment {}

    /// The first query stands at a given position, which may be negative: the queries before
    /// position 0 see nothing under a causal mask.
    ///
    /// @param first of each sequence, or one for all; not to be changed
    record Offset(int... first) implements Alignment {}

    Alignment BOTTOM_RIGHT = new BottomRight();
    Alignment TOP_LEFT = new TopLeft();

    /// Position of the first of `queries` queries before `context` keys.
    default int first(int sequence, int queries, int context) {
        return switch (this) {
            case BottomRight() -> context - queries;
            case TopLeft() -> 0;
            case Offset(int[] first) -> first[first.length == 1 ? 0 : sequence];
        };
    }
}
