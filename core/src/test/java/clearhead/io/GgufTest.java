package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class GgufTest {

    @Test
    void publishedFilesAreTakenAndRefusedAsTheirManifestSays() throws IOException {
        Path vectors = SharedData.path("vectors/gguf");
        int tested = 0;
        for (String line : Files.readAllLines(vectors.resolve("manifest.tsv"))) {
            List<String> columns = List.of(line.split("\t"));
            Path path = vectors.resolve(columns.get(0));
            if (!Files.exists(path)) {
                continue;
            }
            tested++;
            if (columns.get(1).equals("accept")) {
                try (Checkpoint checkpoint = Gguf.open(path)) {
                    boolean data = columns.get(0).startsWith("DATA");
                    for (Checkpoint.Entry entry : checkpoint.entries()) {
                        if (data && isSupported(entry.type())) {
                            assertEquals(
                                    entry.shape(),
                                    checkpoint.tensor(entry.name()).shape());
                        } else {
                            assertThrows(ModelFileException.class, () -> checkpoint.tensor(entry.name()));
                        }
                    }
                }
            } else {
                assertThrows(ModelFileException.class, () -> Gguf.open(path).close(), path::toString);
            }
        }
        System.out.println("gguf: " + tested + " files of the manifest tested");
        assertTrue(tested >= 49, tested + " files of the manifest");
    }

    private static boolean isSupported(String type) {
        return GgufType.valueOf(type).type().isPresent();
    }

    @Test
    void readsTheStoriesModel() {
        Path path = SharedData.path("vectors/stories260K/stories260K-Q8_0.gguf");
        try (Checkpoint checkpoint = Gguf.open(path)) {
            assertEquals("llama", checkpoint.metadata().get("general.architecture"));
            assertEquals(64L, checkpoint.metadata().get("llama.embedding_length"));
            assertEquals(
                    new Shape(512, 64), checkpoint.tensor("token_embd.weight").shape());
            assertEquals(DType.Q8_0, checkpoint.tensor("blk.0.attn_q.weight").type());
            Object tokens = checkpoint.metadata().get("tokenizer.ggml.tokens");
            assertTrue(tokens instanceof List<?> list && list.size() == 512);
        }
    }
}
