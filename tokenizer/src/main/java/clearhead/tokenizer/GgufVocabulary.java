package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The vocabulary in a GGUF's metadata: byte-level BPE (`tokenizer.ggml.model = gpt2`) and
/// SentencePiece's BPE (`llama`). Encodes as llama.cpp does with the same file.
final class GgufVocabulary {

    private static final String PREFIX = "tokenizer.ggml.";

    static final int UNKNOWN = 2;
    static final int CONTROL = 3;
    static final int USER_DEFINED = 4;
    static final int UNUSED = 5;
    static final int BYTE = 6;

    private final Map<String, ?> metadata;

    GgufVocabulary(Map<String, ?> metadata) {
        this.metadata = metadata;
    }

    Tokenizer tokenizer() {
        String model = text("model", "");
        return switch (model) {
            case "gpt2" -> byteLevel();
            case "llama" -> sentencePiece();
            case "bert" -> wordPiece();
            default ->
                throw new TokenizerException(PREFIX
                        + "model: wanted gpt2, llama or bert, found "
                        + (model.isEmpty() ? "nothing" : Json.quoted(model)));
        };
    }

    /// The split rule of a `tokenizer.ggml.pre`; models of one family share them.
    private SplitRule rule() {
        String pre = text("pre", "default");
        return switch (pre) {
            case "gpt-2",
                    "gpt2",
                    "phi-2",
                    "jina-es",
                    "jina-de",
                    "jina-v2-es",
                    "jina-v2-de",
                    "jina-v2-code",
                    "roberta-bpe",
                    "mpt",
                    "olmo",
                    "jais",
                    "gigachat",
                    "trillion",
                    "granite-docling" -> SplitRule.GPT2;
            case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b" ->
                SplitRule.GPT2_DIGITS;
            case "llama3",
                    "llama-v3",
                    "llama-bpe",
                    "falcon3",
                    "falcon-h1",
                    "pixtral",
                    "midm-2.0",
                    "lfm2",
                    "dbrx",
                    "smaug-bpe",
                    "chatglm-bpe" -> SplitRule.LLAMA3;
            case "qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "kormo" -> SplitRule.QWEN2;
            case "gpt-4o", "llama4", "kanana2" -> SplitRule.O200K;
            case "falcon" -> SplitRule.FALCON;
            case "deepseek-llm" -> SplitRule.DEEPSEEK;
            default ->
                throw new TokenizerException(PREFIX
                        + "pre: the split rule "
                        + Json.quoted(pre)
                        + " is not known; known are gpt-2, smollm, starcoder, llama-bpe,"
                        + " qwen2, gpt-4o, falcon, deepseek-llm and their relatives");
        };
    }

    private Tokenizer byteLevel() {
        SplitRule rule = rule();
        // llama.cpp takes pieces whole with these, and only these.
        boolean llama3 = rule == SplitRule.LLAMA3
                && !List.of("dbrx", "smaug-bpe", "chatglm-bpe").contains(text("pre", ""));
        String[] names = texts("tokens");
        int[] types = types(names.length);
        var builder = new Vocabulary.Builder(names.length);
        for (int id = 0; id < names.length; id++) {
            boolean literal = types[id] == CONTROL || types[id] == USER_DEFINED;
            byte[] bytes = literal ? Utf8.bytes(names[id]) : ByteLevel.bytesOrText(names[id]);
            builder.add(bytes, ByteLevel.bytes(names[id]) != null && !names[id].isEmpty());
        }
        Vocabulary vocabulary = builder.build();
        var tokenizer = new BpeTokenizer(
                text("pre", "gguf"),
                vocabulary,
                merges(vocabulary),
                new BpeTokenizer.Style(rule, flag("ignore_merges", llama3), flag("add_space_prefix", false)),
                new AddedTokens(added(names, types)),
                BpeTokenizer.Ends.NONE);
        return tokenizer.with(ends(names.length, llama3));
    }

