package clearhead.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A Hugging Face `tokenizer.json` in the words of GGUF's `tokenizer.ggml.*`: byte-level BPE (`gpt2`)
/// and SentencePiece's BPE with byte fallback (`llama`).
public final class GgufVocabulary {
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;
    private static final int BYTE = 6;
    private static final int MAX_TOKENS = 1 << 24;

    private final Json.Obj root;
    private final Json.Obj model;
    private final String[] tokens;
    private final int[] types;

    private GgufVocabulary(Json.Obj root, int size) {
        this.root = root;
        model = root.object("model");
        if (!model.text("type", "BPE").equals("BPE")) {
            throw model.wrong("type", "only BPE can be written into a GGUF");
        }
        Map<String, Json> vocab = model.object("vocab").fields();
        int count = Math.max(size, vocab.size());
        if (count > MAX_TOKENS) {
            throw model.wrong("vocab", "has too many tokens: " + count);
        }
        tokens = new String[count];
        types = new int[count];
        Arrays.fill(types, UNUSED);
        for (String token : vocab.keySet()) {
            place(token, model.object("vocab").integer(token), NORMAL);
        }
        if (root.has("added_tokens")) {
            Json.Arr added = root.array("added_tokens");
            for (int i = 0; i < added.size(); i++) {
                Json.Obj token = added.object(i);
                int type = token.bool("special", false) ? CONTROL : USER_DEFINED;
                place(token.text("content"), token.integer("id"), type);
            }
        }
        for (int id = 0; id < count; id++) {
            if (types[id] == UNUSED) {
                tokens[id] = "[PAD" + id + "]";
            }
        }
    }

    private void place(String token, int id, int type) {
        if (id < 0 || id >= tokens.length) {
            throw new ModelFileException(
                    model.at(), "token \"" + token + "\" has the id " + id + ", wanted less than " + tokens.length);
        }
        tokens[id] = token;
        types[id] = type;
    }

    /// The values to put into a GGUF, without the ids of special tokens.
    ///
    /// @param tokenizerJson the file
    /// @param size rows of the model's embedding; ids without a token are marked unused
    /// @throws ModelFileException if GGUF has no words for it
    public static Map<String, GgufValue> of(Path tokenizerJson, int size) {
        Json.Obj root = Json.readObject(tokenizerJson);
        var vocabulary = new GgufVocabulary(root, size);
        return vocabulary.model.bool("byte_fallback", false) ? vocabulary.sentencePiece() : vocabulary.byteLevel();
    }

    private Map<String, GgufValue> byteLevel() {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        values.put("tokenizer.ggml.model", GgufValue.text("gpt2"));
        values.put("tokenizer.ggml.pre", GgufValue.text(splitRule()));
        values.put("tokenizer.ggml.tokens", GgufValue.texts(List.of(tokens)));
        values.put("tokenizer.ggml.token_type", GgufValue.integers(types));
        values.put("tokenizer.ggml.merges", GgufValue.texts(merges()));
        values.put("tokenizer.ggml.add_bos_token", GgufValue.bool(beginsWithSpecial()));
        return values;
    }

    /// GGUF orders merges by the score of what they make; here a token's first merge, counted
    /// downwards, is its score.
    private Map<String, GgufValue> sentencePiece() {
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (int id = 0; id < tokens.length; id++) {
            ids.put(tokens[id], id);
        }
        var scores = new float[tokens.length];
        List<String> merges = merges();
        for (int rank = merges.size() - 1; rank >= 0; rank--) {
            Integer made = ids.get(merges.get(rank).replace(" ", ""));
            if (made != null) {
                scores[made] = -(rank + 1);
            }
        }
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id].matches("<0x[0-9A-F]{2}>")) {
                types[id] = BYTE;
            } else if (tokens[id].equals(model.text("unk_token", ""))) {
                types[id] = UNKNOWN;
            }
        }
        Map<String, GgufValue> values = new LinkedHashMap<>();
        values.put("tokenizer.ggml.model", GgufValue.text("llama"));
        values.put("tokenizer.ggml.pre", GgufValue.text("default"));
        values.put("tokenizer.ggml.tokens", GgufValue.texts(List.of(tokens)));
        values.put("tokenizer.ggml.scores", GgufValue.floats(scores));
        values.put("tokenizer.ggml.token_type", GgufValue.integers(types));
        values.put("tokenizer.ggml.add_bos_token", GgufValue.bool(beginsWithSpecial()));
        values.put("tokenizer.ggml.add_space_prefix", GgufValue.bool(prependsSpace()));
        return values;
    }

    /// Each merge as two tokens with a space between, from either way of writing them.
    private List<String> merges() {
        List<String> merges = new ArrayList<>();
        Json.Arr list = model.array("merges");
        for (int i = 0; i < list.size(); i++) {
            if (list.get(i) instanceof Json.Arr pair) {
                merges.add(pair.text(0) + " " + pair.text(1));
            } else {
                merges.add(list.text(i));
            }
        }
        return merges;
    }

    /// llama.cpp's name for the rule that cuts text into words.
    private String splitRule() {
        boolean digits = false;
        String regex = "";
        for (Json.Obj part : parts("pre_tokenizer", "pretokenizers")) {
            switch (part.text("type", "")) {
                case "Digits" -> digits |= part.bool("individual_digits", false);
                case "Split" -> {
                    String found = part.object("pattern").text("Regex", "");
                    digits |= found.equals("\\p{N}");
                    regex = found.equals("\\p{N}") ? regex : found;
                }
                case "ByteLevel" -> regex = part.bool("use_regex", true) ? "gpt2" : regex;
                default -> throw part.wrong("type", "GGUF has no name for such a split rule");
            }
        }
        if (regex.equals("gpt2")) {
            return digits ? "smollm" : "gpt-2";
        }
        if (regex.contains("\\p{Lu}")) {
            return "gpt-4o";
        }
        if (regex.contains("\\p{N}{1,3}")) {
            return "llama-bpe";
        }
        if (regex.contains("|\\p{N}|")) {
            return "qwen2";
        }
        throw new ModelFileException(root.at() + ".pre_tokenizer", "GGUF has no name for such a split rule");
    }

    /// The parts of a step that may be one thing or a sequence.
    private List<Json.Obj> parts(String step, String list) {
        if (!root.has(step)) {
            return List.of();
        }
        Json.Obj one = root.object(step);
        if (!one.has(list)) {
            return List.of(one);
        }
        List<Json.Obj> parts = new ArrayList<>();
        for (int i = 0; i < one.array(list).size(); i++) {
            parts.add(one.array(list).object(i));
        }
        return parts;
    }

    private boolean beginsWithSpecial() {
        for (Json.Obj part : parts("post_processor", "processors")) {
            if (part.text("type", "").equals("TemplateProcessing")) {
                Json.Arr single = part.array("single");
                return single.size() > 0 && single.object(0).has("SpecialToken");
            }
        }
        return false;
    }

    private boolean prependsSpace() {
        return parts("normalizer", "normalizers").stream()
                        .anyMatch(part -> part.text("type", "").equals("Prepend"))
                || parts("pre_tokenizer", "pretokenizers").stream()
                        .anyMatch(part -> part.text("type", "").equals("Metaspace")
                                && !part.text("prepend_scheme", "always").equals("never"));
    }
}
