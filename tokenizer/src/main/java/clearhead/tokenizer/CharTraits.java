package clearhead.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;

/// What normalizers and pre-tokenizers ask of a character. Hugging Face's library has tables of
/// several Unicode versions; these say what it does (tokenizers 0.23.3), so that ids are its ids on
/// every JDK.
final class CharTraits {

    /// Dropped by BertNormalizer's clean_text: controls, formats, private use, U+FFFD.
    static final int UNCLEAN = 1;
    /// Made a space by BertNormalizer's clean_text.
    static final int BLANK = 2;
    /// Dropped by StripAccents.
    static final int MARK = 4;
    /// Dropped by BertNormalizer's strip_accents.
    static final int NONSPACING = 8;

    static final int PUNCTUATION = 16;
    /// `\w`
    static final int WORD = 32;

    static final int NUMERIC = 64;
    static final int SPACE = 128;

    private static final byte[] TRAITS = load();

    /// Characters newer than the reference's normalisation tables, which it leaves alone: pairs of
    /// first and last.
    private static final int[] FROZEN = {
        0x7FD, 0x7FD, 0x897, 0x89F, 0x8CA, 0x8D3, 0x9FE, 0x9FE, 0xC3C, 0xC3C, 0xD3B, 0xD3C, 0xEBA, 0xEBA, 0x1715,
        0x1715, 0x1ABF, 0x1ACE, 0x1DF6, 0x1DFA, 0x32FF, 0x32FF, 0xA7F2, 0xA7F4, 0xA82C, 0xA82C, 0xAB69, 0xAB69, 0x105C9,
        0x105C9, 0x105D2, 0x105D2, 0x105DA, 0x105DA, 0x105E4, 0x105E4, 0x10781, 0x10785, 0x10787, 0x107B0, 0x107B2,
        0x107BA, 0x10D24, 0x10D27, 0x10D69, 0x10D6D, 0x10EAB, 0x10EAC, 0x10EFD, 0x10EFF, 0x10F46, 0x10F50, 0x10F82,
        0x10F85, 0x11070, 0x11070, 0x1133B, 0x1133B, 0x11382, 0x11385, 0x1138B, 0x1138B, 0x1138E, 0x1138E, 0x11390,
        0x11391, 0x113C2, 0x113C2, 0x113C5, 0x113C5, 0x113C7, 0x113C8, 0x113CE, 0x113D0, 0x1145E, 0x1145E, 0x11839,
        0x1183A, 0x11935, 0x11935, 0x11938, 0x11938, 0x1193D, 0x1193E, 0x11943, 0x11943, 0x119E0, 0x119E0, 0x11A34,
        0x11A34, 0x11A47, 0x11A47, 0x11A99, 0x11A99, 0x11D42, 0x11D42, 0x11D44, 0x11D45, 0x11D97, 0x11D97, 0x11F41,
        0x11F42, 0x1611E, 0x1611E, 0x16121, 0x16129, 0x1612F, 0x1612F, 0x16D63, 0x16D63, 0x16D67, 0x16D6A, 0x16FF0,
        0x16FF1, 0x1CCD6, 0x1CCF9, 0x1E030, 0x1E06D, 0x1E08F, 0x1E08F, 0x1E130, 0x1E136, 0x1E2AE, 0x1E2AE, 0x1E2EC,
        0x1E2EF, 0x1E4EC, 0x1E4EF, 0x1E5EE, 0x1E5EF, 0x1F16C, 0x1F16C, 0x1FBF0, 0x1FBF9
    };

    private CharTraits() {}

    static boolean is(int codePoint, int trait) {
        return (TRAITS[codePoint] & trait) != 0;
    }

    static boolean isFrozen(int codePoint) {
        if (codePoint < FROZEN[0]) {
            return false;
        }
        int place = Arrays.binarySearch(FROZEN, codePoint);
        return place >= 0 || (~place & 1) == 1;
    }

    /// Chinese characters as BERT counts them: each a word of its own.
    static boolean isChinese(int c) {
        return c >= 0x3400
                && (c <= 0x4DBF
                        || c >= 0x4E00 && c <= 0x9FFF
                        || c >= 0xF900 && c <= 0xFAFF
                        || c >= 0x20000 && c <= 0x2A6DF
                        || c >= 0x2A700 && c <= 0x2B81F
                        || c >= 0x2B920 && c <= 0x2CEAF
                        || c >= 0x2F800 && c <= 0x2FA1F);
    }

    /// Lower case, of Unicode 17 whatever the JDK's; İ, the only one that becomes two, is not here.
    static int lower(int c) {
        if (c >= 0x16EA0 && c <= 0x16EB8) {
            return c + 27;
        }
        return c == 0xA7CE || c == 0xA7D2 || c == 0xA7D4 ? c + 1 : Character.toLowerCase(c);
    }

    /// Runs over all code points, see [CharClass].
    private static byte[] load() {
        byte[] runs;
        try (InputStream in = CharTraits.class.getResourceAsStream("traits.bin")) {
            if (in == null) {
                throw new TokenizerException("traits.bin is missing beside CharTraits.class");
            }
            runs = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return CharClass.expand(runs);
    }
}
