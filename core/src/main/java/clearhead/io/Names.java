package clearhead.io;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/// Says which name was probably meant.
final class Names {
    private static final int LONGEST = 200;

    private Names() {}

    /// The error for a tensor that is not there.
    static ModelFileException absent(Path file, String name, Collection<String> present) {
        String hint =
                nearest(name, present).map(n -> "; nearest is \"" + n + "\"").orElse("");
        return new ModelFileException(file, "there is no tensor \"" + name + "\" among its " + present.size() + hint);
    }

    /// The name that takes the fewest edits, if these are at most half of it.
    static Optional<String> nearest(String name, Collection<String> present) {
        if (name.length() > LONGEST) {
            return Optional.empty();
        }
        return present.stream()
                .filter(other -> other.length() <= LONGEST)
                .limit(10_000)
                .filter(other -> 2 * edits(name, other) <= Math.max(2, name.length()))
                .min(Comparator.comparingInt(other -> edits(name, other)));
    }

    /// Insertions, deletions and replacements from one to the other. Levenshtein 1966.
    private static int edits(String a, String b) {
        var row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
