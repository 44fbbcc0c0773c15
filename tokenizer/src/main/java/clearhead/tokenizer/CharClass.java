package clearhead.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;

/// What the split rules ask of a character, for all of Unicode 16: the version that tiktoken's and
/// Hugging Face's regex engines have. The table is our own because the JDK's follows the JDK: the
/// same text must give the same ids on 17 and on 25.
///
/// Characters are read from UTF-8 in place. The buffer must have [#PADDING] more bytes after the
/// text, none of them a continuation byte.
final class CharClass {

    /// `\p{L}`
    static final int LETTER = 1;
    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    static final int UPPER = 2;
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    static final int LOWER = 4;
    /// `\p{N}`
    static final int NUMBER = 8;
    /// `\s`, i.e. White_Space
    static final int SPACE = 16;
    /// `[\r\n]`, which is also SPACE
    static final int NEWLINE = 32;
    /// `\p{P}`
    static final int PUNCTUATION = 64;

    /// Not `[^\s\p{L}\p{N}]`
    static final int WORDLIKE = LETTER | NUMBER | SPACE;

    static final int PADDING = 16;

    private static final byte[] CLASSES = load();

    /// For a lead byte: its class, or −1 if it is not ASCII.
    private static final byte[] ASCII = new byte[256];

    static {
        Arrays.fill(ASCII, (byte) -1);
        System.arraycopy(CLASSES, 0, ASCII, 0, 128);
    }

    private CharClass() {}

    /// The class of a code point.
    static int of(int codePoint) {
        return CLASSES[codePoint];
    }

    /// The class of the character at `at` and its length in bytes: `length << 8 | class`. A byte
    /// that begins no character is one of length 1 and class 0.
    static int at(byte[] text, int at) {
        int ascii = ASCII[text[at] & 0xFF];
        return ascii >= 0 ? 1 << 8 | ascii : wide(text, at);
    }

    /// The class of an ASCII byte, −1 for other bytes.
    static int ascii(byte b) {
        return ASCII[b & 0xFF];
    }

    static int wide(byte[] text, int at) {
        int lead = text[at] & 0xFF;
        int second = text[at + 1];
        if (second >= -64) {
            return 1 << 8;
        }
        if (lead < 0xE0) {
            return lead >= 0xC2 ? 2 << 8 | CLASSES[(lead & 0x1F) << 6 | second & 0x3F] : 1 << 8;
        }
        int third = text[at + 2];
        if (third >= -64) {
            return 1 << 8;
        }
        if (lead < 0xF0) {
            int c = (lead & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F;
            return c >= 0x800 && (c & 0xF800) != 0xD800 ? 3 << 8 | CLASSES[c] : 1 << 8;
        }
        int fourth = text[at + 3];
        int c = (lead & 7) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F;
        return fourth < -64 && lead < 0xF5 && c >= 0x10000 && c <= 0x10FFFF ? 4 << 8 | CLASSES[c] : 1 << 8;
    }

    /// The resource is a sequence of runs over all code points: class byte, then length in seven-bit
    /// groups, lowest first.
    private static byte[] load() {
        byte[] runs;
        try (InputStream in = CharClass.class.getResourceAsStream("unicode16.bin")) {
            if (in == null) {
                throw new TokenizerException("unicode16.bin is missing beside CharClass.class");
            }
            runs = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return expand(runs);
    }

    static byte[] expand(byte[] runs) {
        byte[] classes = new byte[0x110000];
        int at = 0;
        int from = 0;
        while (at < runs.length) {
            byte flags = runs[at++];
            int length = 0;
            int shift = 0;
            do {
                length |= (runs[at] & 0x7F) << shift;
                shift += 7;
            } while (runs[at++] < 0);
            if (flags != 0) {
                Arrays.fill(classes, from, from + length, flags);
            }
            from += length;
        }
        return classes;
    }
}
