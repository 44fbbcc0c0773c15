package clearhead.view;

import clearhead.tokenizer.Utf8;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/// Bytes and text as a terminal can show them: nothing that moves the cursor or hides.
public final class Printable {
    private static final HexFormat HEX = HexFormat.of().withUpperCase().withDelimiter(" ");

    private Printable() {}

    /// UTF-8 as text; control characters and bytes that are no character are escaped: `\n`, `\x1B`,
    /// `\xE2`.
    public static String text(byte[] bytes) {
        var out = new StringBuilder();
        int at = 0;
        while (at < bytes.length) {
            int bad = Utf8.firstInvalid(Arrays.copyOfRange(bytes, at, bytes.length));
            int end = bad < 0 ? bytes.length : at + bad;
            new String(bytes, at, end - at, StandardCharsets.UTF_8).codePoints().forEach(c -> append(c, out));
            if (bad >= 0) {
                out.append("\\x").append(HexFormat.of().withUpperCase().toHexDigits(bytes[end]));
                end++;
            }
            at = end;
        }
        return out.toString();
    }

    public static String text(String text) {
        var out = new StringBuilder();
        text.codePoints().forEach(c -> append(c, out));
        return out.toString();
    }

    private static void append(int c, StringBuilder out) {
        switch (c) {
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
                int type = Character.getType(c);
                if (c < 0x80 && Character.isISOControl(c)) {
                    out.append(String.format("\\x%02X", c));
                } else if (type == Character.CONTROL
                        || type == Character.FORMAT
                        || type == Character.LINE_SEPARATOR
                        || type == Character.PARAGRAPH_SEPARATOR
                        || type == Character.SURROGATE
                        || type == Character.UNASSIGNED
                        || (type == Character.SPACE_SEPARATOR && c != ' ')) {
                    out.append(String.format("\\u{%X}", c));
                } else {
                    out.appendCodePoint(c);
                }
            }
        }
    }

    /// `20 73 74`.
    public static String hex(byte[] bytes) {
        return HEX.formatHex(bytes);
    }

    /// `00100000 01110011`.
    public static String bits(byte[] bytes) {
        var out = new StringBuilder();
        for (byte b : bytes) {
            if (!out.isEmpty()) {
                out.append(' ');
            }
            out.append(Integer.toBinaryString((b & 0xFF) | 0x100), 1, 9);
        }
        return out.toString();
    }

    /// Columns a text takes in a terminal.
    public static int width(String text) {
        return text.codePoints().map(Printable::width).sum();
    }

    private static int width(int c) {
        int type = Character.getType(c);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
            return 0;
        }
        boolean wide = c >= 0x1100
                && (c <= 0x115F
                        || (c >= 0x2E80 && c <= 0xA4CF && c != 0x303F)
                        || (c >= 0xAC00 && c <= 0xD7A3)
                        || (c >= 0xF900 && c <= 0xFAFF)
                        || (c >= 0xFE30 && c <= 0xFE6F)
                        || (c >= 0xFF00 && c <= 0xFF60)
                        || (c >= 0xFFE0 && c <= 0xFFE6)
                        || (c >= 0x1F300 && c <= 0x1F64F)
                        || (c >= 0x1F680 && c <= 0x1F6FF)
                        || (c >= 0x1F900 && c <= 0x1FAFF)
                        || (c >= 0x20000 && c <= 0x3FFFD));
        return wide ? 2 : 1;
    }

    /// `text` in exactly `columns` columns, cut with `…` or filled with spaces.
    public static String fit(String text, int columns) {
        int width = width(text);
        if (width <= columns) {
            return text + " ".repeat(columns - width);
        }
        var out = new StringBuilder();
        int used = 0;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            int w = width(c);
            if (used + w > columns - 1) {
                break;
            }
            out.appendCodePoint(c);
            used += w;
            i += Character.charCount(c);
        }
        return out.append('…').append(" ".repeat(columns - 1 - used)).toString();
    }
}
