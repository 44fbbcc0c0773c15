package clearhead.nn;

import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import java.util.HashMap;
import java.util.Optional;

/// Remembers keys and values, and states, of earlier passes, or does not.
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

    /// Number of the first state of an MLP; those of a mixer count from 0.
    int MLP = 8;

    /// What attention of a layer saw in this pass, for a layer above that looks at the same.
    ///
    /// @throws IllegalStateException if that layer did not run in this pass
    default KvView seen(int layer) {
        throw new IllegalStateException(
                "keys and values of layer " + layer + " are not there: begin the pass below it");
    }

    /// The same memory, which also knows what layers saw in one pass.
    static KeyValues remembering(KeyValues inner) {
        var views = new HashMap<Integer, KvView>();
        return new KeyValues() {
            @Override
            public KvView append(Ops ops, int layer, Tensor key, Tensor value, Sequences sequences) {
                KvView view = inner.append(ops, layer, key, value, sequences);
                views.put(layer, view);
                return view;
            }

            @Override
            public KvView seen(int layer) {
                KvView view = views.get(layer);
                return view == null ? inner.seen(layer) : view;
            }

            @Override
            public Optional<Tensor> state(Ops ops, int layer, int index) {
                return inner.state(ops, layer, index);
            }

            @Override
            public void keep(int layer, int index, Tensor state) {
                inner.keep(layer, index, state);
            }
        };
    }

    /// What a layer that carries a state of fixed size knows of the tokens before this pass.
    ///
    /// @param index number of the state in the layer's list, see [Mixer#states] and [#MLP]
    /// @return [sequences, …]; empty before the first token, where states are zeros
    default Optional<Tensor> state(Ops ops, int layer, int index) {
        return Optional.empty();
    }

    /// Keeps a layer's state after the last token of this pass.
    ///
    /// @param state [sequences, …]
    default void keep(int layer, int index, Tensor state) {}

    /// Keys and values of the text that a decoder reads, see [ReadText].
    ///
    /// @throws IllegalArgumentException if there is no such text
    default KvView read(int layer) {
        throw new IllegalArgumentException("this decoder reads a text that an encoder has read, and there is none"
                + " here; use translate or trace with an encoder-decoder");
    }
}
