package clearhead.view;

import clearhead.inspect.Change;
import java.util.OptionalInt;

/// Changes in the words of a sentence.
public final class ChangeWords {
    private final Prompt prompt;

    public ChangeWords(Prompt prompt) {
        this.prompt = prompt;
    }

    public String of(Change change) {
        return switch (change) {
            case Change.Swap(int position, int id) ->
                token(position) + " replaced by " + prompt.label(id).quoted();
            case Change.Block(int position) -> "no later token sees " + token(position);
            case Change.Cut cut ->
                token(cut.query()) + " does not see " + token(cut.key()) + " in " + heads(cut.layer(), cut.head())
                        + (cut.keep() ? ", other weights kept" : "");
            case Change.HeadScale(int layer, int head, double factor) ->
                heads(OptionalInt.of(layer), OptionalInt.of(head)) + (factor == 0 ? " off" : " times " + factor);
            case Change.HeadMean(int layer, int head) ->
                heads(OptionalInt.of(layer), OptionalInt.of(head)) + " at its mean";
            case Change.Patch patch ->
                patch.site().label() + " of layer " + patch.layer()
                        + (patch.head().isPresent() ? ", head " + patch.head().getAsInt() : "") + " at "
                        + token(patch.position()) + " taken from token " + patch.from() + " of the other text";
        };
    }

    private String token(int position) {
        return prompt.labels().get(position).quoted() + " (" + position + ")";
    }

    private static String heads(OptionalInt layer, OptionalInt head) {
        return (layer.isPresent() ? "layer " + layer.getAsInt() : "every layer") + ", "
                + (head.isPresent() ? "head " + head.getAsInt() : "every head");
    }
}
