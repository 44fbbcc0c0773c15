package clearhead.ops;

/// What is constant about one attention layer.
///
/// @param heads query heads
/// @param kvHeads key and value heads; query head h reads kv head h / (heads / kvHeads)
/// @param headDim elements of a query or key
/// @param scale factor on q·k, usually 1/√headDim
/// @param mask which keys a query may see
public record AttentionSpec(int heads, int kvHeads, int headDim, double scale, Mask mask) {
    public AttentionSpec {
        if (heads <= 0 || kvHeads <= 0 || headDim <= 0 || heads % kvHeads != 0) {
            throw new IllegalArgumentException("heads must be a positive multiple of kvHeads, got heads " + heads
                    + ", kvHeads " + kvHeads + ", headDim " + headDim);
        }
    }

    /// Causal with scale 1/√headDim. Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    public static AttentionSpec causal(int heads, int kvHeads, int headDim) {
        return new AttentionSpec(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), Mask.CAUSAL);
    }

    /// The key and value head that query head `head` reads.
    public int kvHead(int head) {
        return head / (heads / kvHeads);
    }
}
