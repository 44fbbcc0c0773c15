package clearhead.model.families;

import clearhead.model.Config;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// Which layers see a window and which all that came before.
///
/// @param kinds of each layer, in the words of `layer_types`
/// @param window tokens that a sliding layer sees, itself included
record LayerKinds(List<String> kinds, int window) {
    static final String SLIDING = "sliding_attention";
    static final String FULL = "full_attention";

    LayerKinds {
        kinds = List.copyOf(kinds);
    }

    /// `layer_types`, or where it is missing a rule; no window without `sliding_window`.
    ///
    /// @param slides whether a layer does, from 0
    static LayerKinds of(Config c, int layers, IntPredicate slides) {
        int window = Math.max(0, c.json().integer("sliding_window", 0));
        if (c.json().has("layer_types")) {
            List<String> named = c.json().array("layer_types").texts();
            if (named.size() != layers) {
                throw c.json().wrong("layer_types", "wanted " + layers + " kinds, found " + named.size());
            }
            return new LayerKinds(named, window);
        }
        return new LayerKinds(
                IntStream.range(0, layers)
                        .mapToObj(i -> window > 0 && slides.test(i) ? SLIDING : FULL)
                        .toList(),
                window);
    }

    /// The same where the last layer has no window, whatever is said of it.
    LayerKinds endingFull() {
        var other = new ArrayList<>(kinds);
        other.set(other.size() - 1, FULL);
        return new LayerKinds(other, window);
    }

    boolean slides(int layer) {
        return window > 0 && kinds.get(layer).equals(SLIDING);
    }

    /// The attention of a layer.
    AttentionSpec of(AttentionSpec spec, int layer) {
        return slides(layer) ? spec.withMask(new Mask.Window(window - 1, 0)) : spec;
    }
}
