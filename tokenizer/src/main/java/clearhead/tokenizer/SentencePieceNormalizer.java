package clearhead.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// What SentencePiece does to a text before it is cut: replacements from a table, a first space,
/// spaces stripped and joined, and `▁` for a space.
///
/// The table is a trie in a double array (Aoe 1989; darts-clone's layout) whose values are offsets
/// into a block of texts that end with 0.
final class SentencePieceNormalizer {

    private final boolean firstSpace;
    private final boolean spaceLast;
    private final boolean stripSpaces;
    private final boolean escape;
    private final int[] trie;
    private final byte[] texts;

    /// @param firstSpace whether a text gets a space before it
    /// @param spaceLast whether that space comes after it instead
    /// @param stripSpaces whether spaces at both ends go, and of several in a row all but one
    /// @param escape whether a space is written as `▁`
    /// @param charsmap size of the trie in bytes, the trie, the texts; may be empty
    SentencePieceNormalizer(
            String file, boolean firstSpace, boolean spaceLast, boolean stripSpaces, boolean escape, byte[] charsmap) {
        this.firstSpace = firstSpace;
        this.spaceLast = spaceLast;
        this.stripSpaces = stripSpaces;
        this.escape = escape;
        if (charsmap.length == 0) {
            trie = new int[0];
            texts = new byte[0];
            return;
        }
        ByteBuffer in = ByteBuffer.wrap(charsmap).order(ByteOrder.LITTLE_ENDIAN);
        long size = charsmap.length < 4 ? -1 : in.getInt() & 0xFFFF_FFFFL;
        if (size <= 0 || size % 4 != 0 || size > charsmap.length - 4) {
            throw new TokenizerException(file
                    + ": precompiled_charsmap: wanted a trie of at most "
                    + (charsmap.length - 4)
                    + " bytes, found "
                    + size);
        }
        trie = new int[(int) size / 4];
        in.asIntBuffer().get(trie);
        texts = Arrays.copyOfRange(charsmap, 4 + (int) size, charsmap.length);
    }

    /// Whether decoding drops the first space.
    boolean dropsFirstSpace() {
        return firstSpace || stripSpaces;
    }

    boolean stripsSpaces() {
        return stripSpaces;
    }

    /// A normalised text, and for each of its bytes the place in the given text where it comes from.
    static final class Result {
        byte[] bytes;
        int length;
        int @Nullable [] origin;

        Result(int expected, boolean withOrigin) {
            bytes = new byte[expected + CharClass.PADDING];
            origin = withOrigin ? new int[bytes.length] : null;
        }

        private void add(byte[] from, int start, int end, int place) {
            int more = end - start;
            if (bytes.length - CharClass.PADDING - length < more + 1) {
                bytes = Arrays.copyOf(bytes, Math.max(length + more + 64, bytes.length * 3 / 2));
                if (origin != null) {
                    origin = Arrays.copyOf(origin, bytes.length);
                }
            }
            System.arraycopy(from, start, bytes, length, more);
            if (origin != null) {
                Arrays.fill(origin, length, length + more, place);
            }
            length += more;
        }
    }

