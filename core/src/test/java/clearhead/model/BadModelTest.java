package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.SafetensorsWriter;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Files that are no good: one clear error that names what is wrong.
class BadModelTest {
    private static final Architecture LLAMA = Architecture.of(Config.of(
            "test",
            Map.of(
                    "model_type", "llama",
                    "vocab_size", 32,
                    "max_position_embeddings", 16,
                    "hidden_size", 8,
                    "num_hidden_layers", 2,
                    "num_attention_heads", 2,
                    "num_key_value_heads", 1,
                    "head_dim", 4,
                    "intermediate_size", 12,
                    "rms_norm_eps", 1e-5)));

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @BeforeEach
    void write() throws IOException {
        write(LLAMA, _ -> {});
    }

    private void write(Architecture architecture, Consumer<Map<String, Tensor>> damage) throws IOException {
        try (var arena = Arena.ofConfined()) {
            var parameters = new LinkedHashMap<String, Tensor>();
            int n = 0;
            for (Parameter p : architecture.parameters()) {
                Tensor t = Tensor.zeros(arena, DType.F32, p.shape().dims());
                for (long i = 0; i < t.size(); i++) {
                    t.set(i, p.init().mean() + 0.1 * Math.sin(n++));
                }
                parameters.put(p.name(), t);
            }
            damage.accept(parameters);
            SafetensorsWriter.write(folder.resolve("model.safetensors"), parameters, Map.of());
        }
        config(architecture.config());
    }

    private void config(Map<String, ?> fields) throws IOException {
        Files.writeString(folder.resolve("config.json"), Json.object(fields).toText(true));
    }

    private void config(String name, Object value) throws IOException {
        var fields = new LinkedHashMap<>(LLAMA.config());
        fields.put(name, value);
        config(fields);
    }

    private String error() {
        try (Backend backend = Backends.named("reference", 1)) {
            var e = assertThrows(RuntimeException.class, () -> Model.load(folder, backend));
            String message = String.valueOf(e.getMessage());
            assertTrue(e instanceof ModelFileException, () -> e.toString());
            assertFalse(message.contains("\n"));
            return message;
        }
    }

    private void requireError(String... parts) {
        String message = error();
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    @Test
    void theUndamagedFileRuns() {
        try (Backend backend = Backends.named("reference", 1);
                var model = Model.load(folder, backend);
                var workspace = new Workspace()) {
            Tensor logits = model.forward(ForwardPass.of(backend.ops(workspace), 1, 2, 3));
            assertEquals(3 * 32, logits.size());
            assertFalse(model.hasTokenizer());
            assertThrows(ModelFileException.class, model::tokenizer);
        }
    }

    @Test
    void fewerLayersThanTheConfigSays() throws IOException {
        config("num_hidden_layers", 4);
        requireError("model.layers.2.input_layernorm.weight", "4 layers");
    }

    @Test
    void moreLayersThanTheConfigSays() throws IOException {
        config("num_hidden_layers", 1);
        requireError("model.layers.1.", "1 layers");
    }

    @Test
    void anotherShape() throws IOException {
        config("intermediate_size", 16);
        requireError("gate_proj", "[12, 8]", "[16, 8]");
    }

    @ParameterizedTest
    @CsvSource({
        "num_hidden_layers, 1000000000",
        "num_hidden_layers, 0",
        "hidden_size, -1",
        "hidden_size, 2147483647",
        "vocab_size, 3000000000",
        "num_key_value_heads, 3",
        "head_dim, 5",
        "intermediate_size, 0",
    })
    void sizesOutOfRange(String name, long value) throws IOException {
        config(name, value);
        requireError(name);
    }

    @Test
    void hugeContextsAllocateNoHugeTables() throws IOException {
        config("max_position_embeddings", 67_000_000);
        try (Backend backend = Backends.named("reference", 1);
                var model = Model.load(folder, backend)) {
            assertEquals(1 << 17, model.context());
        }
    }

    @Test
    void unknownArchitecture() throws IOException {
        config("model_type", "lama");
        requireError("\"lama\"", "the nearest known are llama");
    }

    @Test
    void unknownRotaryScaling() throws IOException {
        config("rope_parameters", Map.of("rope_type", "bent", "factor", 4.0));
        requireError("\"bent\"", "dynamic, yarn, longrope");
    }

    @Test
    void unknownActivation() throws IOException {
        config("hidden_act", "mish");
        requireError("mish");
    }

    @Test
    void missingConfig() throws IOException {
        Files.delete(folder.resolve("config.json"));
        requireError("config.json");
    }

    @Test
    void cutShort() throws IOException {
        Path file = folder.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 100));
        requireError("model.safetensors");
    }

    @Test
    void notANumber() throws IOException {
        write(LLAMA, p -> {
            Tensor up = p.get("model.layers.1.mlp.up_proj.weight");
            if (up != null) {
                up.set(17, Double.NaN);
            }
        });
        try (Backend backend = Backends.named("reference", 1);
                var model = Model.load(folder, backend);
                var workspace = new Workspace()) {
            var ops = backend.ops(workspace);
            var e = assertThrows(ModelFileException.class, () -> model.forward(ForwardPass.of(ops, 1, 2)));
            String message = String.valueOf(e.getMessage());
            assertTrue(message.contains("model.layers.1.mlp.up_proj.weight"), message);
            assertTrue(message.contains("NaN at element 17"), message);
        }
    }

    @Test
    void idsOutsideTheVocabulary() {
        try (Backend backend = Backends.named("reference", 1);
                var model = Model.load(folder, backend);
                var workspace = new Workspace()) {
            var ops = backend.ops(workspace);
            assertThrows(IllegalArgumentException.class, () -> model.forward(ForwardPass.of(ops, 1, 32)));
            assertThrows(IllegalArgumentException.class, () -> model.forward(ForwardPass.of(ops, -1)));
        }
    }
}
