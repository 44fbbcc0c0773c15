package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Hugging Face's `tokenizer.json`.
///
/// `truncation` and `padding` belong to making batches and are not applied. Of the rest, what is not
/// understood is an error that names it.
public final class TokenizerJson {

    private TokenizerJson() {}

    /// The tokenizer of a file. Where a `tokenizer_config.json` lies beside it, the names of the
    /// beginning and end tokens come from there.
    ///
    /// @throws TokenizerException if the file is malformed or asks for something this library does
    ///     not do; the message names it
    public static Tokenizer read(Path file) {
        byte[] content = Tokenizers.content(file);
        Json root = Json.parse(file.toString(), content);
        Path config = file.resolveSibling("tokenizer_config.json");
        String[] ends = {"", ""};
        if (Files.isRegularFile(config)) {
            Json settings = Json.parse(config.toString(), Tokenizers.content(config));
            ends[0] = tokenName(settings.get("bos_token"));
            ends[1] = tokenName(settings.get("eos_token"));
        }
        Path folder = file.toAbsolutePath().getParent();
        String name = folder == null ? file.toString() : String.valueOf(folder.getFileName());
        return read(name, root, content.length, ends[0], ends[1]);
    }

    private static String tokenName(Json token) {
        return token.isNull() || token.value() instanceof String
                ? token.text("")
                : token.get("content").text("");
    }

    /// Writes a byte-level BPE tokenizer so that Hugging Face's libraries load it and give the same
    /// ids. The file appears whole or not at all.
    ///
    /// @throws TokenizerException if the tokenizer is of another kind
    public static void write(Tokenizer tokenizer, Path file) {
        if (!(tokenizer instanceof BpeTokenizer bpe)) {
            throw new TokenizerException(tokenizer.name() + ": only byte-level BPE can be written as tokenizer.json");
        }
        TokenizerJsonWriter.write(bpe, file);
    }

    private static Tokenizer read(String name, Json root, int limit, String bos, String eos) {
        root.onlyKeys(
                "version",
                "truncation",
                "padding",
                "added_tokens",
                "normalizer",
                "pre_tokenizer",
                "post_processor",
                "decoder",
                "model");
        for (String key : List.of("truncation", "padding")) {
            if (!root.get(key).isNull()) {
                root.get(key).map();
            }
        }
        if (!isByteLevel(root)) {
            return ModelJson.read(name, root, limit, bos, eos);
        }
        Json model = root.get("model");
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
        refuseDropout(model);
        model.get("fuse_unk").flag(false);
        var split = TokenizerJsonParts.split(root.get("pre_tokenizer"));
        TokenizerJsonParts.checkDecoder(root.get("decoder"));

        List<Added> added = added(root.get("added_tokens"), limit);
        Vocabulary vocabulary = vocabulary(model.get("vocab"), added, limit);
        var style = new BpeTokenizer.Style(
                split.rule(),
                model.get("ignore_merges").flag(false),
                split.spaceFirst(),
                TokenizerJsonParts.form(root.get("normalizer")));
        var tokenizer = new BpeTokenizer(
                name,
                vocabulary,
                merges(model.get("merges"), vocabulary),
                style,
                new AddedTokens(added),
                BpeTokenizer.Ends.NONE);
        return tokenizer.with(TokenizerJsonParts.ends(root.get("post_processor"), tokenizer, bos, eos));
    }

    /// Whether this is byte-level BPE of a form that [BpeTokenizer] knows; anything else goes through
    /// a pipeline of parts.
    private static boolean isByteLevel(Json root) {
        Json model = root.get("model");
        String type = model.get("type").text(model.get("merges").isNull() ? "" : "BPE");
        if (!type.equals("BPE")
                || model.get("byte_fallback").flag(false)
                || !model.get("continuing_subword_prefix").text("").isEmpty()
                || !model.get("end_of_word_suffix").text("").isEmpty()
                || !model.get("unk_token").isNull() && !hasEveryByte(model.get("vocab"))) {
            return false;
        }
        Json normalizer = root.get("normalizer");
        boolean normalizes = !normalizer.isNull();
        Json added = root.get("added_tokens");
        for (Json token : added.isNull() ? List.<Json>of() : added.list()) {
            if (token.get("single_word").flag(false)
                    || normalizes && token.get("normalized").flag(false)) {
                return false;
            }
        }
        return TokenizerJsonParts.isKnown(root);
    }