    /// Normalises `text[from, end)`.
    ///
    /// @param named tokens that stay as they are
    /// @param withOrigin whether the places are wanted
    Result run(byte[] text, int from, int end, AddedTokens named, boolean withOrigin) {
        var out = new Result((end - from) * 5 / 4 + 16, withOrigin);
        var step = new Step();
        AddedTokens.Match next = named.next(text, from, end, false);
        int at = from;
        while (stripSpaces && at < end && (next == null || next.start() > at)) {
            step.read(text, at, end);
            if (!step.isSpace()) {
                break;
            }
            at += step.taken;
        }
        if (at == end) {
            out.length = 0;
            return finish(out, end);
        }
        byte[] space = escape ? SentencePieceSpec.SPACE_BYTES : new byte[] {' '};
        if (firstSpace && !spaceLast) {
            out.add(space, 0, space.length, at);
        }
        boolean afterSpace = stripSpaces;
        while (at < end) {
            if (next != null && next.start() < at) {
                next = named.next(text, at, end, false);
            }
            if (next != null && next.start() == at) {
                step.take(text, at, next.end());
            } else {
                step.read(text, at, end);
            }
            int start = step.start;
            while (afterSpace && start < step.stop && step.from[start] == ' ') {
                start++;
            }
            boolean ends = start < step.stop && step.from[step.stop - 1] == ' ';
            int copied = start;
            for (int i = start; i < step.stop; i++) {
                if (escape && step.from[i] == ' ') {
                    out.add(step.from, copied, i, at);
                    out.add(space, 0, space.length, at);
                    copied = i + 1;
                }
            }
            out.add(step.from, copied, step.stop, at);
            afterSpace = stripSpaces && (start < step.stop ? ends : afterSpace);
            at += step.taken;
        }
        int last = end;
        while (stripSpaces && endsWith(out, space)) {
            out.length -= space.length;
            last = out.origin == null ? end : out.origin[out.length];
        }
        if (firstSpace && spaceLast) {
            out.add(space, 0, space.length, last);
        }
        return finish(out, last);
    }

    private static Result finish(Result out, int last) {
        Arrays.fill(out.bytes, out.length, out.length + CharClass.PADDING, (byte) 0);
        if (out.origin != null) {
            out.origin[out.length] = last;
        }
        return out;
    }

    private static boolean endsWith(Result out, byte[] space) {
        int start = out.length - space.length;
        return start >= 0 && Arrays.equals(out.bytes, start, out.length, space, 0, space.length);
    }

    /// The replacement for the shortest beginning of `text` that has one, or null.
    @Nullable
    String shortest(byte[] text) {
        var step = new Step();
        for (int end = 1; trie.length > 0 && end <= text.length; end++) {
            if (step.replaced(text, 0, end)) {
                return new String(step.from, step.start, step.stop - step.start, StandardCharsets.UTF_8);
            }
        }
        return null;
    }

    private static final byte[] REPLACEMENT = {(byte) 0xEF, (byte) 0xBF, (byte) 0xBD};

    /// The longest replacement at one place, or one character as it is.
    private final class Step {
        byte[] from = texts;
        int start;
        int stop;
        int taken;

        boolean isSpace() {
            return stop - start == 1 && from[start] == ' ';
        }

        void take(byte[] text, int at, int end) {
            from = text;
            start = at;
            stop = end;
            taken = end - at;
        }

        void read(byte[] text, int at, int end) {
            if (trie.length > 0 && replaced(text, at, end)) {
                return;
            }
            int length = Utf8.length(text, at, end);
            if (length == 0) {
                from = REPLACEMENT;
                start = 0;
                stop = REPLACEMENT.length;
                taken = 1;
            } else {
                take(text, at, at + length);
            }
        }

        private boolean replaced(byte[] text, int at, int end) {
            int found = -1;
            int unit = trie[0];
            int node = offset(unit);
            for (int i = at; i < end; i++) {
                int b = text[i] & 0xFF;
                node ^= b;
                if (node < 0 || node >= trie.length) {
                    break;
                }
                unit = trie[node];
                if ((unit & 0x8000_00FF) != b) {
                    break;
                }
                node ^= offset(unit);
                if ((unit >>> 8 & 1) == 1 && node >= 0 && node < trie.length) {
                    found = trie[node] & 0x7FFF_FFFF;
                    taken = i + 1 - at;
                }
            }
            if (found < 0 || found >= texts.length) {
                return false;
            }
            from = texts;
            start = found;
            stop = found;
            while (stop < texts.length && texts[stop] != 0) {
                stop++;
            }
            return true;
        }
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 1 << 9) >>> 6);
    }
}
