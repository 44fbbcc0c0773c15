package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;

/// Remembers keys and values of earlier passes, or does not.
@FunctionalInterface
public interface KeyValues {
    /// No memory: attention sees the keys and values of this pass alone.
    KeyValues NONE = (ops, layer, key, value, sequences) -> new KvView.Packed(key, value, sequences);

    /// Adds one layer's keys and values of this pass.
    ///
    /// @param key [tokens, kvHeads, headDim], rotated
    /// @param value [tokens, kvHeads, headDim]
    /// @return all that attention of this layer may see, this pass included
    KvView append(Ops ops, int layer, Tensor key, Tensor value, Sequences sequences);
}
