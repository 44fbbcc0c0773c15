package clearhead.inspect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Which tokens of two texts stand for each other. The longest common subsequence is the same on both
/// sides; between two of its tokens, as many tokens on one side as on the other stand for each other
/// one by one, and the rest stand for nothing.
///
/// @param spans in order; together they hold every token of both texts once
public record Alignment(List<Span> spans) {
    /// Cells of the table of common subsequences at most; longer middles are left unaligned.
    private static final long MOST = 16L << 20;

    /// How the two sides of a span are related.
    public enum Kind {
        /// The same token, or the same bytes in other tokens.
        SAME,
        /// Other tokens in the same place.
        REPLACED,
        ONLY_A,
        ONLY_B
    }

    /// Tokens that belong together. Ends are exclusive; a side that has none is empty.
    public record Span(Kind kind, int fromA, int toA, int fromB, int toB) {
        /// Whether both sides have tokens.
        public boolean aligned() {
            return switch (kind) {
                case SAME, REPLACED -> true;
                case ONLY_A, ONLY_B -> false;
            };
        }
    }

    /// Of two texts in one tokenizer's ids.
    public static Alignment ofIds(int[] a, int[] b) {
        int[] match = matches(a, b);
        var spans = new ArrayList<Span>();
        int i = 0;
        int j = 0;
        while (i < a.length || j < b.length) {
            int nextA = i;
            while (nextA < a.length && match[nextA] < 0) {
                nextA++;
            }
            int nextB = nextA < a.length ? match[nextA] : b.length;
            gap(spans, i, nextA, j, nextB);
            if (nextA < a.length) {
                spans.add(new Span(Kind.SAME, nextA, nextA + 1, nextB, nextB + 1));
            }
            i = nextA + 1;
            j = nextB + 1;
        }
        return new Alignment(List.copyOf(spans));
    }

    /// Of two texts in two tokenizers: where bytes are the same, tokens of one side belong to those of
    /// the other that share bytes with them.
    ///
    /// @param a the bytes of every token
    /// @param b the bytes of every token
    public static Alignment ofBytes(List<byte[]> a, List<byte[]> b) {
        int[] bytesA = join(a);
        int[] bytesB = join(b);
        int[] match = matches(bytesA, bytesB);
        var matchedA = new boolean[bytesA.length];
        var matchedB = new boolean[bytesB.length];
        for (int i = 0; i < match.length; i++) {
            if (match[i] >= 0) {
                matchedA[i] = true;
                matchedB[match[i]] = true;
            }
        }
        int[] countA = counts(a, matchedA); // matched bytes before each token, and in all
        int[] countB = counts(b, matchedB);
        var spans = new ArrayList<Span>();
        int i = 0;
        int j = 0;
        while (i < a.size() || j < b.size()) {
            int nextA = i;
            while (nextA < a.size() && countA[nextA + 1] == countA[nextA]) {
                nextA++;
            }
            int nextB = j;
            while (nextB < b.size() && countB[nextB + 1] == countB[nextB]) {
                nextB++;
            }
            gap(spans, i, nextA, j, nextB);
            i = nextA;
            j = nextB;
            if (i < a.size() && j < b.size()) {
                nextA++;
                nextB++;
                while (countA[nextA] != countB[nextB]) {
                    if (countA[nextA] < countB[nextB]) {
                        nextA++;
                    } else {
                        nextB++;
                    }
                }
                boolean same = Arrays.equals(join(a.subList(i, nextA)), join(b.subList(j, nextB)));
                spans.add(new Span(same ? Kind.SAME : Kind.REPLACED, i, nextA, j, nextB));
                i = nextA;
                j = nextB;
            }
        }
        return new Alignment(List.copyOf(spans));
    }

    private static int[] join(List<byte[]> tokens) {
        return tokens.stream()
                .flatMapToInt(t -> IntStream.range(0, t.length).map(i -> t[i]))
                .toArray();
    }

    private static int[] counts(List<byte[]> tokens, boolean[] matched) {
        var counts = new int[tokens.size() + 1];
        int at = 0;
        for (int t = 0; t < tokens.size(); t++) {
            counts[t + 1] = counts[t];
            for (int end = at + tokens.get(t).length; at < end; at++) {
                counts[t + 1] += matched[at] ? 1 : 0;
            }
        }
        return counts;
    }

    /// Tokens between two common ones.
    private static void gap(List<Span> spans, int fromA, int toA, int fromB, int toB) {
        if (toA - fromA == toB - fromB) {
            for (int n = 0; n < toA - fromA; n++) {
                spans.add(new Span(Kind.REPLACED, fromA + n, fromA + n + 1, fromB + n, fromB + n + 1));
            }
            return;
        }
        for (int i = fromA; i < toA; i++) {
            spans.add(new Span(Kind.ONLY_A, i, i + 1, fromB, fromB));
        }
        for (int j = fromB; j < toB; j++) {
            spans.add(new Span(Kind.ONLY_B, toA, toA, j, j + 1));
        }
    }

    /// The longest common subsequence.
    ///
    /// @return [a]: the index in b that each stands for, or −1
    private static int[] matches(int[] a, int[] b) {
        var match = new int[a.length];
        Arrays.fill(match, -1);
        int first = 0;
        while (first < a.length && first < b.length && a[first] == b[first]) {
            match[first] = first;
            first++;
        }
        int endA = a.length;
        int endB = b.length;
        while (endA > first && endB > first && a[endA - 1] == b[endB - 1]) {
            endA--;
            endB--;
            match[endA] = endB;
        }
        int rows = endA - first;
        int columns = endB - first;
        if ((rows + 1L) * (columns + 1L) > MOST) {
            return match;
        }
        var length = new int[rows + 1][columns + 1];
        for (int i = rows - 1; i >= 0; i--) {
            for (int j = columns - 1; j >= 0; j--) {
                length[i][j] = a[first + i] == b[first + j]
                        ? length[i + 1][j + 1] + 1
                        : Math.max(length[i + 1][j], length[i][j + 1]);
            }
        }
        int i = 0;
        int j = 0;
        while (i < rows && j < columns) {
            if (a[first + i] == b[first + j]) {
                match[first + i] = first + j;
                i++;
                j++;
            } else if (length[i + 1][j] >= length[i][j + 1]) {
                i++;
            } else {
                j++;
            }
        }
        return match;
    }
}
