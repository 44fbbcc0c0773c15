package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.io.SafetensorsWriter;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.DType;
import clearhead.tensor.Memory;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a model needs is known, and refused, before it is loaded.
class ModelSizeTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private static Architecture llama(int vocab, int dim) {
        return Architecture.of(Config.of(
                "test",
                Map.of(
                        "model_type", "llama",
                        "vocab_size", vocab,
                        "max_position_embeddings", 16,
                        "hidden_size", dim,
                        "num_hidden_layers", 2,
                        "num_attention_heads", 2,
                        "num_key_value_heads", 1,
                        "head_dim", 4,
                        "intermediate_size", 12,
                        "rms_norm_eps", 1e-5)));
    }

    private void config(Architecture architecture) throws IOException {
        Files.writeString(
                folder.resolve("config.json"),
                Json.object(architecture.config()).toText(true));
    }

    @Test
    void sizesAreKnownWithoutLoading() throws IOException {
        Architecture architecture = llama(32, 8);
        try (Arena arena = Arena.ofConfined()) {
            var parameters = new LinkedHashMap<String, Tensor>();
            for (Parameter p : architecture.parameters()) {
                parameters.put(
                        p.name(), Tensor.zeros(arena, DType.F32, p.shape().dims()));
            }
            SafetensorsWriter.write(folder.resolve("model.safetensors"), parameters, Map.of());
        }
        config(architecture);
        try (Backend reference = Backends.named("reference", 1);
                Backend vector = Backends.named("vector", 1)) {
            ModelSize size = ModelSize.of(folder, reference);
            // q, k, v, o and three of the feed-forward layer, and two norms
            long matrices = 2 * (64 + 32 + 32 + 64 + 3 * 96) + 256;
            long vectors = 2 * 16 + 8;
            assertEquals(256 + matrices + vectors, size.parameters());
            assertEquals(Map.of("F32", size.parameters()), size.types());
            assertEquals(4 * size.parameters(), size.fileBytes());
            assertEquals(new ModelSize.Needs(0, 4 * matrices, 4 * vectors), size.needs());
            // keys and values of a head of 4 in two layers
            assertEquals(2 * 2 * 4 * 4, size.cacheBytes());
            assertEquals(2, size.layers());
            assertEquals(16, size.context());
            ModelSize.Needs packed = ModelSize.of(folder, vector).needs();
            assertEquals(0, packed.inPlace());
            assertTrue(packed.packed() >= 4 * matrices, packed.toString());
        }
    }

    @Test
    void packedBytesAreThoseOfThePackedWeight() {
        try (Backend vector = Backends.named("vector", 1);
                Arena arena = Arena.ofConfined()) {
            for (DType type :
                    List.of(DType.F32, DType.F16, DType.BF16, DType.Q8_0, DType.Q4_0, DType.Q4_K, DType.Q6_K)) {
                for (int outputs : new int[] {1, 40, 4096}) {
                    Tensor packed = vector.pack(Tensor.zeros(arena, type, outputs, 512), arena);
                    assertEquals(
                            packed.data().byteSize(),
                            vector.packedBytes(type, new Shape(outputs, 512)),
                            type + " " + outputs);
                }
            }
        }
    }

    /// A file with holes, of which nothing is read.
    @Test
    void aModelThatDoesNotFitIsRefusedInOneLine() throws IOException {
        Assumptions.assumeTrue(Memory.available().isPresent(), "skipped: this system does not say what is free");
        Architecture architecture = llama(1 << 20, 1 << 18);
        long at = 0;
        var header = new LinkedHashMap<String, Object>();
        for (Parameter p : architecture.parameters()) {
            long end = at + 4 * p.shape().size();
            List<Long> dims =
                    Arrays.stream(p.shape().dims()).mapToObj(d -> (long) d).toList();
            header.put(p.stored().name(), Map.of("dtype", "F32", "shape", dims, "data_offsets", List.of(at, end)));
            at = end;
        }
        byte[] text = Json.object(header).toText(false).getBytes(StandardCharsets.UTF_8);
        try (var file = new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            file.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(text.length)
                    .array());
            file.write(text);
            file.setLength(8 + text.length + at);
        }
        config(architecture);
        for (String name : List.of("reference", "vector")) {
            try (Backend backend = Backends.named(name, 1)) {
                var e = assertThrows(IllegalStateException.class, () -> Model.load(folder, backend));
                String message = String.valueOf(e.getMessage());
                assertTrue(message.contains("of memory") && message.contains("are free; choose a smaller"), message);
                assertFalse(message.contains("\n"), message);
            }
        }
    }
}
