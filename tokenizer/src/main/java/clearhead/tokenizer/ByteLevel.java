package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// GPT-2's way of writing bytes as visible characters: printable Latin-1 as itself, the other 68
/// bytes as U+0100 to U+0143. So a space is `Ġ` and a line break `Ċ`.
final class ByteLevel {

    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[0x144];

    static {
        Arrays.fill(BYTES, (short) -1);
        int hidden = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            CHARS[b] = (char) (visible ? b : hidden++);
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteLevel() {}

    static char character(int b) {
        return CHARS[b & 0xFF];
    }

    static String name(byte[] bytes) {
        var name = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            name.append(CHARS[b & 0xFF]);
        }
        return name.toString();
    }

    /// The bytes that a token's name stands for, or null if it has a character that stands for none.
    static byte @Nullable [] bytes(String name) {
        var bytes = new byte[name.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = name.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) {
                return null;
            }
            bytes[i] = (byte) BYTES[c];
        }
        return bytes;
    }

    /// The same, or the name's own UTF-8 where a character stands for no byte: what decoders do with
    /// tokens that were added as plain text.
    static byte[] bytesOrText(String name) {
        byte[] bytes = bytes(name);
        return bytes == null ? name.getBytes(StandardCharsets.UTF_8) : bytes;
    }
}
