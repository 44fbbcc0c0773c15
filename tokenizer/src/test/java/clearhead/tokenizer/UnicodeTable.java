package clearhead.tokenizer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Writes `unicode16.bin` from the tables of a JDK that has Unicode 16 (24 or 25).
final class UnicodeTable {

    private UnicodeTable() {}

    public static void main(String[] args) throws IOException {
        Files.write(Path.of(args[0]), bytes());
    }

    static byte[] bytes() {
        var out = new ByteArrayOutputStream();
        int from = 0;
        for (int c = 1; c <= 0x110000; c++) {
            if (c < 0x110000 && flags(c) == flags(from)) {
                continue;
            }
            out.write(flags(from));
            int length = c - from;
            while (length > 0x7F) {
                out.write(length & 0x7F | 0x80);
                length >>>= 7;
            }
            out.write(length);
            from = c;
        }
        return out.toByteArray();
    }

    static int flags(int c) {
        boolean space = c >= 9 && c <= 13
                || c == 0x85
                || Character.getType(c) == Character.SPACE_SEPARATOR
                || c == 0x2028
                || c == 0x2029;
        if (space) {
            return c == '\n' || c == '\r' ? CharClass.SPACE | CharClass.NEWLINE : CharClass.SPACE;
        }
        return switch (Character.getType(c)) {
            case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> CharClass.LETTER | CharClass.UPPER;
            case Character.LOWERCASE_LETTER -> CharClass.LETTER | CharClass.LOWER;
            case Character.MODIFIER_LETTER, Character.OTHER_LETTER ->
                CharClass.LETTER | CharClass.UPPER | CharClass.LOWER;
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK ->
                CharClass.UPPER | CharClass.LOWER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> CharClass.NUMBER;
            case Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.CONNECTOR_PUNCTUATION,
                    Character.OTHER_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION -> CharClass.PUNCTUATION;
            default -> 0;
        };
    }
}
