package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A file that Hugging Face's library wrote, the ids it gives, and files that must be refused.
final class TokenizerJsonTest {

    @TempDir
    Path folder;

    private Tokenizer read(String json) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, json);
        return TokenizerJson.read(file);
    }

    @Test
    void givesTheIdsThatHuggingFaceGives() throws IOException {
        Tokenizer tokenizer = read(BpeTrainerTest.resource("llama3-style.json"));
        var again = folder.resolve("again.json");
        TokenizerJson.write(tokenizer, again);
        for (Tokenizer t : List.of(tokenizer, TokenizerJson.read(again))) {
            for (String line : BpeTrainerTest.resource("llama3-style.ids").split("\n")) {
                String[] fields = line.split("\t");
                String text = Json.parse("ids", fields[0].getBytes(StandardCharsets.UTF_8))
                        .text();
                assertArrayEquals(ids(fields[1]), t.encode(text, Special.PARSE), text);
                assertArrayEquals(ids(fields[2]), t.encode(text, Special.PARSE_AND_ADD), text);
                var explained = t.explain(text, Special.PARSE_AND_ADD);
                assertArrayEquals(ids(fields[2]), explained.ids(), text);
            }
        }
    }

    static int[] ids(String list) {
        return Arrays.stream(list.substring(1, list.length() - 1).split(", "))
                .filter(id -> !id.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    /// The smallest file: letters a and b, one merge, given in both forms.
    private static String small(String merges) {
        return """
            {"version": "1.0", "added_tokens": [], "normalizer": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
             "post_processor": null, "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}, "merges": %s}}
            """.formatted(merges);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[\"a b\"]", "[[\"a\", \"b\"]]"})
    void readsBothFormsOfMerges(String merges) throws IOException {
        assertArrayEquals(new int[] {2, 0, 3, 1}, read(small(merges)).encode("aba b"));
        // Bytes without a token vanish, as they do in Hugging Face's library.
        assertArrayEquals(new int[] {0, 1}, read(small(merges)).encode("aXb"));
        assertArrayEquals(new int[] {0, 1}, read(small(merges)).explain("aXb").ids());
    }

    @Test
    void putsASpaceFirstWhereAsked() throws IOException {
        String json = small("[\"a b\"]").replace("\"add_prefix_space\": false", "\"add_prefix_space\": true");
        Tokenizer tokenizer = read(json);
        assertArrayEquals(new int[] {3, 2}, tokenizer.encode("ab"));
        assertArrayEquals(new int[] {3, 2}, tokenizer.encode(" ab"));
        var tokens = tokenizer.explain("ab").tokens();
        assertEquals(0, tokens.get(0).byteEnd());
        assertEquals(0, tokens.get(1).byteStart());
        assertEquals(2, tokens.get(1).byteEnd());
    }

    @Test
    void refusesWhatItDoesNotUnderstand() throws IOException {
        String good = small("[\"a b\"]");
        String[][] cases = {
            {"\"BPE\"", "\"Odd\"", "model.type"},
            {"\"BPE\"", "\"WordPiece\"", "merges"},
            {"\"normalizer\": null", "\"normalizer\": {\"type\": \"Odd\"}", "normalizer.type"},
            {"{\"type\": \"ByteLevel\", \"add", "{\"type\": \"Metaspace\", \"add", "pre_tokenizer"},
            {"\"post_processor\": null", "\"post_processor\": {\"type\": \"Odd\"}", "post_processor"},
            {"\"version\"", "\"surprise\": 1, \"version\"", "surprise"},
            {"[\"a b\"]", "[\"a c\"]", "merges[0]"},
            {"[\"a b\"]", "[\"a b c\"]", "merges[0]"},
            {"[\"a b\"]", "[[\"a\"]]", "merges[0]"},
            {"[\"a b\"]", "[7]", "merges[0]"},
            {"[\"a b\"]", "{}", "merges"},
            {"\"b\": 1", "\"a\": 1", "twice"},
            {"\"b\": 1", "\"b\": 0", "twice"},
            {"\"b\": 1", "\"b\": 2000000000", "model.vocab.b"},
            {"\"b\": 1", "\"b\": 99999999999999999999", "model.vocab.b"},
            {"\"b\": 1", "\"b\": -1", "model.vocab.b"},
            {"\"b\": 1", "\"b\": \"1\"", "model.vocab.b"},
            {"\"b\": 1", "\"b\": 1.5", "model.vocab.b"},
            {"\"b\": 1", "\"b\": [[[[", "JSON"},
        };
        for (String[] one : cases) {
            String bad = good.replace(one[0], one[1]);
            var e = assertThrows(TokenizerException.class, () -> read(bad), one[1]);
            assertTrue(e.getMessage().contains(one[2]), e.getMessage());
        }
    }

    @Test
    void refusesDeepNestingAndBrokenFiles() throws IOException {
        var bad = new ArrayList<String>(List.of("", "{", "[]", "nul", "{}", "{} {}", "\"x\"", "{\"model\": 3}"));
        bad.add("[".repeat(100_000));
        bad.add("{\"a\":".repeat(100_000));
        String good = small("[\"a b\"]");
        var random = new Random(4);
        for (int i = 0; i < 150; i++) {
            bad.add(good.substring(0, random.nextInt(good.length() - 2)));
        }
        for (String json : bad) {
            assertThrows(TokenizerException.class, () -> read(json));
        }
        // Any single changed byte: a tokenizer or one clear error.
        byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 800; i++) {
            byte[] changed = bytes.clone();
            changed[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            Path file = folder.resolve("changed.json");
            Files.write(file, changed);
            try {
                TokenizerJson.read(file).encode("ab ba");
            } catch (TokenizerException e) {
                assertTrue(e.getMessage().contains("changed.json"), e.getMessage());
            }
        }
    }
}
