package clearhead.tokenizer;

import java.util.List;

/// Byte offsets of a text as char indexes of the Java string, and the records that carry both.
final class Spans {

    private final byte[] utf8;
    /// For byte i, the index of the char its character starts at; one more entry for the end.
    private final int[] chars;

    Spans(byte[] utf8) {
        this.utf8 = utf8;
        chars = new int[utf8.length + 1];
        int index = 0;
        int width = 0;
        for (int at = 0; at < utf8.length; at++) {
            if (utf8[at] >= -64) {
                index += width;
                width = (utf8[at] & 0xF8) == 0xF0 ? 2 : 1;
            }
            chars[at] = index;
        }
        chars[utf8.length] = index + width;
    }

    int charStart(int at) {
        return chars[at];
    }

    /// The end of the character that holds the byte before `at`.
    int charEnd(int start, int at) {
        if (at <= start) {
            return chars[start];
        }
        int end = at;
        while (end < utf8.length && utf8[end] < -64) {
            end++;
        }
        return chars[end];
    }

    Explained.Token token(Tokenizer tokenizer, int id, byte[] bytes, int start, int end) {
        return new Explained.Token(
                id,
                tokenizer.tokenName(id),
                bytes,
                tokenizer.isSpecial(id),
                start,
                end,
                charStart(start),
                charEnd(start, end));
    }

    /// A piece that is one token without merges.
    Explained.Piece single(Tokenizer tokenizer, Explained.Kind kind, int id, int start, int end) {
        byte[] bytes = tokenizer.tokenBytes(id);
        return new Explained.Piece(
                kind,
                start,
                end,
                charStart(start),
                charEnd(start, end),
                bytes,
                List.of(),
                List.of(),
                false,
                List.of(token(tokenizer, id, bytes, start, end)));
    }
}
