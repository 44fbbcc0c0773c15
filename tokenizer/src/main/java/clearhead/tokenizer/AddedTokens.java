package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Tokens that are found in the text by name, before any split rule. Special ones only where they
/// are asked for; the others always. Of several that begin at the leftmost place, the longest.
final class AddedTokens {

    static final AddedTokens NONE = new AddedTokens(List.of());

    /// @param text the name as it stands in texts
    /// @param special whether it is a control token
    /// @param stripLeft whether white space before it belongs to it
    /// @param stripRight whether white space after it belongs to it
    record Added(int id, String text, boolean special, boolean stripLeft, boolean stripRight) {
        byte[] bytes() {
            return text.getBytes(StandardCharsets.UTF_8);
        }
    }

    /// One place where a token stands, white space that belongs to it included.
    record Match(Added token, int start, int end) {}

    private final List<Added> tokens;
    private final List<List<Entry>> byLead = new ArrayList<>();
    private final boolean anyOrdinary;

    private record Entry(Added token, byte[] bytes) {}

    AddedTokens(List<Added> tokens) {
        this.tokens = List.copyOf(tokens);
        for (int lead = 0; lead < 256; lead++) {
            byLead.add(List.of());
        }
        tokens.stream()
                .filter(token -> !token.text.isEmpty())
                .map(token -> new Entry(token, token.bytes()))
                .sorted(Comparator.comparing(entry -> -entry.bytes.length))
                .forEach(this::index);
        anyOrdinary = tokens.stream().anyMatch(token -> !token.special);
    }

    private void index(Entry entry) {
        int lead = entry.bytes[0] & 0xFF;
        var longer = new ArrayList<>(byLead.get(lead));
        longer.add(entry);
        byLead.set(lead, longer);
    }

    List<Added> list() {
        return tokens;
    }

    /// The first token in `text[from, limit)`.
    ///
    /// @param special whether control tokens count
    @Nullable
    Match next(byte[] text, int from, int limit, boolean special) {
        if (!special && !anyOrdinary) {
            return null;
        }
        for (int at = from; at < limit; at++) {
            List<Entry> candidates = byLead.get(text[at] & 0xFF);
            for (int i = 0; i < candidates.size(); i++) {
                Entry entry = candidates.get(i);
                int end = at + entry.bytes.length;
                if ((special || !entry.token.special)
                        && end <= limit
                        && Arrays.equals(text, at, end, entry.bytes, 0, entry.bytes.length)) {
                    return widened(text, from, limit, entry.token, at, end);
                }
            }
        }
        return null;
    }

    private static Match widened(byte[] text, int from, int limit, Added token, int start, int end) {
        while (token.stripLeft && start > from) {
            int last = start - 1;
            while (last > from && text[last] < -64) {
                last--;
            }
            if ((CharClass.at(text, last) & CharClass.SPACE) == 0) {
                break;
            }
            start = last;
        }
        while (token.stripRight && end < limit) {
            int c = CharClass.at(text, end);
            if ((c & CharClass.SPACE) == 0) {
                break;
            }
            end += c >> 8;
        }
        return new Match(token, start, end);
    }
}