    private Tokenizer sentencePiece() {
        String[] pieces = texts("tokens");
        Object list = metadata.get(PREFIX + "scores");
        var scores = new float[length(list, "scores")];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = number(item(list, i), "scores").floatValue();
        }
        if (scores.length != pieces.length) {
            throw new TokenizerException(
                    PREFIX + "scores: wanted " + pieces.length + " entries, found " + scores.length);
        }
        boolean typed = metadata.containsKey(PREFIX + "token_type");
        int[] types = typed ? types(pieces.length) : SentencePieceSpec.usualTypes(pieces);
        boolean space = flag("add_space_prefix", true);
        return new SentencePieceTokenizer(new SentencePieceSpec(
                text("pre", "gguf"),
                false,
                pieces,
                scores,
                types,
                new SentencePieceNormalizer(PREFIX, space, false, false, true, new byte[0]),
                true,
                " \u2047 ",
                ends(pieces.length, true)));
    }

    /// BERT's. A token at the beginning of a word is written with `▁`, others without their `##`.
    private Tokenizer wordPiece() {
        String[] tokens = texts("tokens");
        int[] types = types(tokens.length);
        var names = new String[tokens.length];
        var ids = new HashMap<String, Integer>();
        var added = new ArrayList<NamedTokens.Named>();
        for (int id = 0; id < tokens.length; id++) {
            String token = tokens[id];
            boolean special = types[id] == CONTROL || types[id] == UNKNOWN;
            boolean bracketed = token.startsWith("[") && token.endsWith("]");
            boolean first = token.startsWith(SentencePieceSpec.SPACE);
            names[id] = first ? token.substring(1) : special || bracketed ? token : "##" + token;
            ids.putIfAbsent(names[id], id);
            if (special || types[id] == USER_DEFINED) {
                added.add(new NamedTokens.Named(id, names[id], false, false, false, false, special));
            }
        }
        int unknown = id("unknown_token_id", tokens.length);
        if (unknown < 0) {
            throw wanted("unknown_token_id", "an id of the vocabulary", null);
        }
        // Files made before these keys had names of their own have BERT's ids under others.
        int cls = id(metadata.containsKey(PREFIX + "bos_token_id") ? "bos_token_id" : "cls_token_id", tokens.length);
        int sep = id("seperator_token_id", tokens.length);
        return BertVocabulary.tokenizer(text("pre", "gguf"), names, ids, added, new int[] {unknown, cls, sep}, true);
    }

    private Merges merges(Vocabulary vocabulary) {
        String[] list = texts("merges");
        var left = new int[list.length];
        var right = new int[list.length];
        var merged = new int[list.length];
        for (int i = 0; i < list.length; i++) {
            int space = list[i].indexOf(' ', 1);
            if (space < 0) {
                throw new TokenizerException(PREFIX
                        + "merges["
                        + i
                        + "]: wanted two tokens with a space between them, found "
                        + Json.quoted(list[i]));
            }
            String first = list[i].substring(0, space);
            String second = list[i].substring(space + 1);
            left[i] = token(vocabulary, first, i);
            right[i] = token(vocabulary, second, i);
            merged[i] = token(vocabulary, first + second, i);
        }
        return Merges.ofPairs(vocabulary, left, right, merged);
    }

    private static int token(Vocabulary vocabulary, String name, int merge) {
        byte[] bytes = ByteLevel.bytesOrText(name);
        byte[] padded = Arrays.copyOf(bytes, bytes.length + CharClass.PADDING);
        int id = bytes.length == 0 ? -1 : vocabulary.find(padded, 0, bytes.length);
        if (id < 0) {
            throw new TokenizerException(
                    PREFIX + "merges[" + merge + "]: wanted a token of the vocabulary, found " + Json.quoted(name));
        }
        return id;
    }

    /// Tokens that are found by name: control and unknown where asked for, user-defined always.
    private static List<Added> added(String[] names, int[] types) {
        var added = new ArrayList<Added>();
        for (int id = 0; id < names.length; id++) {
            if (types[id] >= UNKNOWN && types[id] <= USER_DEFINED) {
                added.add(new Added(id, names[id], types[id] != USER_DEFINED, false, false));
            }
        }
        return added;
    }

    private BpeTokenizer.Ends ends(int size, boolean addBos) {
        int bos = id("bos_token_id", size);
        int eos = id("eos_token_id", size);
        return new BpeTokenizer.Ends(
                bos, eos, bos >= 0 && flag("add_bos_token", addBos), eos >= 0 && flag("add_eos_token", false));
    }

    private int[] types(int size) {
        if (!metadata.containsKey(PREFIX + "token_type")) {
            var types = new int[size];
            Arrays.fill(types, 1);
            return types;
        }
        Object list = metadata.get(PREFIX + "token_type");
        int[] types = new int[length(list, "token_type")];
        for (int i = 0; i < types.length; i++) {
            types[i] = number(item(list, i), "token_type").intValue();
        }
        if (types.length != size) {
            throw new TokenizerException(PREFIX + "token_type: wanted " + size + " entries, found " + types.length);
        }
        return types;
    }

    private TokenizerException wanted(String key, String what, @Nullable Object found) {
        return new TokenizerException(PREFIX
                + key
                + ": wanted "
                + what
                + ", found "
                + (found == null
                        ? "nothing"
                        : found instanceof String text
                                ? Json.quoted(text)
                                : found.getClass().getSimpleName()));
    }

    private String text(String key, String absent) {
        Object value = metadata.get(PREFIX + key);
        if (value == null) {
            return absent;
        }
        if (value instanceof String text) {
            return text;
        }
        throw wanted(key, "a text", value);
    }

    private boolean flag(String key, boolean absent) {
        Object value = metadata.get(PREFIX + key);
        if (value == null) {
            return absent;
        }
        if (value instanceof Boolean flag) {
            return flag;
        }
        throw wanted(key, "true or false", value);
    }

    /// An id of the vocabulary, or −1 where the key is absent.
    private int id(String key, int size) {
        Object value = metadata.get(PREFIX + key);
        if (value == null) {
            return -1;
        }
        long id = number(value, key).longValue();
        if (id < 0 || id >= size) {
            throw new TokenizerException(PREFIX + key + ": wanted an id from 0 to " + (size - 1) + ", found " + id);
        }
        return (int) id;
    }

    private Number number(@Nullable Object value, String key) {
        if (value instanceof Number number) {
            return number;
        }
        throw wanted(key, "a number", value);
    }

    private String[] texts(String key) {
        Object list = metadata.get(PREFIX + key);
        String[] texts = new String[length(list, key)];
        for (int i = 0; i < texts.length; i++) {
            if (!(item(list, i) instanceof String text)) {
                throw wanted(key, "a list of texts", item(list, i));
            }
            texts[i] = text;
        }
        return texts;
    }

    private int length(@Nullable Object list, String key) {
        if (list instanceof List<?> items) {
            return items.size();
        }
        if (list != null && list.getClass().isArray()) {
            return Array.getLength(list);
        }
        throw wanted(key, "a list", list);
    }

    private static @Nullable Object item(@Nullable Object list, int i) {
        if (list instanceof Object[] items) {
            return items[i];
        }
        return list instanceof List<?> items ? items.get(i) : list == null ? null : Array.get(list, i);
    }
}
