package clearhead.ops;

/// Where each sequence of a packed batch starts. Sequence s has the rows `starts[s]` (inclusive) to
/// `starts[s + 1]` (exclusive); `starts[0]` is 0. There is no padding.
///
/// @param starts [sequences + 1], not decreasing; not to be changed
public record Sequences(int... starts) {
    public Sequences {
        if (starts.length < 1 || starts[0] != 0) {
            throw new IllegalArgumentException("sequence starts must begin with 0");
        }
        for (int s = 1; s < starts.length; s++) {
            if (starts[s] < starts[s - 1]) {
                throw new IllegalArgumentException(
                        "sequence starts must not decrease: " + starts[s] + " after " + starts[s - 1]);
            }
        }
    }

    /// One sequence of this many tokens.
    public static Sequences one(int tokens) {
        return new Sequences(0, tokens);
    }

    /// `count` sequences of `tokens` tokens each.
    public static Sequences equal(int count, int tokens) {
        var starts = new int[count + 1];
        for (int s = 0; s <= count; s++) {
            starts[s] = Math.multiplyExact(s, tokens);
        }
        return new Sequences(starts);
    }

    /// Number of sequences.
    public int count() {
        return starts.length - 1;
    }

    public int start(int sequence) {
        return starts[sequence];
    }

    public int length(int sequence) {
        return starts[sequence + 1] - starts[sequence];
    }

    /// Rows of all sequences together.
    public int tokens() {
        return starts[starts.length - 1];
    }
}
