package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GgufVocabularyTest {
    @TempDir
    private Path folder;

    private Map<String, GgufValue> of(String preTokenizer, int size) {
        Path file = folder.resolve("tokenizer.json");
        AtomicFile.writeText(file, """
            {"added_tokens": [{"id": 3, "content": "<end>", "special": true}],
             "pre_tokenizer": %s,
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
                       "merges": [["a", "b"]]}}\
            """.formatted(preTokenizer));
        return GgufVocabulary.of(file, size);
    }

    private static Object value(Map<String, GgufValue> values, String key) {
        return values.getOrDefault("tokenizer.ggml." + key, GgufValue.text("absent"))
                .value();
    }

    @Test
    void tokensTypesAndMergesStandInTheOrderOfTheIds() {
        Map<String, GgufValue> values = of("{\"type\": \"ByteLevel\", \"use_regex\": true}", 5);
        assertEquals("gpt2", value(values, "model"));
        assertEquals("gpt-2", value(values, "pre"));
        assertEquals(List.of("a", "b", "ab", "<end>", "[PAD4]"), value(values, "tokens"));
        assertArrayEquals(new int[] {1, 1, 1, 3, 5}, (int[]) value(values, "token_type"));
        assertEquals(List.of("a b"), value(values, "merges"));
    }

    @Test
    void splitRulesHaveLlamaCppsNames() {
        String digits = "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\","
                + " \"individual_digits\": true}, {\"type\": \"ByteLevel\"}]}";
        assertEquals("smollm", value(of(digits, 4), "pre"));
        assertThrows(ModelFileException.class, () -> of("{\"type\": \"Whitespace\"}", 4));
    }
}
