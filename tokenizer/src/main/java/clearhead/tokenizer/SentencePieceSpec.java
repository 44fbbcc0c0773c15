package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/// What a SentencePiece vocabulary consists of, wherever it was read from. Kudo & Richardson 2018,
/// arXiv:1808.06226.
///
/// @param name what to call it
/// @param unigram whether the best path by score is wanted; otherwise merges
/// @param pieces as the file writes them, `▁` for a space
/// @param scores one a piece; the higher, the earlier a merge
/// @param types one a piece, numbered as in SentencePiece and GGUF, see [GgufVocabulary]
/// @param normalizer what happens to a text before
/// @param byFragment whether text after each special token is a text of its own, with a first space,
///     as llama.cpp has it
/// @param unknownText what an unknown token looks like when it is decoded
record SentencePieceSpec(
        String name,
        boolean unigram,
        String[] pieces,
        float[] scores,
        int[] types,
        SentencePieceNormalizer normalizer,
        boolean byFragment,
        String unknownText,
        BpeTokenizer.Ends ends) {

    /// SentencePiece's sign for a space, U+2581.
    static final String SPACE = "▁";

    static final byte[] SPACE_BYTES = SPACE.getBytes(StandardCharsets.UTF_8);

    /// The types where a file has none: the first three are unknown, beginning and end; `<0x0A>` is
    /// a byte.
    static int[] usualTypes(String[] pieces) {
        var types = new int[pieces.length];
        Arrays.fill(types, 1);
        for (int id = 0; id < pieces.length; id++) {
            if (id < 3) {
                types[id] = id == 0 ? GgufVocabulary.UNKNOWN : GgufVocabulary.CONTROL;
            } else if (byteOf(pieces[id]) >= 0) {
                types[id] = GgufVocabulary.BYTE;
            }
        }
        return types;
    }

    /// The byte that a piece like `<0x0A>` stands for, or −1.
    static int byteOf(String piece) {
        if (piece.length() != 6 || !piece.startsWith("<0x") || !piece.endsWith(">")) {
            return -1;
        }
        int high = Character.digit(piece.charAt(3), 16);
        int low = Character.digit(piece.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }

    /// For each byte the token that stands for it, or −1.
    int[] byteIds() {
        var ids = new int[256];
        Arrays.fill(ids, -1);
        for (int id = 0; id < pieces.length; id++) {
            if (types[id] == GgufVocabulary.BYTE) {
                int b = byteOf(pieces[id]);
                if (b < 0) {
                    throw new TokenizerException(String.format(
                            Locale.ROOT,
                            "%s: piece %d is of type byte; wanted a name like <0x0A>, found %s",
                            name,
                            id,
                            Json.quoted(pieces[id])));
                }
                ids[b] = id;
            }
        }
        return ids;
    }

    /// For each id, how many different scores are higher.
    int[] ranks() {
        float[] sorted = scores.clone();
        Arrays.sort(sorted);
        int distinct = 0;
        for (int i = 0; i < sorted.length; i++) {
            if (Float.isNaN(sorted[i])) {
                throw new TokenizerException(name + ": wanted a number as each score, found NaN");
            }
            if (i == 0 || sorted[i] != sorted[i - 1]) {
                sorted[distinct++] = sorted[i];
            }
        }
        var ranks = new int[scores.length];
        for (int id = 0; id < ranks.length; id++) {
            // Adding zero makes −0 equal to 0.
            int place = Arrays.binarySearch(sorted, 0, distinct, scores[id] + 0f);
            ranks[id] = distinct - 1 - (place < 0 ? Math.min(~place, distinct - 1) : place);
        }
        return ranks;
    }
}
