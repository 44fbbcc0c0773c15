package clearhead.nn;

import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;

/// Looks at a forward pass, or changes it. Layers ask [#wants] before they make anything for it; with
/// [#NONE] a tap costs one comparison. Reading changes no bit of the run.
public interface Probe {
    /// What a probe does at a site.
    enum Interest {
        NONE,
        /// Looks; [Probe#see] returns its argument.
        READ,
        /// May return another tensor of the same shape. At SCORES and PATTERN the layer then takes the
        /// plain path, which stores the whole [heads, queries, context].
        REPLACE
    }

    /// Wants nothing.
    Probe NONE = (site, layer) -> Interest.NONE;

    /// @param layer number of the block, from 0; −1 at sites outside the blocks
    Interest wants(Site site, int layer);

    /// The value at a site. The tensor is valid during the call only: copy what is to be kept.
    ///
    /// @return the value to go on with
    default Tensor see(Site site, int layer, Tensor value) {
        return value;
    }

    /// Called instead of [#see] when PATTERN or SCORES is wanted with READ: everything from which any
    /// row can be rebuilt. Valid during the call only, except that a paged `past` lives as long as its
    /// cache.
    default void attended(int layer, Attention attention) {}

    /// The same of attention over a text that an encoder has read, where CROSS_PATTERN is wanted. Keys are
    /// that text's.
    default void crossAttended(int layer, Attention attention) {}

    /// One layer's fused attention, as it ran.
    ///
    /// @param query [tokens, heads, headDim], rotated
    record Attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec, Attended result) {}
}
