package clearhead.app;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/// The name that somebody who mistyped it may have meant.
final class Nearest {
    private Nearest() {}

    /// `; did you mean tales? There are: tales, tiny`, or less where there is less to say.
    static String hint(String wanted, Collection<String> names) {
        if (names.isEmpty()) {
            return "";
        }
        return find(wanted, names)
                        .map(n -> "; did you mean " + n + "? There are: ")
                        .orElse("; there are: ")
                + String.join(", ", names);
    }

    /// The name at the smallest distance, if it is near enough to be meant.
    static Optional<String> find(String wanted, Collection<String> names) {
        return names.stream()
                .min(Comparator.comparingInt(name -> distance(wanted, name)))
                .filter(name -> distance(wanted, name) <= Math.max(2, wanted.length() / 2));
    }

    /// Levenshtein's distance, upper and lower case being the same.
    private static int distance(String one, String other) {
        String a = one.toLowerCase(Locale.ROOT);
        String b = other.toLowerCase(Locale.ROOT);
        var row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
