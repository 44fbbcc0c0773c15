package clearhead.tokenizer;

/// The split rule of DeepSeek LLM: six expressions, each applied inside the pieces that the ones before
/// left, whether matched or not.
/// With A letters of scripts with case, B all ASCII but digits and more
/// punctuation, C most of the rest below U+D7FF:
/// `[\r\n]`, `\s?A+`, `\s?B+`, `\s+$`, `C+`, `\p{N}+`; what no expression matches is a piece too.
final class DeepSeekSplit {

    private static final int OTHER = 0;
    private static final int WIDE = 1;
    private static final int NUMBER = 2;
    private static final int LETTER = 4;
    private static final int MARK = 5;
    private static final int NEWLINE = 6;

    /// First and last of every range of A.
    private static final int[] LETTERS = {
        'A', 'Z', 'a', 'z', 0xB5, 0xB5, 0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x1BA, 0x1BC, 0x1BF, 0x1C4, 0x293, 0x295, 0x2AF,
        0x370, 0x373, 0x376, 0x377, 0x37B, 0x37D, 0x37F, 0x37F, 0x386, 0x386, 0x388, 0x38A, 0x38C, 0x38C, 0x38E, 0x3A1,
        0x3A3, 0x3F5, 0x3F7, 0x481, 0x48A, 0x52F, 0x531, 0x556, 0x10A0, 0x10C5, 0x13A0, 0x13F5, 0x13F8, 0x13FD, 0x1C90,
        0x1CBA, 0x1CBD, 0x1CBF, 0x1D00, 0x1D2B, 0x1D6B, 0x1D77, 0x1D79, 0x1D9A, 0x1E00, 0x1F15, 0x1F18, 0x1F1D, 0x1F20,
        0x1F45, 0x1F48, 0x1F4D, 0x1F50, 0x1F57, 0x1F59, 0x1F59, 0x1F5B, 0x1F5B, 0x1F5D, 0x1F5D, 0x1F5F, 0x1F7D, 0x1F80,
        0x1FB4, 0x1FB6, 0x1FBC, 0x1FBE, 0x1FBE, 0x1FC2, 0x1FC4, 0x1FC6, 0x1FCC, 0x1FD0, 0x1FD3, 0x1FD6, 0x1FDB, 0x1FE0,
        0x1FEC, 0x1FF2, 0x1FF4, 0x1FF6, 0x1FFC, 0x2102, 0x2102, 0x2107, 0x2107, 0x210A, 0x2113, 0x2115, 0x2115, 0x2119,
        0x211D, 0x2124, 0x2124, 0x2126, 0x2126, 0x2128, 0x2128, 0x212A, 0x212D, 0x212F, 0x2134, 0x2139, 0x2139, 0x213C,
        0x213F, 0x2145, 0x2149, 0x214E, 0x214E, 0x2183, 0x2184, 0x2C00, 0x2C7B, 0x2C7E, 0x2CE4, 0x2CEB, 0x2CEE, 0x2CF2,
        0x2CF3, 0xA640, 0xA66D, 0xA680, 0xA69B, 0xA722, 0xA76F, 0xA771, 0xA787, 0xA78B, 0xA78E, 0xAB70, 0xABBF, 0xFB00,
        0xFB06, 0xFB13, 0xFB17, 0xFF21, 0xFF3A, 0xFF41, 0xFF5A, 0x10400, 0x1044F, 0x104B0, 0x104D3, 0x104D8, 0x104FB,
        0x10C80, 0x10CB2, 0x10CC0, 0x10CF2, 0x118A0, 0x118DF, 0x1E900, 0x1E943
    };

    private DeepSeekSplit() {}

    /// See [SplitRule#end].
    static int end(byte[] text, int from, int limit) {
        int end = firstFour(text, from, limit);
        // B, which has the ASCII letters too, and the last two go on inside the pieces of those before.
        int at = next(text, from);
        int late = late(text, from);
        boolean mark = isB(codePoint(text, from));
        if (at < end && isSpace(text, from) && !mark) {
            mark = isB(codePoint(text, at));
        }
        while (at < end && late(text, at) == late && isB(codePoint(text, at)) == mark) {
            at = next(text, at);
        }
        return at;
    }

