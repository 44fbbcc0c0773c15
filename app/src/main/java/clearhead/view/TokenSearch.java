package clearhead.view;

import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// Finds a token of a vocabulary by what somebody types: its text, its name, or `#` and its id.
public final class TokenSearch {
    private final Prompt prompt;
    private final int vocab;

    /// @param vocab size of the model's vocabulary
    public TokenSearch(Prompt prompt, int vocab) {
        this.prompt = prompt;
        this.vocab = vocab;
    }

    /// All tokens meant: for a text the token that is exactly it, and the one with a space in front.
    ///
    /// @return at least one id
    /// @throws RefusedInput if no token is meant
    public List<Integer> all(String typed) {
        if (typed.matches("#[0-9]+") || (prompt.vocabulary().isEmpty() && typed.matches("[0-9]+"))) {
            return List.of(id(typed.replace("#", "")));
        }
        if (prompt.vocabulary().isEmpty()) {
            throw new RefusedInput("\"" + typed + "\": the model has no vocabulary; name tokens by id, such as #5");
        }
        if (typed.isEmpty()) {
            throw new RefusedInput("an empty text is no token; give a text, or # and an id, such as #5");
        }
        Tokenizer tokenizer = prompt.vocabulary().get();
        Optional<Integer> exact = token(tokenizer, typed);
        Optional<Integer> spaced = token(tokenizer, " " + typed);
        var found = new ArrayList<Integer>();
        exact.ifPresent(found::add);
        spaced.ifPresent(found::add);
        if (found.isEmpty()) {
            throw none(tokenizer, typed);
        }
        return found;
    }

    /// Of the tokens meant, the one with the largest logit.
    ///
    /// @param logits [vocab]
    public int likeliest(String typed, double[] logits) {
        return all(typed).stream()
                .max(Comparator.comparingDouble(id -> logits[id]))
                .orElseThrow();
    }

    private int id(String digits) {
        int id = digits.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(digits);
        if (id >= vocab) {
            throw new RefusedInput("there is no token #" + digits + ": ids are 0 to " + (vocab - 1));
        }
        return id;
    }

    private Optional<Integer> token(Tokenizer tokenizer, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
        Optional<Integer> named = Optional.empty();
        for (int id = 0; id < Math.min(vocab, tokenizer.size()); id++) {
            if (!tokenizer.isSpecial(id) && Arrays.equals(tokenizer.tokenBytes(id), wanted)) {
                return Optional.of(id);
            }
            if (named.isEmpty()
                    && tokenizer.isSpecial(id)
                    && tokenizer.tokenName(id).equals(text)) {
                named = Optional.of(id);
            }
        }
        return named;
    }

    private RefusedInput none(Tokenizer tokenizer, String typed) {
        int[] ids = tokenizer.encode(typed, Special.TEXT);
        String pieces = Arrays.stream(ids)
                .limit(8)
                .mapToObj(id -> prompt.label(id).quoted() + " #" + id)
                .reduce((a, b) -> a + ", " + b)
                .orElse("none");
        return new RefusedInput("\"" + Printable.text(typed) + "\" is no single token: it is " + ids.length + " ("
                + pieces + (ids.length > 8 ? ", …" : "") + "); give one of them");
    }
}
