package clearhead.generate;

import java.util.List;

/// Lets text through until one of the stop strings appears in it, wherever the pieces are cut. What
/// may become a stop string is held back.
final class StopText {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    StopText(List<String> stops) {
        this.stops = List.copyOf(stops);
        for (String stop : stops) {
            if (stop.isEmpty()) {
                throw new IllegalArgumentException("a stop string must not be empty");
            }
        }
    }

    /// @return what is certainly before every stop string
    String accept(String piece) {
        if (stopped) {
            return "";
        }
        held.append(piece);
        int first = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            first = at >= 0 && (first < 0 || at < first) ? at : first;
        }
        if (first >= 0) {
            stopped = true;
            held.setLength(first);
            return take(first);
        }
        return take(held.length() - longestBeginning());
    }

    boolean stopped() {
        return stopped;
    }

    /// @return what was held back, when nothing more comes
    String finish() {
        return stopped ? "" : take(held.length());
    }

    /// Chars at the end that a stop string begins with.
    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            int most = Math.min(stop.length() - 1, held.length());
            for (int n = most; n > longest; n--) {
                if (stop.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }

    private String take(int count) {
        String text = held.substring(0, count);
        held.delete(0, count);
        return text;
    }
}
