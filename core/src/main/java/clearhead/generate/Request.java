package clearhead.generate;

import clearhead.model.Model;
import clearhead.sampling.Sampling;
import clearhead.tokenizer.Special;
import java.util.List;

/// What to continue, and until when.
///
/// @param prompt ids of at least one token
/// @param maxTokens most tokens to make
/// @param stops texts before which to stop
/// @param ignoreEnd whether to go on after an end-of-sequence token
public record Request(int[] prompt, Sampling sampling, int maxTokens, List<String> stops, boolean ignoreEnd) {

    private static final int DEFAULT_TOKENS = 128;

    public Request {
        stops = List.copyOf(stops);
        if (maxTokens < 0) {
            throw new IllegalArgumentException("most tokens to make: wanted 0 or more, got " + maxTokens);
        }
    }

    /// Greedy, 128 tokens, until the model ends.
    public static Request of(int... prompt) {
        return new Request(prompt, Sampling.GREEDY, DEFAULT_TOKENS, List.of(), false);
    }

    /// The same for a text, in the vocabulary of the model; special tokens in it are text. Without a
    /// text, from the beginning-of-sequence token.
    ///
    /// @throws IllegalArgumentException if the text is empty and the model has no such token
    public static Request of(Model model, String prompt) {
        if (!prompt.isEmpty()) {
            return of(model.tokenizer().encode(prompt, Special.ADD));
        }
        return of(model.bos()
                .orElseThrow(() -> new IllegalArgumentException("the prompt is empty, and model " + model.name()
                        + " has no beginning-of-sequence token to"
                        + " start from; give some text")));
    }

    public Request with(Sampling other) {
        return new Request(prompt, other, maxTokens, stops, ignoreEnd);
    }

    public Request maxTokens(int most) {
        return new Request(prompt, sampling, most, stops, ignoreEnd);
    }

    public Request stopAt(List<String> texts) {
        return new Request(prompt, sampling, maxTokens, texts, ignoreEnd);
    }

    public Request ignoringEnd() {
        return new Request(prompt, sampling, maxTokens, stops, true);
    }
}
