package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A part of a text on its way through a pipeline: code points, and for each of them the bytes of the
/// given text that it came from. Immutable; parts share their arrays.
final class Chars {

    private final int[] points;
    private final int[] starts;
    private final int[] ends;
    private final int from;
    private final int size;

    private Chars(int[] points, int[] starts, int[] ends, int from, int size) {
        this.points = points;
        this.starts = starts;
        this.ends = ends;
        this.from = from;
        this.size = size;
    }

    /// A text in UTF-8. Bytes that are not UTF-8 become U+FFFD.
    static Chars of(byte[] utf8) {
        var out = new Builder(utf8.length);
        int at = 0;
        while (at < utf8.length) {
            int length = Utf8.length(utf8, at, utf8.length);
            if (length == 0) {
                int end = at + 1;
                while (end < utf8.length && utf8[end] < -64 && Utf8.incompleteTail(utf8, end + 1) == end + 1 - at) {
                    end++;
                }
                out.add(0xFFFD, at, end);
                at = end;
                continue;
            }
            out.add(new String(utf8, at, length, StandardCharsets.UTF_8).codePointAt(0), at, at + length);
            at += length;
        }
        return out.build();
    }

    /// A text of which nobody asks where it came from.
    static Chars of(String text) {
        return of(Utf8.bytes(text));
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int at(int i) {
        return points[from + i];
    }

    /// Where the character's bytes begin in the given text.
    int start(int i) {
        return starts[from + i];
    }

    int end(int i) {
        return ends[from + i];
    }

    Chars part(int start, int end) {
        return new Chars(points, starts, ends, from + start, end - start);
    }

    String text() {
        return new String(points, from, size);
    }

    String text(int start, int end) {
        return new String(points, from + start, end - start);
    }

    boolean has(int[] word, int at) {
        return at + word.length <= size
                && Arrays.equals(points, from + at, from + at + word.length, word, 0, word.length);
    }

    /// For each char of `text()` the character it belongs to, and one more entry for the end.
    int[] indexes() {
        var indexes = new int[text().length() + 1];
        int to = 0;
        for (int i = 0; i < size; i++) {
            for (int j = Character.charCount(at(i)); j > 0; j--) {
                indexes[to++] = i;
            }
        }
        indexes[to] = size;
        return indexes;
    }

    @Override
    public String toString() {
        return text();
    }

    /// Collects characters.
    static final class Builder {
        private int[] points;
        private int[] starts;
        private int[] ends;
        private int size;

        Builder(int expected) {
            points = new int[expected + 8];
            starts = new int[expected + 8];
            ends = new int[expected + 8];
        }

        int size() {
            return size;
        }

        void add(int point, int start, int end) {
            if (size == points.length) {
                int wanted = Math.addExact(size, size / 2 + 8);
                points = Arrays.copyOf(points, wanted);
                starts = Arrays.copyOf(starts, wanted);
                ends = Arrays.copyOf(ends, wanted);
            }
            points[size] = point;
            starts[size] = start;
            ends[size++] = end;
        }

        void add(Chars from, int i) {
            add(from.at(i), from.start(i), from.end(i));
        }

        void add(Chars from, int start, int end) {
            for (int i = start; i < end; i++) {
                add(from, i);
            }
        }

        /// Characters that together stand for the same bytes of the given text.
        void add(String text, int start, int end) {
            text.codePoints().forEach(c -> add(c, start, end));
        }

        Chars build() {
            return new Chars(points, starts, ends, 0, size);
        }
    }
}