    private static boolean hasEveryByte(Json vocab) {
        for (int b = 0; b < 256; b++) {
            if (!vocab.map().containsKey(String.valueOf(ByteLevel.character(b)))) {
                return false;
            }
        }
        return true;
    }

    static void refuseDropout(Json model) {
        Json dropout = model.get("dropout");
        if (dropout.value() != null && !(dropout.value() instanceof Number n && n.doubleValue() == 0)) {
            throw dropout.wanted("null: dropout gives a text other ids every time");
        }
    }

    private static List<Added> added(Json list, int limit) {
        var added = new ArrayList<Added>();
        if (list.isNull()) {
            return added;
        }
        for (Json token : list.list()) {
            token.onlyKeys("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
            if (token.get("single_word").flag(false)) {
                throw token.get("single_word").wanted("false");
            }
            token.get("normalized").flag(false);
            added.add(new Added(
                    token.get("id").index(limit),
                    token.get("content").text(),
                    token.get("special").flag(false),
                    token.get("lstrip").flag(false),
                    token.get("rstrip").flag(false)));
        }
        return added;
    }

    private static Vocabulary vocabulary(Json vocab, List<Added> added, int limit) {
        int size = 0;
        for (var entry : vocab.map().entrySet()) {
            if (!(entry.getValue() instanceof Long id) || id < 0 || id >= limit) {
                // Says what is wrong with it.
                vocab.get(entry.getKey()).index(limit);
                continue;
            }
            size = Math.max(size, id.intValue() + 1);
        }
        for (Added token : added) {
            size = Math.max(size, token.id() + 1);
        }
        var bytes = new byte[size][];
        var ordinary = new boolean[size];
        for (var entry : vocab.map().entrySet()) {
            int id = Math.toIntExact((Long) entry.getValue());
            if (bytes[id] != null) {
                throw new TokenizerException(vocab.file()
                        + ": model.vocab: the id "
                        + id
                        + " stands twice, the second time for "
                        + Json.quoted(entry.getKey()));
            }
            bytes[id] = ByteLevel.bytesOrText(entry.getKey());
            ordinary[id] = ByteLevel.bytes(entry.getKey()) != null;
        }
        for (Added token : added) {
            bytes[token.id()] = token.bytes();
        }
        var builder = new Vocabulary.Builder(size);
        for (int id = 0; id < size; id++) {
            byte[] spelled = bytes[id];
            builder.add(spelled == null ? new byte[0] : spelled, ordinary[id]);
        }
        return builder.build();
    }

    private static Merges merges(Json list, Vocabulary vocabulary) {
        List<?> items = list.items();
        var left = new int[items.size()];
        var right = new int[items.size()];
        var merged = new int[items.size()];
        for (int i = 0; i < items.size(); i++) {
            String[] both = merge(list, i);
            String first = both[0];
            String second = both[1];
            left[i] = token(list, i, vocabulary, first);
            right[i] = token(list, i, vocabulary, second);
            merged[i] = token(list, i, vocabulary, first + second);
        }
        return Merges.ofPairs(vocabulary, left, right, merged);
    }

    /// The two tokens of a merge, in the older or the newer form.
    static String[] merge(Json list, int i) {
        Object item = list.items().get(i);
        if (item instanceof List<?> both) {
            if (both.size() != 2 || !(both.get(0) instanceof String one) || !(both.get(1) instanceof String two)) {
                throw list.item(i).wanted("two tokens");
            }
            return new String[] {one, two};
        }
        String text = item instanceof String one ? one : "";
        int space = text.indexOf(' ');
        if (space < 0 || text.indexOf(' ', space + 1) >= 0) {
            throw list.item(i).wanted("two tokens with a space between them");
        }
        return new String[] {text.substring(0, space), text.substring(space + 1)};
    }

    private static int token(Json merges, int i, Vocabulary vocabulary, String name) {
        byte[] bytes = ByteLevel.bytes(name);
        int id = bytes == null
                ? -1
                : vocabulary.find(Arrays.copyOf(bytes, bytes.length + CharClass.PADDING), 0, bytes.length);
        if (id < 0) {
            throw merges.item(i).wanted("a merge of tokens in model.vocab; " + Json.quoted(name) + " is none");
        }
        return id;
    }
}
