package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Writes byte-level BPE as Hugging Face's `tokenizer.json`.
final class TokenizerJsonWriter {

    private final BpeTokenizer tokenizer;
    private final JsonGenerator json;

    private TokenizerJsonWriter(BpeTokenizer tokenizer, JsonGenerator json) {
        this.tokenizer = tokenizer;
        this.json = json;
    }

    static void write(BpeTokenizer tokenizer, Path file) {
        if (tokenizer.merges().isByBytes()) {
            throw new TokenizerException(tokenizer.name()
                    + ": a vocabulary of ranks has no list of merges, which tokenizer.json"
                    + " needs");
        }
        var out = new ByteArrayOutputStream();
        try (JsonGenerator json =
                new JsonFactory().createGenerator(ObjectWriteContext.empty(), out, JsonEncoding.UTF8)) {
            new TokenizerJsonWriter(tokenizer, json).root();
        }
        try {
            Path target = file.toAbsolutePath();
            Path part = target.resolveSibling(target.getFileName() + ".part");
            Files.write(part, out.toByteArray());
            Files.move(part, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new TokenizerException(file + ": cannot be written: " + e.getMessage(), e);
        }
    }

    private void root() {
        json.writeStartObject();
        json.writeStringProperty("version", "1.0");
        json.writeNullProperty("truncation");
        json.writeNullProperty("padding");
        json.writeArrayPropertyStart("added_tokens");
        for (Added token : tokenizer.added().list()) {
            added(token);
        }
        json.writeEndArray();
        normalizer();
        preTokenizer();
        postProcessor();
        json.writeName("decoder");
        byteLevel(true);
        model();
        json.writeEndObject();
    }

    private void added(Added token) {
        json.writeStartObject();
        json.writeNumberProperty("id", token.id());
        json.writeStringProperty("content", token.text());
        json.writeBooleanProperty("single_word", false);
        json.writeBooleanProperty("lstrip", token.stripLeft());
        json.writeBooleanProperty("rstrip", token.stripRight());
        json.writeBooleanProperty("normalized", false);
        json.writeBooleanProperty("special", token.special());
        json.writeEndObject();
    }

    private void normalizer() {
        tokenizer
                .style()
                .form()
                .ifPresentOrElse(
                        form -> {
                            json.writeObjectPropertyStart("normalizer");
                            json.writeStringProperty("type", form.name());
                            json.writeEndObject();
                        },
                        () -> json.writeNullProperty("normalizer"));
    }

    private void byteLevel(boolean regex) {
        json.writeStartObject();
        json.writeStringProperty("type", "ByteLevel");
        json.writeBooleanProperty("add_prefix_space", tokenizer.style().spaceFirst());
        json.writeBooleanProperty("trim_offsets", true);
        json.writeBooleanProperty("use_regex", regex);
        json.writeEndObject();
    }

    private void preTokenizer() {
        SplitRule rule = tokenizer.style().rule();
        json.writeName("pre_tokenizer");
        switch (rule) {
            case NONE -> byteLevel(false);
            case GPT2 -> byteLevel(true);
            case GPT2_DIGITS -> {
                sequence();
                json.writeStringProperty("type", "Digits");
                json.writeBooleanProperty("individual_digits", true);
                json.writeEndObject();
                byteLevel(true);
                json.writeEndArray();
                json.writeEndObject();
            }
            case CL100K, LLAMA3, QWEN2, O200K -> {
                sequence();
                json.writeStringProperty("type", "Split");
                json.writeObjectPropertyStart("pattern");
                json.writeStringProperty("Regex", pattern(rule));
                json.writeEndObject();
                json.writeStringProperty("behavior", "Isolated");
                json.writeBooleanProperty("invert", false);
                json.writeEndObject();
                byteLevel(false);
                json.writeEndArray();
                json.writeEndObject();
            }
            default ->
                throw new TokenizerException(
                        tokenizer.name() + ": the split rule " + rule + " cannot be written as tokenizer.json");
        }
    }

    private void sequence() {
        json.writeStartObject();
        json.writeStringProperty("type", "Sequence");
        json.writeArrayPropertyStart("pretokenizers");
        json.writeStartObject();
    }

    private static String pattern(SplitRule rule) {
        return TokenizerJsonParts.PATTERNS.entrySet().stream()
                .filter(entry -> entry.getValue() == rule)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    private void postProcessor() {
        BpeTokenizer.Ends ends = tokenizer.ends();
        json.writeName("post_processor");
        if (!ends.addBos() && !ends.addEos()) {
            byteLevel(true);
            return;
        }
        json.writeStartObject();
        json.writeStringProperty("type", "TemplateProcessing");
        for (String key : new String[] {"single", "pair"}) {
            json.writeArrayPropertyStart(key);
            sequence("A", ends, 0);
            if (key.equals("pair")) {
                sequence("B", ends, 1);
            }
            json.writeEndArray();
        }
        json.writeObjectPropertyStart("special_tokens");
        if (ends.addBos()) {
            special(ends.bos());
        }
        if (ends.addEos() && !(ends.addBos() && ends.bos() == ends.eos())) {
            special(ends.eos());
        }
        json.writeEndObject();
        json.writeEndObject();
    }

    private void sequence(String id, BpeTokenizer.Ends ends, int type) {
        if (ends.addBos()) {
            item("SpecialToken", tokenizer.tokenName(ends.bos()), type);
        }
        item("Sequence", id, type);
        if (ends.addEos()) {
            item("SpecialToken", tokenizer.tokenName(ends.eos()), type);
        }
    }

    private void item(String kind, String id, int type) {
        json.writeStartObject();
        json.writeObjectPropertyStart(kind);
        json.writeStringProperty("id", id);
        json.writeNumberProperty("type_id", type);
        json.writeEndObject();
        json.writeEndObject();
    }

    private void special(int id) {
        json.writeObjectPropertyStart(tokenizer.tokenName(id));
        json.writeStringProperty("id", tokenizer.tokenName(id));
        json.writeArrayPropertyStart("ids");
        json.writeNumber(id);
        json.writeEndArray();
        json.writeArrayPropertyStart("tokens");
        json.writeString(tokenizer.tokenName(id));
        json.writeEndArray();
        json.writeEndObject();
    }

    private void model() {
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        json.writeNullProperty("dropout");
        json.writeNullProperty("unk_token");
        json.writeNullProperty("continuing_subword_prefix");
        json.writeNullProperty("end_of_word_suffix");
        json.writeBooleanProperty("fuse_unk", false);
        json.writeBooleanProperty("byte_fallback", false);
        json.writeBooleanProperty("ignore_merges", tokenizer.style().whole());
        json.writeObjectPropertyStart("vocab");
        for (int id = 0; id < tokenizer.size(); id++) {
            if (tokenizer.vocabulary().length(id) > 0) {
                json.writeNumberProperty(tokenizer.tokenName(id), id);
            }
        }
        json.writeEndObject();
        json.writeArrayPropertyStart("merges");
        for (int[] merge : tokenizer.merges().list()) {
            json.writeStartArray();
            json.writeString(tokenizer.tokenName(merge[0]));
            json.writeString(tokenizer.tokenName(merge[1]));
            json.writeEndArray();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
