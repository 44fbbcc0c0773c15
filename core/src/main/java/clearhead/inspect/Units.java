package clearhead.inspect;

import java.text.BreakIterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/// Tokens gathered into words or sentences. Units are stretches of whole tokens; a token that holds
/// parts of two words belongs to the one in which it begins.
///
/// @param of the unit of every token, from 0, never falling
/// @param starts first token of every unit, and the number of tokens
public record Units(int[] of, int[] starts) {
    /// Every token by itself.
    public static Units tokens(int tokens) {
        return gather(IntStream.range(0, tokens).toArray());
    }

    /// Words as Unicode bounds them (UAX 29, by [BreakIterator]); white space belongs to the word after
    /// it, a token without text is a word of its own.
    ///
    /// @param bytes what every token stands for, in UTF-8; a character may lie in several tokens
    public static Units words(List<byte[]> bytes) {
        return gather(bytes, BreakIterator.getWordInstance(Locale.ROOT), false);
    }

    /// Sentences as Unicode bounds them; a line break ends one, too.
    public static Units sentences(List<byte[]> bytes) {
        return gather(bytes, BreakIterator.getSentenceInstance(Locale.ROOT), true);
    }

    public int count() {
        return starts.length - 1;
    }

    private static Units gather(List<byte[]> bytes, BreakIterator breaks, boolean lines) {
        var text = new StringBuilder();
        int[] first = places(bytes, text);
        int[] unitAt = units(text.toString(), breaks, lines);
        var of = new int[bytes.size()];
        int unit = -1;
        int last = -1;
        boolean alone = false;
        for (int t = 0; t < of.length; t++) {
            int at = first[t];
            // A token begins where its first letter is; white space alone is part of the word that follows.
            int end = text.length();
            for (int next = t + 1; next < of.length; next++) {
                if (first[next] >= 0) {
                    end = first[next];
                    break;
                }
            }
            while (at >= 0 && at + 1 < end && Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            int own = at < 0 ? -1 : unitAt[at];
            if (t == 0 || own < 0 || alone || own > last) {
                unit++;
            }
            alone = own < 0;
            last = Math.max(last, own);
            of[t] = unit;
        }
        return gather(of);
    }

    private static Units gather(int[] of) {
        int count = of.length == 0 ? 0 : of[of.length - 1] + 1;
        var starts = new int[count + 1];
        starts[count] = of.length;
        for (int t = of.length - 1; t >= 0; t--) {
            starts[of[t]] = t;
        }
        return new Units(of, starts);
    }

    /// Decodes all bytes, each that is no character as one replacement.
    ///
    /// @return index of the character in which each token begins; −1 for a token without bytes
    private static int[] places(List<byte[]> bytes, StringBuilder text) {
        int total = bytes.stream().mapToInt(b -> b.length).sum();
        var all = new byte[total];
        var first = new int[bytes.size()];
        int end = 0;
        for (int t = 0; t < first.length; t++) {
            byte[] b = bytes.get(t);
            first[t] = b.length == 0 ? -1 : end;
            System.arraycopy(b, 0, all, end, b.length);
            end += b.length;
        }
        var charAt = new int[total];
        for (int at = 0; at < total; ) {
            int length = length(all, at);
            for (int n = 0; n < Math.max(1, length); n++) {
                charAt[at + n] = text.length();
            }
            if (length == 0) {
                text.append('\uFFFD');
                at++;
            } else {
                text.append(new String(all, at, length, java.nio.charset.StandardCharsets.UTF_8));
                at += length;
            }
        }
        for (int t = 0; t < first.length; t++) {
            first[t] = first[t] < 0 ? -1 : charAt[first[t]];
        }
        return first;
    }

    /// Bytes of the character at `at`; 0 where there is none.
    private static int length(byte[] all, int at) {
        int lead = all[at] & 0xff;
        int length = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
        if (lead >= 0xf5 || at + length > all.length) {
            return 0;
        }
        for (int n = 1; n < length; n++) {
            if ((all[at + n] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }

    /// @return the unit of every character
    private static int[] units(String text, BreakIterator breaks, boolean lines) {
        var of = new int[text.length()];
        breaks.setText(text);
        int unit = -1;
        boolean open = false;
        int start = breaks.first();
        for (int end = breaks.next(); end != BreakIterator.DONE; start = end, end = breaks.next()) {
            if (!open) {
                unit++;
            }
            for (int i = start; i < end; i++) {
                if (lines && i > start && text.charAt(i - 1) == '\n') {
                    unit++;
                }
                of[i] = unit;
            }
            // White space waits for what it belongs to.
            open = !lines && text.substring(start, end).isBlank();
        }
        return of;
    }
}
