package clearhead.app;

import clearhead.nn.Transformer;
import java.util.Optional;
import java.util.OptionalInt;

/// Layers and heads as users name them: from 0, refused with the range where they do not exist.
final class Ranges {
    private Ranges() {}

    static OptionalInt layer(Optional<Integer> layer, Transformer model) {
        if (layer.isEmpty()) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(within("--layer", layer.get(), model.layers(), "layers"));
    }

    static OptionalInt head(Optional<Integer> head, Optional<Integer> layer, Transformer model) {
        if (head.isEmpty()) {
            return OptionalInt.empty();
        }
        model.requireAttention();
        int heads = model.attention(layer.orElse(model.attentionLayers().getFirst()))
                .spec()
                .heads();
        return OptionalInt.of(within("--head", head.get(), heads, "heads"));
    }

    private static int within(String option, int given, int count, String what) {
        if (given < 0 || given >= count) {
            throw new UsageException(option + " " + given + " is out of range: the model has " + count + " " + what
                    + ", numbered 0 to " + (count - 1));
        }
        return given;
    }

    /// A position; negative ones count from the end.
    static OptionalInt position(String option, Optional<Integer> given, int tokens) {
        if (given.isEmpty()) {
            return OptionalInt.empty();
        }
        int at = given.get() < 0 ? tokens + given.get() : given.get();
        if (at < 0 || at >= tokens) {
            throw new UsageException(option + " " + given.get() + " is out of range: the text has " + tokens
                    + " tokens, numbered 0 to " + (tokens - 1));
        }
        return OptionalInt.of(at);
    }
}
