package clearhead.view;

import clearhead.inspect.Alignment;
import clearhead.model.Model;
import java.util.Arrays;
import java.util.OptionalInt;

/// Two texts beside each other.
public final class Sides {
    private Sides() {}

    /// Tokens after which the next one is predicted.
    public record Rows(int a, int b) {}

    /// Aligns by ids where the two models name tokens alike, else by bytes.
    public static Alignment align(Model modelA, Prompt a, Model modelB, Prompt b) {
        return modelA == modelB || alike(a, b) && alike(b, a)
                ? Alignment.ofIds(a.ids(), b.ids())
                : Alignment.ofBytes(
                        a.labels().stream().map(Prompt.Label::bytes).toList(),
                        b.labels().stream().map(Prompt.Label::bytes).toList());
    }

    /// Whether every token of `a` stands for the same bytes in the vocabulary of `b`.
    private static boolean alike(Prompt a, Prompt b) {
        return a.labels().stream()
                .allMatch(l -> Arrays.equals(l.bytes(), b.label(l.id()).bytes()));
    }

    /// The rows whose predictions are compared: the token of A and its counterpart, or the last of each.
    ///
    /// @param query of A, if said
    public static Rows rows(Alignment alignment, OptionalInt query, int tokensA, int tokensB) {
        if (query.isEmpty()) {
            return new Rows(tokensA - 1, tokensB - 1);
        }
        int at = query.getAsInt();
        return alignment.spans().stream()
                .filter(s -> s.aligned() && s.fromA() <= at && at < s.toA())
                .map(s -> new Rows(s.toA() - 1, s.toB() - 1))
                .findFirst()
                .orElseThrow(() -> new RefusedInput("token " + at + " of A has no counterpart in B, so that there is"
                        + " no prediction to compare it with; choose another query, or none for the last of each"));
    }
}
