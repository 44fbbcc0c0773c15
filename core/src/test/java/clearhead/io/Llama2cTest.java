package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class Llama2cTest {
    @TempDir
    private Path folder;

    /// dim 4, hidden 3, one layer, 2 heads, 1 kv head, 5 tokens, 6 positions; value i at place i.
    private Path file(int vocab, int floats) throws IOException {
        var bytes = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(4).putInt(3).putInt(1).putInt(2).putInt(1).putInt(vocab).putInt(6);
        for (int i = 0; i < floats; i++) {
            bytes.putFloat(i);
        }
        return Files.write(folder.resolve("model.bin"), bytes.array());
    }

    private static final int SHARED = 20 + 4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12 + 4 + 12;

    @Test
    void weightsStandInLlama2csOrder() throws IOException {
        try (Llama2c read = Llama2c.open(file(5, SHARED))) {
            assertEquals(0, read.tensor("model.embed_tokens.weight").at(0));
            assertEquals(
                    20, read.tensor("model.layers.0.input_layernorm.weight").at(0));
            assertEquals(
                    40, read.tensor("model.layers.0.self_attn.k_proj.weight").at(0));
            assertEquals(76, read.tensor("model.layers.0.mlp.gate_proj.weight").at(0));
            assertEquals(88, read.tensor("model.layers.0.mlp.down_proj.weight").at(0));
            assertEquals(112, read.tensor("model.norm.weight").at(0));
            assertEquals(true, read.config().get("tie_word_embeddings"));
            assertFalse(read.has("lm_head.weight"));
        }
        try (Llama2c read = Llama2c.open(file(-5, SHARED + 20))) {
            assertEquals(SHARED, read.tensor("lm_head.weight").at(0));
            assertEquals(false, read.config().get("tie_word_embeddings"));
        }
    }

    @Test
    void sizesMustMatchTheFileExactly() throws IOException {
        for (int floats : new int[] {0, SHARED - 1, SHARED + 1, SHARED + 20}) {
            Path path = file(5, floats);
            assertThrows(ModelFileException.class, () -> Llama2c.open(path).close());
        }
        Path path = file(5, SHARED);
        byte[] bytes = Files.readAllBytes(path);
        for (int field = 0; field < 7; field++) {
            for (int value : new int[] {0, -1, 1 << 30, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                byte[] broken = bytes.clone();
                ByteBuffer.wrap(broken).order(ByteOrder.LITTLE_ENDIAN).putInt(4 * field, value);
                Files.write(path, broken);
                assertThrows(ModelFileException.class, () -> Llama2c.open(path).close());
            }
        }
    }

    @Test
    void agreesWithTheSameModelAsGguf() {
        Path stories = SharedData.path("vectors/stories260K");
        try (Llama2c bin = Llama2c.open(stories.resolve("stories260K.bin"));
                Gguf gguf = Gguf.open(stories.resolve("stories260K-F32.gguf"))) {
            assertArrayEquals(
                    gguf.tensor("blk.3.ffn_up.weight").toFloats(),
                    bin.tensor("model.layers.3.mlp.up_proj.weight").toFloats());
            assertArrayEquals(
                    gguf.tensor("blk.4.attn_k.weight").toFloats(),
                    bin.tensor("model.layers.4.self_attn.k_proj.weight").toFloats());
            assertArrayEquals(
                    gguf.tensor("output_norm.weight").toFloats(),
                    bin.tensor("model.norm.weight").toFloats());
            assertTrue(bin.names().size() == 5 * 9 + 2);
        }
    }
}