    /// The end of the piece after the first four expressions.
    private static int firstFour(byte[] text, int from, int limit) {
        int kind = kind(text, from);
        int next = next(text, from);
        if (kind == NEWLINE) {
            return next;
        }
        boolean space = isSpace(text, from);
        if (space && next < limit && kind(text, next) == LETTER) {
            return letters(text, next, limit);
        }
        if (space && next < limit && isMark(text, next, limit)) {
            return marks(text, from, next, limit);
        }
        if (kind == LETTER) {
            return letters(text, from, limit);
        }
        if (kind == MARK) {
            return marks(text, from, from, limit);
        }
        int end = from;
        while (end < limit && kind(text, end) == kind) {
            end = next(text, end);
        }
        // Spaces at the end of what the letters, marks and line breaks leave are a piece, but for the
        // last one before letters or marks, which is theirs.
        int spacesEnd = end;
        while (spacesEnd < limit && isSpace(text, spacesEnd) && isGap(kind(text, spacesEnd))) {
            spacesEnd = next(text, spacesEnd);
        }
        if (spacesEnd < limit && isGap(kind(text, spacesEnd))) {
            return end;
        }
        boolean lent = spacesEnd < limit
                && (kind(text, spacesEnd) == LETTER || isMark(text, spacesEnd, limit))
                && isSpace(text, previous(text, spacesEnd));
        int left = lent ? previous(text, spacesEnd) : spacesEnd;
        int spacesStart = spacesStart(text, from, Math.min(end, left));
        return spacesStart > from ? spacesStart : left;
    }

    private static int letters(byte[] text, int at, int limit) {
        while (at < limit && kind(text, at) == LETTER) {
            at = next(text, at);
        }
        return at;
    }

    /// A space before a letter belongs to the letter, U+3000 too, which is both.
    private static boolean isMark(byte[] text, int at, int limit) {
        if (kind(text, at) != MARK) {
            return false;
        }
        int next = next(text, at);
        return !(isSpace(text, at) && next < limit && kind(text, next) == LETTER);
    }

    /// The end of `B+` from `at` on, without spaces at its end.
    private static int marks(byte[] text, int from, int at, int limit) {
        int end = at;
        while (end < limit && isMark(text, end, limit)) {
            end = next(text, end);
        }
        int spaces = spacesStart(text, from, end);
        return spaces > from ? spaces : end;
    }

    private static int spacesStart(byte[] text, int from, int end) {
        int start = end;
        while (start > from && isSpace(text, previous(text, start))) {
            start = previous(text, start);
        }
        return start;
    }

    private static boolean isGap(int kind) {
        return kind < LETTER;
    }

    private static int next(byte[] text, int at) {
        return at + (CharClass.at(text, at) >> 8);
    }

    private static int previous(byte[] text, int at) {
        for (int length = 2; length <= 4 && length <= at; length++) {
            if (Utf8.length(text, at - length, at) == length) {
                return at - length;
            }
        }
        return at - 1;
    }

    private static boolean isSpace(byte[] text, int at) {
        return (CharClass.at(text, at) & CharClass.SPACE) != 0;
    }

    private static int codePoint(byte[] text, int at) {
        int c = text[at];
        int length = CharClass.at(text, at) >> 8;
        if (c >= 0 || length == 1) {
            return c;
        }
        c &= 0x7F >> length;
        for (int i = 1; i < length; i++) {
            c = c << 6 | text[at + i] & 0x3F;
        }
        return c;
    }

    /// Which of the first expressions a character belongs to, else as `late`.
    private static int kind(byte[] text, int at) {
        int c = codePoint(text, at);
        if (c == '\n' || c == '\r') {
            return NEWLINE;
        }
        if (isLetter(c)) {
            return LETTER;
        }
        return isB(c) ? MARK : late(text, at);
    }

    private static boolean isB(int c) {
        return c >= '!' && c <= '/'
                || c >= ':' && c <= '~'
                || c >= 0xFF01 && c <= 0xFF0F
                || c >= 0xFF1A && c <= 0xFF5E
                || c >= 0x2018 && c <= 0x201F
                || c >= 0x3000 && c <= 0x3002;
    }

    /// Which of the last two expressions a character belongs to: none, either or both.
    private static int late(byte[] text, int at) {
        int c = codePoint(text, at);
        boolean wide = c >= 0x800 && c <= 0x9FA5 || c >= 0xAC00 && c <= 0xD7FF;
        boolean number = (CharClass.at(text, at) & CharClass.NUMBER) != 0;
        return (wide ? WIDE : OTHER) | (number ? NUMBER : OTHER);
    }

    private static boolean isLetter(int c) {
        int low = 0;
        int high = LETTERS.length / 2 - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            if (c < LETTERS[2 * middle]) {
                high = middle - 1;
            } else if (c > LETTERS[2 * middle + 1]) {
                low = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }

    /// A as a regular expression, for tests.
    static String letters() {
        var pattern = new StringBuilder("[");
        for (int i = 0; i < LETTERS.length; i += 2) {
            pattern.append(String.format("\\x{%X}-\\x{%X}", LETTERS[i], LETTERS[i + 1]));
        }
        return pattern.append(']').toString();
    }
}
