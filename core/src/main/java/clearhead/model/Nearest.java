package clearhead.model;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/// The names most like one that nobody knows.
final class Nearest {
    private static final int LONGEST = 64;

    private Nearest() {}

    /// The three nearest, best first.
    static List<String> of(String name, Collection<String> known) {
        return known.stream()
                .sorted(Comparator.comparingInt((String other) -> distance(other, name))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(3)
                .toList();
    }

    /// Levenshtein's distance of two short names.
    private static int distance(String a, String b) {
        int columns = Math.min(b.length(), LONGEST);
        var row = new int[columns + 1];
        for (int j = 0; j <= columns; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= columns; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[columns];
    }
}
