package clearhead.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/// The cut with the highest sum of scores, as Hugging Face's library takes it: every token of the
/// vocabulary counts, and unknown characters in a row are one.
final class UnigramModel implements TokenModel {

    private final Map<String, Integer> ids;
    private final Unigram unigram;
    private final int unknown;
    private final int[] byteIds;

    /// @param unknown −1 for none: then a character that no token has is an error
    /// @param byteIds for each byte its token, or empty
    UnigramModel(Map<String, Integer> ids, Unigram unigram, int unknown, int[] byteIds) {
        this.ids = ids;
        this.unigram = unigram;
        this.unknown = unknown;
        this.byteIds = byteIds;
    }

    @Override
    public void tokenize(Chars piece, Sink sink) {
        byte[] utf8 = piece.text().getBytes(StandardCharsets.UTF_8);
        int[] path = unigram.cut(Arrays.copyOf(utf8, utf8.length + CharClass.PADDING), 0, utf8.length);
        int at = 0;
        int i = 0;
        while (i < path.length) {
            int last = i;
            boolean isUnknown = isUnknown(path[i + 2]);
            while (isUnknown && last + 3 < path.length && isUnknown(path[last + 5])) {
                last += 3;
            }
            int end = at;
            for (int b = path[i]; b < path[last + 1]; b++) {
                end += utf8[b] >= -64 ? 1 : 0;
            }
            if (isUnknown) {
                addUnknown(piece, at, end, sink);
            } else {
                sink.token(path[i + 2], at, end);
            }
            at = end;
            i = last + 3;
        }
    }

    private boolean isUnknown(int id) {
        return id < 0 || id == unknown;
    }

    private void addUnknown(Chars piece, int start, int end, Sink sink) {
        String text = piece.text(start, end);
        Integer known = ids.get(text);
        if (known != null) {
            sink.token(known, start, end);
            return;
        }
        byte[] bytes = byteIds.length == 0 ? new byte[0] : TokenModel.covered(text, byteIds);
        if (bytes.length == 0) {
            if (unknown < 0) {
                throw new TokenizerException(
                        "the vocabulary has no token for " + Json.quoted(text) + " and no unknown token");
            }
            sink.token(unknown, start, end);
            return;
        }
        for (int i = start; i < end; i++) {
            for (byte b : piece.text(i, i + 1).getBytes(StandardCharsets.UTF_8)) {
                sink.token(byteIds[b & 0xFF], i, i + 1);
            }
        }
    }
}
