package clearhead.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The model of a `tokenizer.json`, and the whole pipeline around it.
final class ModelJson {

    private final Json root;
    private final Json model;
    private final int limit;
    private final Map<String, Integer> ids = new HashMap<>();

    private ModelJson(Json root, int limit) {
        this.root = root;
        this.model = root.get("model");
        this.limit = limit;
    }

    /// @param limit above every id
    /// @param bos the beginning token's name from elsewhere, or ""
    static Tokenizer read(String name, Json root, int limit, String bos, String eos) {
        return new ModelJson(root, limit).tokenizer(name, bos, eos);
    }

    /// Older files don't write the type.
    private String type() {
        Json type = model.get("type");
        if (!type.isNull()) {
            return type.text();
        }
        if (!model.get("merges").isNull()) {
            return "BPE";
        }
        if (model.get("vocab").isList()) {
            return "Unigram";
        }
        return model.get("max_input_chars_per_word").isNull() ? "WordLevel" : "WordPiece";
    }

    private Tokenizer tokenizer(String name, String bosName, String eosName) {
        TextNormalizer normalizer = PipelineJson.normalizer(root.get("normalizer"));
        var preTokenizer = PipelineJson.preTokenizer(root.get("pre_tokenizer"));
        TokenDecoder decoder = PipelineJson.decoder(root.get("decoder"));
        var added = PipelineJson.added(root.get("added_tokens"), limit);
        TokenModel read = switch (type()) {
            case "BPE" -> pairs();
            case "Unigram" -> unigram();
            case "WordPiece" -> wordPiece();
            case "WordLevel" -> wordLevel();
            default -> throw model.get("type").wanted("\"BPE\", \"Unigram\", \"WordPiece\" or \"WordLevel\"");
        };
        int size = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
        for (var token : added) {
            size = Math.max(size, token.id() + 1);
        }
        var names = new @Nullable String[size];
        ids.forEach((token, id) -> {
            if (names[id] != null && !model.get("vocab").isList()) {
                throw new TokenizerException(root.file() + ": model.vocab: the id " + id
                        + " stands twice, the second time for " + Json.quoted(token));
            }
            names[id] = token;
        });
        added.forEach(token -> names[token.id()] = token.text());
        var around = PipelineJson.around(root.get("post_processor"), size);
        boolean letters = PipelineJson.has(root.get("decoder"), "decoders", "ByteLevel");
        boolean bytes = PipelineJson.has(root.get("decoder"), "decoders", "ByteFallback");
        return new PipelineTokenizer(new PipelineTokenizer.Parts(
                name,
                names,
                normalizer,
                preTokenizer,
                read,
                added,
                around.before().stream().mapToInt(Integer::intValue).toArray(),
                around.after().stream().mapToInt(Integer::intValue).toArray(),
                decoder,
                letters,
                bytes,
                end(bosName, names, around.before(), true),
                end(eosName, names, around.after(), false)));
    }

    private static OptionalInt end(String name, @Nullable String[] names, List<Integer> around, boolean before) {
        if (!around.isEmpty()) {
            return OptionalInt.of(around.get(before ? 0 : around.size() - 1));
        }
        int id = name.isEmpty() ? -1 : Arrays.asList(names).indexOf(name);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    private void readVocabulary() {
        for (String token : model.get("vocab").map().keySet()) {
            ids.put(token, model.get("vocab").get(token).index(limit));
        }
    }

    /// The id of the token that a key names, or −1 where there is no such key.
    private int named(String key) {
        Json name = model.get(key);
        if (name.isNull()) {
            return -1;
        }
        Integer id = ids.get(name.text());
        if (id == null) {
            throw name.wanted("a token of model.vocab");
        }
        return id;
    }

    private TokenModel wordLevel() {
        model.onlyKeys("type", "vocab", "unk_token");
        readVocabulary();
        return new TokenModel.WordLevel(
                ids, ids.containsKey(model.get("unk_token").text("")) ? named("unk_token") : -1);
    }

    private TokenModel wordPiece() {
        model.onlyKeys("type", "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word");
        readVocabulary();
        int unknown = named("unk_token");
        if (unknown < 0) {
            throw model.get("unk_token").wanted("a token of model.vocab");
        }
        Json longest = model.get("max_input_chars_per_word");
        return TokenModel.WordPiece.of(
                ids,
                model.get("continuing_subword_prefix").text("##"),
                unknown,
                longest.isNull() ? 100 : longest.index(1 << 16));
    }

    private TokenModel unigram() {
        model.onlyKeys("type", "vocab", "unk_id", "byte_fallback");
        List<?> list = model.get("vocab").items();
        if (list.isEmpty()) {
            throw model.get("vocab").wanted("at least one token");
        }
        var scores = new double[list.size()];
        var builder = new Vocabulary.Builder(list.size());
        double least = Double.POSITIVE_INFINITY;
        for (int id = 0; id < scores.length; id++) {
            if (!(list.get(id) instanceof List<?> pair)
                    || pair.size() != 2
                    || !(pair.get(0) instanceof String token)
                    || !(pair.get(1) instanceof Number score)
                    || Double.isNaN(score.doubleValue())) {
                throw model.get("vocab").item(id).wanted("a token and its score");
            }
            ids.put(token, id);
            scores[id] = score.doubleValue();
            builder.add(Utf8.bytes(token), !token.isEmpty());
            least = Math.min(least, scores[id]);
        }
        Json unknown = model.get("unk_id");
        boolean bytes = model.get("byte_fallback").flag(false);
        return new UnigramModel(
                ids,
                new Unigram(builder.build(), scores, least),
                unknown.isNull() ? -1 : unknown.index(scores.length),
                bytes ? TokenModel.byteIds(ids) : new int[0]);
    }

    private TokenModel pairs() {
        model.onlyKeys(
                "type",
                "dropout",
                "unk_token",
                "continuing_subword_prefix",
                "end_of_word_suffix",
                "fuse_unk",
                "byte_fallback",
                "ignore_merges",
                "vocab",
                "merges");
        TokenizerJson.refuseDropout(model);
        readVocabulary();
        String prefix = model.get("continuing_subword_prefix").text("");
        List<?> items = model.get("merges").items();
        var left = new int[items.size()];
        var right = new int[items.size()];
        var merged = new int[items.size()];
        for (int i = 0; i < items.size(); i++) {
            String[] both = TokenizerJson.merge(model.get("merges"), i);
            left[i] = token(i, both[0]);
            right[i] = token(i, both[1]);
            boolean later = !prefix.isEmpty() && both[1].startsWith(prefix);
            merged[i] = token(i, both[0] + (later ? both[1].substring(prefix.length()) : both[1]));
        }
        boolean bytes = model.get("byte_fallback").flag(false);
        return new PairModel(
                ids,
                PairModel.merges(left, right, merged),
                new PairModel.Style(
                        prefix,
                        model.get("end_of_word_suffix").text(""),
                        bytes ? TokenModel.byteIds(ids) : new int[0],
                        named("unk_token"),
                        model.get("fuse_unk").flag(false),
                        model.get("ignore_merges").flag(false)));
    }

    private int token(int merge, String name) {
        Integer id = ids.get(name);
        if (id == null) {
            throw model.get("merges")
                    .item(merge)
                    .wanted("a merge of tokens in model.vocab; " + Json.quoted(name) + " is none");
        }
        return id;
    }
}
