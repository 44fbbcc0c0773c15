package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;

/// UTF-8 byte by byte, as Unicode 16 table 3-7 defines it.
public final class Utf8 {

    private Utf8() {}

    /// The offset of the first byte that is not part of a well-formed character, or −1.
    public static int firstInvalid(byte[] bytes) {
        int at = 0;
        while (at < bytes.length) {
            if (bytes[at] >= 0) {
                at++;
                continue;
            }
            int length = length(bytes, at, bytes.length);
            if (length == 0) {
                return at;
            }
            at += length;
        }
        return -1;
    }

    /// The length of the well-formed character at `at`, or 0 if there is none before `end`.
    static int length(byte[] bytes, int at, int end) {
        int lead = bytes[at];
        if (lead >= 0) {
            return 1;
        }
        int wanted = wanted(lead & 0xFF);
        return wanted != 0 && end - at >= wanted && prefix(bytes, at, at + wanted) == wanted ? wanted : 0;
    }

    /// How many bytes at the end of `bytes[0, end)` are the start of a character that more bytes
    /// could complete: 0 to 3.
    static int incompleteTail(byte[] bytes, int end) {
        for (int tail = 1; tail <= 3 && tail <= end; tail++) {
            int lead = bytes[end - tail];
            if (lead >= -64) {
                int wanted = wanted(lead & 0xFF);
                return tail < wanted && prefix(bytes, end - tail, end) == tail ? tail : 0;
            }
        }
        return 0;
    }

    /// The length that a lead byte announces, 0 for a byte that leads nothing.
    private static int wanted(int lead) {
        if (lead < 0xC2 || lead > 0xF4) {
            return 0;
        }
        return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    }

    /// How many bytes from `at` on, up to `end`, may begin the character that `bytes[at]` leads.
    private static int prefix(byte[] bytes, int at, int end) {
        int lead = bytes[at] & 0xFF;
        for (int i = at + 1; i < end; i++) {
            int next = bytes[i] & 0xFF;
            int low = 0x80;
            int high = 0xBF;
            if (i == at + 1) {
                low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
                high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
            }
            if (next < low || next > high) {
                return i - at;
            }
        }
        return end - at;
    }

    /// The text of `bytes[from, end)`. Each longest run of bytes that begins a character but does not
    /// complete it, and each other byte that fits nowhere, becomes one U+FFFD: what Unicode recommends
    /// (section 3.9) and Python and Rust do. The JDK's decoder differs in rare cases.
    static String text(byte[] bytes, int from, int end) {
        return text(bytes, from, end, false);
    }

    /// @param everyByte whether each byte of a broken character becomes a U+FFFD of its own, as
    ///     SentencePiece has it
    static String text(byte[] bytes, int from, int end, boolean everyByte) {
        int at = from;
        while (at < end) {
            int length = length(bytes, at, end);
            if (length == 0) {
                return lossy(bytes, from, end, everyByte);
            }
            at += length;
        }
        return new String(bytes, from, end - from, StandardCharsets.UTF_8);
    }

    private static String lossy(byte[] bytes, int from, int end, boolean everyByte) {
        var text = new StringBuilder();
        int valid = from;
        int at = from;
        while (at < end) {
            int length = length(bytes, at, end);
            if (length > 0) {
                at += length;
                continue;
            }
            text.append(new String(bytes, valid, at - valid, StandardCharsets.UTF_8))
                    .append('\uFFFD');
            int wanted = wanted(bytes[at] & 0xFF);
            at += wanted == 0 || everyByte ? 1 : prefix(bytes, at, Math.min(end, at + wanted));
            valid = at;
        }
        return text.append(new String(bytes, valid, end - valid, StandardCharsets.UTF_8))
                .toString();
    }

    /// A text's bytes; an unpaired surrogate becomes U+FFFD.
    static byte[] bytes(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean paired = Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (!paired) {
                    return repaired(text).getBytes(StandardCharsets.UTF_8);
                }
                i++;
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String repaired(String text) {
        var out = new StringBuilder(text.length());
        text.codePoints().map(c -> c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c).forEach(out::appendCodePoint);
        return out.toString();
    }
}
