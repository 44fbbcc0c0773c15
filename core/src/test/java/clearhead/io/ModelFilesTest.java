package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ModelFilesTest {
    @TempDir
    private Path models;

    @BeforeEach
    void makeModels() throws IOException {
        Files.createDirectories(models.resolve("tales"));
        Files.createFile(models.resolve("tales/model.safetensors"));
        Files.createFile(models.resolve("smol.gguf"));
        Files.createDirectories(models.resolve("empty"));
        Files.createDirectories(models.resolve("one"));
        Files.createFile(models.resolve("one/weights.gguf"));
    }

    private ModelFiles resolve(String model) {
        return ModelFiles.resolve(model, List.of(models.resolve("none"), models));
    }

    @Test
    void findsByNameFolderAndFile() {
        Path tales = models.resolve("tales");
        assertEquals(tales, resolve("tales").path());
        assertEquals("tales", resolve(tales.toString()).name());
        assertEquals(
                "tales", resolve(tales.resolve("model.safetensors").toString()).name());
        assertEquals(tales.resolve("model.safetensors"), resolve("tales").weights());
        assertEquals(models.resolve("smol.gguf"), resolve("smol").path());
        assertEquals(models.resolve("one/weights.gguf"), resolve("one").path());
        assertEquals(models, resolve("smol").folder());
    }

    @Test
    void listsWhatCanBeRun() {
        assertEquals(
                List.of("one", "smol", "tales"),
                ModelFiles.list(List.of(models)).stream().map(ModelFiles::name).toList());
    }

    @Test
    void unknownNamesSuggestTheNearest() {
        var e = assertThrows(ModelFileException.class, () -> resolve("tails"));
        assertTrue(e.getMessage().contains("nearest is \"tales\""), e.getMessage());
        e = assertThrows(ModelFileException.class, () -> resolve(models + "/smoll.gguf"));
        assertTrue(e.getMessage().contains("nearest is \"smol.gguf\""), e.getMessage());
        for (String bad : List.of("", " ", "a\0b", "zzzzzzzzzzzzz")) {
            assertThrows(ModelFileException.class, () -> resolve(bad));
        }
        assertThrows(ModelFileException.class, () -> resolve(models + "/empty"));
    }
}
