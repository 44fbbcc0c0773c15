package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SentencePieceFileTest {
    @TempDir
    private Path folder;

    private static void assertSame(SentencePieceFile wanted, SentencePieceFile found) {
        assertEquals(wanted.pieces(), found.pieces());
        assertArrayEquals(wanted.scores(), found.scores());
        assertArrayEquals(wanted.types(), found.types());
        assertEquals(wanted.addPrefix(), found.addPrefix());
    }

    @Test
    void theThreeFilesOfOneVocabularyAgree() {
        Path stories = SharedData.path("vectors/stories260K");
        var model = SentencePieceFile.read(stories.resolve("tok512.model"));
        assertEquals(512, model.pieces().size());
        assertSame(model, SentencePieceFile.readLlama2c(stories.resolve("tok512.bin")));
        try (Gguf gguf = Gguf.open(stories.resolve("stories260K-F32.gguf"))) {
            assertSame(model, SentencePieceFile.of(gguf));
        }
    }

    @Test
    void whatIsWrittenComesBack() {
        var made = new SentencePieceFile(
                List.of("<unk>", "<s>", "</s>", "<0x0A>", "▁a"),
                new float[] {0, 0, 0, 0, -1.5f},
                new int[] {2, 3, 3, 6, 1},
                false);
        Path file = folder.resolve("tokenizer.model");
        made.write(file);
        assertSame(made, SentencePieceFile.read(file));
    }

    @Test
    void damagedFilesAreOneError() throws IOException {
        var made = new SentencePieceFile(List.of("<unk>", "▁a"), new float[] {0, 1}, new int[] {2, 1}, true);
        Path valid = folder.resolve("valid.model");
        made.write(valid);
        byte[] bytes = Files.readAllBytes(valid);
        Path file = folder.resolve("damaged.model");
        var random = new Random(5);
        for (int round = 0; round < 2000; round++) {
            byte[] damaged = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length + 4));
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            Files.write(file, damaged);
            try {
                SentencePieceFile.read(file);
            } catch (ModelFileException _) {
                continue;
            }
        }
        Files.write(file, new byte[0]);
        assertThrows(ModelFileException.class, () -> SentencePieceFile.read(file));
        assertThrows(ModelFileException.class, () -> SentencePieceFile.readLlama2c(file));
    }
}
