package clearhead.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Added tokens of a pipeline with all flags: found in the text by name, of several that begin at the
/// leftmost place the longest. Some are looked for before the text is normalised, some after.
final class NamedTokens {

    /// @param singleWord whether a letter, digit or underscore next to it makes it plain text
    /// @param stripLeft whether white space before it belongs to it
    /// @param normalized whether it is looked for after the normalisation
    record Named(
            int id,
            String text,
            boolean singleWord,
            boolean stripLeft,
            boolean stripRight,
            boolean normalized,
            boolean special) {}

    /// A stretch of text, or a token in it where `token` is there.
    record Stretch(Chars text, @Nullable Named token) {}

    private record Entry(Named token, int[] points) {}

    private final Map<Integer, List<Entry>> byLead = new HashMap<>();

    NamedTokens(List<Named> tokens, TextNormalizer normalizer) {
        var entries = new ArrayList<Entry>();
        for (Named token : tokens) {
            Chars text = Chars.of(token.text);
            int[] points = (token.normalized ? normalizer.apply(text) : text)
                    .text()
                    .codePoints()
                    .toArray();
            if (points.length > 0) {
                entries.add(new Entry(token, points));
            }
        }
        entries.sort(Comparator.comparing(entry -> -entry.points.length));
        for (Entry entry : entries) {
            byLead.computeIfAbsent(entry.points[0], lead -> new ArrayList<>()).add(entry);
        }
    }

    /// Cuts a text at the tokens in it; no stretch is empty.
    ///
    /// @param special whether control tokens count
    List<Stretch> cut(Chars text, boolean special) {
        var stretches = new ArrayList<Stretch>();
        int done = 0;
        for (int at = 0; at < text.size(); ) {
            Entry entry = entryAt(text, at);
            if (entry == null) {
                at++;
                continue;
            }
            int start = at;
            int end = at + entry.points.length;
            at = end;
            Named token = entry.token;
            boolean word = token.singleWord
                    && (start > 0 && CharTraits.is(text.at(start - 1), CharTraits.WORD)
                            || end < text.size() && CharTraits.is(text.at(end), CharTraits.WORD));
            if (word || token.special && !special) {
                continue;
            }
            while (token.stripLeft && start > done && CharTraits.is(text.at(start - 1), CharTraits.SPACE)) {
                start--;
            }
            while (token.stripRight && end < text.size() && CharTraits.is(text.at(end), CharTraits.SPACE)) {
                end++;
            }
            start = Math.max(start, done);
            if (start > done) {
                stretches.add(new Stretch(text.part(done, start), null));
            }
            stretches.add(new Stretch(text.part(start, end), token));
            done = end;
            at = Math.max(at, end);
        }
        if (done < text.size()) {
            stretches.add(new Stretch(text.part(done, text.size()), null));
        }
        return stretches;
    }

    private @Nullable Entry entryAt(Chars text, int at) {
        for (Entry entry : byLead.getOrDefault(text.at(at), List.of())) {
            if (text.has(entry.points, at)) {
                return entry;
            }
        }
        return null;
    }
}
