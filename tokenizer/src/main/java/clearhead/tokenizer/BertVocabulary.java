package clearhead.tokenizer;

import clearhead.tokenizer.NamedTokens.Named;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// BERT's tokenizer around a list of words: normalised, cut at white space and punctuation, the
/// longest pieces first. Devlin et al. 2018, arXiv:1810.04805.
final class BertVocabulary {

    private static final List<String> SPECIAL = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

    private BertVocabulary() {}

    /// `vocab.txt`: a token a line, its id the line's number from 0.
    static Tokenizer read(String name, byte[] content, boolean lowercase) {
        int bad = Utf8.firstInvalid(content);
        if (bad >= 0) {
            throw new TokenizerException(
                    name + ": byte " + bad + ": wanted UTF-8, found a byte that is not part of it");
        }
        String[] lines = new String(content, StandardCharsets.UTF_8).split("\n", -1);
        int size = lines.length > 0 && lines[lines.length - 1].isEmpty() ? lines.length - 1 : lines.length;
        var names = new String[size];
        var ids = new HashMap<String, Integer>();
        var added = new ArrayList<Named>();
        for (int id = 0; id < size; id++) {
            String line = lines[id];
            names[id] = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
            // Of a token that stands twice, the last line counts.
            ids.put(names[id], id);
        }
        for (String token : SPECIAL) {
            Integer id = ids.get(token);
            if (id != null) {
                added.add(new Named(id, token, false, false, false, false, true));
            }
        }
        Integer unknown = ids.get("[UNK]");
        if (unknown == null) {
            throw new TokenizerException(name + ": wanted a line [UNK] as every vocab.txt of BERT has, found none");
        }
        int cls = ids.getOrDefault("[CLS]", -1);
        int sep = ids.getOrDefault("[SEP]", -1);
        return tokenizer(name, names, ids, added, new int[] {unknown, cls, sep}, lowercase);
    }

    /// @param special the ids of the unknown, beginning and end tokens; the last two may be −1
    static Tokenizer tokenizer(
            String name,
            String[] names,
            Map<String, Integer> ids,
            List<Named> added,
            int[] special,
            boolean lowercase) {
        int cls = special[1];
        int sep = special[2];
        return new PipelineTokenizer(new PipelineTokenizer.Parts(
                name,
                names,
                new TextNormalizer.Bert(true, true, lowercase, lowercase),
                Optional.of(PipelineJson.BERT),
                TokenModel.WordPiece.of(ids, "##", special[0], 100),
                added,
                cls < 0 ? new int[0] : new int[] {cls},
                sep < 0 ? new int[0] : new int[] {sep},
                new TokenDecoder.WordPiece("##", true),
                false,
                false,
                cls < 0 ? OptionalInt.empty() : OptionalInt.of(cls),
                sep < 0 ? OptionalInt.empty() : OptionalInt.of(sep)));
    }
}
