package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Turns one piece of text into tokens.
sealed interface TokenModel permits TokenModel.WordLevel, TokenModel.WordPiece, PairModel, UnigramModel {

    /// Is given the tokens of a piece in order, as runs of its characters.
    interface Sink {
        void token(int id, int start, int end);

        /// Before all merges, these characters are one symbol.
        default void symbol(int start, int end) {}

        /// Two neighbours became one, whose token is `id`.
        default void merged(int start, int middle, int end, int rank, int id) {}
    }

    void tokenize(Chars piece, Sink sink);

    /// A piece is a token or unknown.
    record WordLevel(Map<String, Integer> ids, int unknown) implements TokenModel {
        @Override
        public void tokenize(Chars piece, Sink sink) {
            Integer id = ids.get(piece.text());
            if (id == null && unknown < 0) {
                throw new TokenizerException(
                        "the vocabulary has neither " + Json.quoted(piece.text()) + " nor an unknown token");
            }
            sink.token(id == null ? unknown : id, 0, piece.size());
        }
    }

    /// The longest token that the rest of the word begins with, again and again; a word with a part
    /// that is no token is unknown as a whole. Schuster & Nakajima 2012; Devlin et al. 2018,
    /// arXiv:1810.04805.
    ///
    /// @param first tokens at the beginning of a word
    /// @param later tokens elsewhere, without their prefix
    /// @param longest in characters; longer words are unknown
    record WordPiece(Map<String, Integer> first, Map<String, Integer> later, int unknown, int longest)
            implements TokenModel {

        /// @param ids by name
        /// @param prefix what tokens elsewhere than at the beginning begin with, e.g. `##`
        static WordPiece of(Map<String, Integer> ids, String prefix, int unknown, int longest) {
            var later = new HashMap<String, Integer>();
            ids.forEach((name, id) -> {
                if (name.startsWith(prefix)) {
                    later.put(name.substring(prefix.length()), id);
                }
            });
            return new WordPiece(ids, later, unknown, longest);
        }

        @Override
        public void tokenize(Chars piece, Sink sink) {
            int size = piece.size();
            if (size > longest) {
                sink.token(unknown, 0, size);
                return;
            }
            var ends = new int[size];
            var ids = new int[size];
            int count = 0;
            int at = 0;
            while (at < size) {
                Map<String, Integer> tokens = at == 0 ? first : later;
                Integer found = null;
                int end = size;
                for (; end > at; end--) {
                    found = tokens.get(piece.text(at, end));
                    if (found != null) {
                        break;
                    }
                }
                if (found == null) {
                    sink.token(unknown, 0, size);
                    return;
                }
                ends[count] = end;
                ids[count++] = found;
                at = end;
            }
            for (int i = 0; i < count; i++) {
                sink.token(ids[i], i == 0 ? 0 : ends[i - 1], ends[i]);
            }
        }
    }

    /// For each byte the token `<0x0A>` that stands for it, or −1.
    static int[] byteIds(Map<String, Integer> ids) {
        var byteIds = new int[256];
        for (int b = 0; b < 256; b++) {
            byteIds[b] = ids.getOrDefault(String.format(java.util.Locale.ROOT, "<0x%02X>", b), -1);
        }
        return byteIds;
    }

    /// The bytes of a run of characters if each has a token, else an empty array.
    static byte[] covered(String text, int[] byteIds) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (byte b : bytes) {
            if (byteIds[b & 0xFF] < 0) {
                return new byte[0];
            }
        }
        return bytes;
    }
}
