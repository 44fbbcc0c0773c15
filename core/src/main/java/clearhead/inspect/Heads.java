package clearhead.inspect;

import clearhead.nn.Transformer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Which heads a picture is of. In text: `2.1` is layer 2, head 1; `2.1,2.3` the mean of two heads;
/// `2.*` the mean over a layer; `*.*` over all heads; `rollout:5` the rollout through layer 5.
public sealed interface Heads {
    /// One head.
    record Head(int layer, int head) {
        @Override
        public String toString() {
            return layer + "." + head;
        }
    }

    /// The mean of some heads; of one, it is itself.
    ///
    /// @param text as it was given
    record Mean(String text, List<Head> heads) implements Heads {
        public Mean {
            heads = List.copyOf(heads);
        }
    }

    /// Attention rollout: the product of the layers' mean patterns, each mixed half and half with the
    /// residual. Abnar and Zuidema 2020, arXiv:2005.00928, section 3.
    ///
    /// @param layer the last layer of the product
    record Rollout(int layer) implements Heads {}

    /// One head.
    static Heads of(int layer, int head) {
        return new Mean(layer + "." + head, List.of(new Head(layer, head)));
    }

    /// Reads the notation above.
    ///
    /// @throws IllegalArgumentException that says what was wanted
    static Heads parse(String text, Transformer model) {
        model.requireAttention();
        if (text.startsWith("rollout:")) {
            return new Rollout(index(text, text.substring("rollout:".length()), model.layers(), "layer"));
        }
        var heads = new ArrayList<Head>();
        for (String part : text.split(",", -1)) {
            String[] words = part.split("\\.", -1);
            if (words.length != 2) {
                throw new IllegalArgumentException("heads \"" + text
                        + "\": wanted layer.head such as 2.1, several with commas, 2.* for a layer, *.* for all, or"
                        + " rollout:5");
            }
            int[] layers = words[0].equals("*")
                    ? model.attentionLayers().stream()
                            .mapToInt(Integer::intValue)
                            .toArray()
                    : new int[] {index(text, words[0], model.layers(), "layer")};
            for (int layer : layers) {
                int count = model.attention(layer).spec().heads();
                if (words[1].equals("*")) {
                    IntStream.range(0, count).forEach(head -> heads.add(new Head(layer, head)));
                } else {
                    heads.add(new Head(layer, index(text, words[1], count, "head")));
                }
            }
        }
        if (heads.stream().distinct().count() != heads.size()) {
            throw new IllegalArgumentException("heads \"" + text + "\": one of them is named twice");
        }
        return new Mean(text, heads);
    }

    private static int index(String text, String number, int count, String what) {
        if (number.matches("[0-9]{1,6}") && Integer.parseInt(number) < count) {
            return Integer.parseInt(number);
        }
        throw new IllegalArgumentException(
                "heads \"" + text + "\": " + what + " \"" + number + "\" is none of 0 to " + (count - 1));
    }

    /// In words: `layer 2, head 1`.
    default String words() {
        return switch (this) {
            case Mean(String _, List<Head> heads)
            when heads.size() == 1 ->
                "layer " + heads.getFirst().layer() + ", head "
                        + heads.getFirst().head();
            case Mean(String text, List<Head> heads)
            when text.equals("*.*") -> "the mean of all " + heads.size() + " heads";
            case Mean(String text, List<Head> heads)
            when text.endsWith(".*") && !text.contains(",") ->
                "the mean of the " + heads.size() + " heads of layer "
                        + heads.getFirst().layer();
            case Mean(String _, List<Head> heads) ->
                "the mean of the heads " + heads.stream().map(Head::toString).collect(Collectors.joining(", "));
            case Rollout(int layer) -> "the rollout through layer " + layer;
        };
    }
}
