package clearhead.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Merges as Hugging Face's trainer learned them; made by tools/golden/tokenizer.py.
final class BpeTrainerTest {

    static String resource(String name) throws IOException {
        try (InputStream in = BpeTrainerTest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void learnsTheMergesThatHuggingFaceLearns(@TempDir Path folder) throws IOException {
        Path texts = SharedData.path("vectors/tokenizer/bpe-training");
        int cases = 0;
        for (String block : resource("training.txt").split("(?m)^= ")) {
            if (block.isEmpty()) {
                continue;
            }
            String[] lines = block.split("\n");
            String[] settings = lines[0].split(" ");
            var trainer = new BpeTrainer(Integer.parseInt(settings[2]), List.of("<|endoftext|>"), settings[1])
                    .minFrequency(Integer.parseInt(settings[3]));
            Path text = texts.resolve(settings[0]);
            trainer.add(text);
            Tokenizer tokenizer = trainer.train();
            var merges = new ArrayList<String>();
            for (int[] merge : ((BpeTokenizer) tokenizer).merges().list()) {
                merges.add(tokenizer.tokenName(merge[0]) + " " + tokenizer.tokenName(merge[1]));
            }
            assertEquals(Arrays.asList(lines).subList(1, lines.length), merges, lines[0]);

            Path file = folder.resolve("tokenizer.json");
            TokenizerJson.write(tokenizer, file);
            Tokenizer read = Tokenizers.file(folder);
            String content = Files.readString(text);
            assertArrayEquals(tokenizer.encode(content), read.encode(content));
            assertEquals(content, read.decode(read.encode(content)));
            assertEquals(tokenizer.size(), read.size());
            cases++;
        }
        assertEquals(5, cases);
    }

    @Test
    void countsLinesOfAnyLength() throws IOException {
        String line = "word ".repeat(50_000) + "last\nend";
        var whole = new BpeTrainer(300, List.of());
        whole.add(line);
        var streamed = new BpeTrainer(300, List.of());
        streamed.add(new java.io.ByteArrayInputStream(line.getBytes(StandardCharsets.UTF_8)));
        String text = "word end";
        assertArrayEquals(whole.train().encode(text), streamed.train().encode(text));
    }

    @Test
    void refusesAVocabularyWithoutRoomForTheBytes() {
        assertThrows(TokenizerException.class, () -> new BpeTrainer(256, List.of("<s>")));
        assertThrows(TokenizerException.class, () -> new BpeTrainer(300, List.of(), "gpt3"));
    }

    @Test
    void trainsOnNothing() {
        assertEquals(257, new BpeTrainer(300, List.of("<s>")).train().size());
    }
}
