package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SentencePieceTest {

    private static final String MISTRAL = "vectors/tokenizer/sentencepiece/mistral.model.v1";
    private static final String NFKC = "vectors/tokenizer/sentencepiece/test_model.model";
    private static final String STORIES = "vectors/stories260K/tok512.model";

    @TempDir
    Path folder;

    private static Tokenizer model(String path) {
        return Tokenizers.file(SharedData.path(path));
    }

    /// Ids of sentencepiece 0.2.3; made by tools/golden/tokenizer.py.
    @Test
    void givesTheIdsThatSentencePieceGives() throws IOException {
        String file = "";
        int cases = 0;
        for (String line : BpeTrainerTest.resource("sentencepiece.ids").split("\n")) {
            if (line.startsWith("= ")) {
                file = line.substring(2);
                continue;
            }
            String[] fields = line.split("\t");
            String text = Json.parse("ids", fields[0].getBytes(StandardCharsets.UTF_8))
                    .text();
            Tokenizer tokenizer = model(file);
            int[] wanted = TokenizerJsonTest.ids(fields[1]);
            assertArrayEquals(wanted, tokenizer.encode(text), file + ": " + text);
            assertArrayEquals(wanted, tokenizer.explain(text).ids(), file + ": " + text);
            String decoded = Json.parse("ids", fields[2].getBytes(StandardCharsets.UTF_8))
                    .text();
            assertEquals(decoded, tokenizer.decode(wanted), file + ": " + text);
            cases++;
        }
        assertTrue(cases > 30, "cases: " + cases);
    }

    /// Mistral's normalisation only adds a space, so every text comes back.
    @Test
    void givesBackEveryText() {
        Tokenizer tokenizer = model(MISTRAL);
        var random = new Random(6);
        for (int round = 0; round < 1_000; round++) {
            String text = BpeTokenizerTest.randomText(random, random.nextInt(50));
            if (text.contains("▁")) {
                continue;
            }
            int[] ids = tokenizer.encode(text);
            assertEquals(text, tokenizer.decode(ids));
            assertArrayEquals(ids, tokenizer.explain(text).ids());
            var streamed = new StringBuilder();
            StreamingDecoder decoder = tokenizer.decoder(false, 1);
            for (int id : ids) {
                streamed.append(decoder.accept(id));
            }
            assertEquals(text, streamed.append(decoder.finish()).toString());
        }
    }

    /// The other models strip and join spaces, one of them after NFKC: round trips are exact after
    /// that, for characters that the model knows.
    @ParameterizedTest
    @ValueSource(strings = {NFKC, STORIES})
    void givesBackNormalisedTexts(String path) {
        Tokenizer tokenizer = model(path);
        String text = "  Once upon   a time, there was  a ｌittle boy. He ﬁshed for ２ days.  ";
        String form = path.equals(NFKC) ? Normalizer.normalize(text, Normalizer.Form.NFKC) : text;
        String wanted = form.replaceAll(" +", " ").strip();
        assertEquals(wanted, tokenizer.decode(tokenizer.encode(text)));
    }

    @Test
    void readsTheSameFromLlama2c() throws IOException {
        Tokenizer model = model(STORIES);
        Tokenizer bin = model("vectors/stories260K/tok512.bin");
        Tokenizer gguf =
                Tokenizers.gguf(GgufFile.metadata(SharedData.path("vectors/stories260K/stories260K-F32.gguf")));
        assertEquals(model.size(), bin.size());
        for (int id = 0; id < model.size(); id++) {
            assertEquals(model.tokenName(id), bin.tokenName(id));
            assertEquals(model.tokenName(id), gguf.tokenName(id));
            assertEquals(model.isSpecial(id), bin.isSpecial(id));
        }
        String text = Files.readString(SharedData.path("vectors/stories260K/golden-greedy-256.txt"))
                .strip();
        int[] ids = model.encode(text, Special.ADD);
        assertArrayEquals(ids, bin.encode(text, Special.ADD));
        assertArrayEquals(ids, gguf.encode(text, Special.ADD));
        assertEquals(1, ids[0]);
        StreamingDecoder decoder = bin.decoder(false, 1);
        var streamed = new StringBuilder();
        for (int i = 1; i < ids.length; i++) {
            streamed.append(decoder.accept(ids[i]));
        }
        assertEquals(text, streamed.append(decoder.finish()).toString());
        // In the middle of a text a first space is kept.
        assertEquals(
                " time", model.decoder(false, 1, 403).accept(model.id("▁time").orElseThrow()));
    }

    @Test
    void placesTokensInTheText() {
        String text = "Hi  there 🙂";
        var explained = model(MISTRAL).explain(text, Special.ADD);
        assertEquals(Explained.Kind.ADDED, explained.pieces().get(0).kind());
        int end = 0;
        for (var token : explained.tokens()) {
            assertTrue(token.byteStart() == end || token.byteStart() == token.byteEnd());
            end = token.byteEnd();
        }
        assertEquals(text.getBytes(StandardCharsets.UTF_8).length, end);
        var there = explained.tokens().stream()
                .filter(t -> t.name().equals("▁there"))
                .findFirst();
        assertEquals(
                " there",
                text.substring(there.orElseThrow().charStart(), there.get().charEnd()));
        var pieces = explained.pieces();
        var symbols = new ArrayList<>(pieces.get(1).parts());
        for (var merge : pieces.get(1).merges()) {
            assertArrayEquals(merge.left(), symbols.get(merge.at()));
            assertArrayEquals(merge.right(), symbols.remove(merge.at() + 1));
            byte[] both = Arrays.copyOf(merge.left(), merge.left().length + merge.right().length);
            System.arraycopy(merge.right(), 0, both, merge.left().length, merge.right().length);
            symbols.set(merge.at(), both);
        }
        assertEquals(pieces.get(1).tokens().size(), symbols.size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "0", "日"})
    void takesALongTextOfOneCharacter(String unit) {
        Tokenizer tokenizer = model(MISTRAL);
        String text = unit.repeat(300_000);
        Assertions.assertTimeout(
                java.time.Duration.ofSeconds(10), () -> assertEquals(text, tokenizer.decode(tokenizer.encode(text))));
    }

    @Test
    void refusesDamagedFiles() throws IOException {
        var random = new Random(8);
        for (String path : List.of(STORIES, "vectors/stories260K/tok512.bin", NFKC)) {
            byte[] good = Files.readAllBytes(SharedData.path(path));
            String name = path.endsWith(".bin") ? "damaged.bin" : "damaged.model";
            Path file = folder.resolve(name);
            for (int round = 0; round < 120; round++) {
                byte[] bad;
                if (round % 2 == 0) {
                    bad = Arrays.copyOf(good, random.nextInt(good.length));
                } else {
                    bad = good.clone();
                    for (int i = 0; i < 3; i++) {
                        bad[random.nextInt(round % 4 == 1 ? bad.length : 400)] = (byte) random.nextInt(256);
                    }
                }
                Files.write(file, bad);
                try {
                    Tokenizers.file(file).encode("Once upon a ｔime");
                } catch (TokenizerException e) {
                    assertTrue(e.getMessage().contains("damaged"), e.getMessage());
                }
            }
        }
        Files.write(folder.resolve("empty.model"), new byte[0]);
        assertThrows(TokenizerException.class, () -> Tokenizers.file(folder.resolve("empty.model")));
        assertThrows(TokenizerException.class, () -> Tokenizers.file(folder.resolve("none.model")));
    }
}
