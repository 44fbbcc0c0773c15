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
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Files of many kinds that Hugging Face's library made (tools/golden/pipelines.py) and the ids it
/// gives. System property `pipelines` names a folder with more of them; there every file is read.
final class PipelineTest {

    @TempDir
    Path folder;

    private static String resource(String name) throws IOException {
        String more = System.getProperty("pipelines", "");
        if (!more.isEmpty()) {
            return Files.readString(Path.of(more, name));
        }
        try (var in = Objects.requireNonNull(PipelineTest.class.getResourceAsStream("pipelines/" + name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private Tokenizer read(String json) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, json);
        return Tokenizers.file(file);
    }

    private static Json json(String text) {
        return Json.parse("expected", text.getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bert-uncased", "bert-cased", "llama2", "llama2-metaspace", "gemma", "unigram", "clip"})
    void givesTheIdsThatHuggingFaceGives(String name) throws IOException {
        compare(name);
    }

    @Test
    void givesTheIdsOfMoreFiles() throws IOException {
        String more = System.getProperty("pipelines", "");
        for (String name : more.isEmpty() ? List.<String>of() : List.of("t5", "unigram-bytes")) {
            compare(name);
        }
    }

    private void compare(String name) throws IOException {
        Tokenizer tokenizer = read(resource(name + ".json"));
        var wrong = new ArrayList<String>();
        int cases = 0;
        for (String line : resource(name + ".ids").split("\n")) {
            String[] fields = line.split("\t");
            String text = json(fields[0]).text();
            int[] plain = TokenizerJsonTest.ids(fields[1]);
            cases++;
            int[] found = tokenizer.encode(text, Special.PARSE);
            var explained = tokenizer.explain(text, Special.PARSE_AND_ADD);
            String decoded = tokenizer.decode(plain);
            if (!Arrays.equals(plain, found)) {
                wrong.add(fields[0] + ": wanted " + fields[1] + ", found " + Arrays.toString(found));
            } else if (!decoded.equals(json(fields[4]).text())) {
                wrong.add(fields[0] + ": decoded " + fields[4] + ", found " + decoded);
            }
            if (wrong.isEmpty()) {
                int[] added = TokenizerJsonTest.ids(fields[2]);
                assertArrayEquals(added, tokenizer.encode(text, Special.PARSE_AND_ADD), text);
                assertArrayEquals(added, explained.ids(), text);
                checkSpans(text, explained);
            }
        }
        if (cases > 100) {
            System.out.println(name + ": " + (cases - wrong.size()) + " of " + cases + " texts");
        }
        assertEquals(List.of(), wrong.subList(0, Math.min(wrong.size(), 5)), () -> name + ": " + wrong.size());
    }

    /// Tokens lie in the text, in order.
    private static void checkSpans(String text, Explained explained) {
        int bytes = Utf8.bytes(text).length;
        int last = 0;
        for (var token : explained.tokens()) {
            assertTrue(token.byteStart() >= last && token.byteEnd() >= token.byteStart(), text);
            assertTrue(token.byteEnd() <= bytes && token.charEnd() <= text.length(), text);
            last = token.byteStart();
        }
    }

    @Test
    void partsDoWhatTheyDoInHuggingFacesLibrary() throws IOException {
        Json parts = json(resource("parts.json"));
        var wrong = new ArrayList<String>();
        for (String line : resource("parts.tsv").split("\n")) {
            String[] fields = line.split("\t");
            Chars text = Chars.of(json(fields[2]).text());
            Json part = parts.get(fields[0]).get(fields[1]);
            Object wanted = json(fields[3]).value();
            Object found;
            if (fields[0].equals("normalizer")) {
                found = PipelineJson.normalizer(part).apply(text).text();
            } else {
                found = text.isEmpty()
                        ? List.of()
                        : PipelineJson.preTokenizer(part).orElseThrow().cut(text).stream()
                                .map(Chars::text)
                                .toList();
            }
            if (!found.equals(wanted)) {
                wrong.add(fields[1] + " " + fields[2] + ": wanted " + wanted + ", found " + found);
            }
        }
        assertEquals(List.of(), wrong.subList(0, Math.min(wrong.size(), 12)), () -> "of " + wrong.size());
    }

    @Test
    void readsVocabTxt() throws IOException {
        Path file = folder.resolve("vocab.txt");
        Files.writeString(file, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nstudent\n##s\n,\n");
        Tokenizer tokenizer = Tokenizers.file(folder);
        assertArrayEquals(new int[] {2, 4, 5, 6, 1, 3}, tokenizer.encode("Students, graduate", Special.ADD));
        assertEquals("students, [UNK]", tokenizer.decode(4, 5, 6, 1));
        var tokens = tokenizer.explain("Stüdents").tokens();
        assertEquals(
                List.of(0, 7), List.of(tokens.get(0).charStart(), tokens.get(0).charEnd()));
        assertEquals(9, tokens.get(1).byteEnd());
        Files.writeString(file, "a\nb\n");
        assertTrue(String.valueOf(assertThrows(TokenizerException.class, () -> Tokenizers.file(folder))
                        .getMessage())
                .contains("[UNK]"));
    }

    @Test
    void showsTheMerges() throws IOException {
        Tokenizer tokenizer = read("""
            {"version": "1.0", "added_tokens": [], "normalizer": {"type": "Prepend", "prepend": "▁"},
             "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "▁": 1, "a": 2, "b": 3, "ab": 4, "▁ab": 5},
                       "merges": ["a b", "▁ ab"]}}
            """);
        var piece = tokenizer.explain("abé").pieces().get(0);
        assertEquals(2, piece.merges().size());
        assertEquals(1, piece.merges().get(0).at());
        assertEquals(0, piece.merges().get(1).at());
        assertArrayEquals(new int[] {5, 0}, tokenizer.encode("abé"));
        assertEquals(0, piece.tokens().get(0).charStart());
        assertEquals(2, piece.tokens().get(0).charEnd());
        assertEquals(4, piece.tokens().get(1).byteEnd());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"normalizer\": {\"type\": \"Odd\"}",
                "\"pre_tokenizer\": {\"type\": \"Odd\"}",
                "\"pre_tokenizer\": {\"type\": \"UnicodeScripts\"}",
                "\"post_processor\": {\"type\": \"Odd\"}",
                "\"decoder\": {\"type\": \"CTC\"}",
                "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"^a\"}, \"behavior\": \"Odd\"}",
                "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\X\"}, \"content\": \"\"}",
                "\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAAAA==\"}"
            })
    void namesWhatItDoesNotKnow(String part) {
        String json =
                "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}, \"unk_token\": \"a\"}, " + part + "}";
        var e = assertThrows(TokenizerException.class, () -> read(json));
        String key = part.substring(1, part.indexOf('"', 1));
        String message = String.valueOf(e.getMessage());
        assertTrue(message.contains(key) || message.contains("precompiled_charsmap"), message);
    }
}
