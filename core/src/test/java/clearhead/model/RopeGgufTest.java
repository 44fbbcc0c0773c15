package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Gguf;
import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Rotary scalings in a GGUF, in the words of llama.cpp, and back.
class RopeGgufTest {
    private static final Conversion.Options AS_IS = new Conversion.Options(Optional.empty(), false);

    @TempDir
    private Path folder;

    /// The tiny model of tools/golden/rope.py with its own rule, or one changed.
    private Path source(String name, Map<String, ?> changes) throws IOException {
        Json.Arr cases = RopeScalingTest.golden().array("decode");
        Json.Obj config = IntStream.range(0, cases.size())
                .mapToObj(cases::object)
                .filter(c -> c.text("name").startsWith(name))
                .findFirst()
                .orElseThrow()
                .object("config");
        var rope = new LinkedHashMap<String, Object>(
                config.object("rope_parameters").fields());
        rope.putAll(changes);
        Path source = Files.createDirectory(folder.resolve("source"));
        Config changed = new Config(config).with(Map.of("rope_parameters", rope));
        Files.writeString(source.resolve("config.json"), changed.json().toText(true));
        Files.copy(
                SharedData.repository().resolve("core/src/test/resources/clearhead/model/rope.safetensors"),
                source.resolve("model.safetensors"));
        return source;
    }

    private static float[] logits(Path model) {
        try (Backend backend = Backends.named("reference", 1);
                var loaded = Model.load(model, backend);
                var workspace = new Workspace()) {
            int[] ids = IntStream.range(0, 40).map(i -> (7 * i + 3) % 48).toArray();
            return loaded.forward(ForwardPass.of(backend.ops(workspace), ids)).toFloats();
        }
    }

    private void thereAndBack(Path source, String type) {
        Path gguf = folder.resolve("there.gguf");
        Path back = folder.resolve("back");
        Conversion.convert(source, gguf, AS_IS);
        try (Gguf file = Gguf.open(gguf)) {
            assertEquals(type, file.metadata().get("llama.rope.scaling.type"));
        }
        Conversion.convert(gguf, back, AS_IS);
        float[] wanted = logits(source);
        // metadata of a GGUF are float32
        assertArrayEquals(wanted, logits(gguf), 2e-5f);
        assertArrayEquals(wanted, logits(back), 2e-5f);
        RopeScaling before = RopeScaling.of(config(source), 8);
        RopeScaling after = RopeScaling.of(config(back), 8);
        for (int length : new int[] {10, 60}) {
            double[] a = before.frequencies(8, 10000, length);
            double[] b = after.frequencies(8, 10000, length);
            for (int j = 0; j < a.length; j++) {
                assertEquals(a[j], b[j], 1e-7 * a[j]);
            }
        }
        assertEquals(before.magnitude(), after.magnitude(), 1e-7);
    }

    private static Config config(Path folder) {
        return new Config(Json.readObject(folder.resolve("config.json")));
    }

    @Test
    void linear() throws IOException {
        thereAndBack(source("linear", Map.of()), "linear");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "bounds", "magnitude", "mscale"})
    void yarn(String kind) throws IOException {
        Map<String, Object> changes = switch (kind) {
            case "bounds" -> Map.of("beta_fast", 8.0, "beta_slow", 2.0, "mscale", 0.0);
            case "magnitude" -> Map.of("attention_factor", 1.25);
            case "mscale" -> Map.of(); // the file's own has mscale and mscale_all_dim
            default -> Map.of("mscale", 0.0);
        };
        thereAndBack(source("yarn", changes), "yarn");
    }

    @Test
    void longRope() throws IOException {
        thereAndBack(source("longrope", Map.of()), "longrope");
    }

    @Test
    void whatGgufCannotSayIsRefused() throws IOException {
        Path source = source("dynamic", Map.of());
        Path target = folder.resolve("there.gguf");
        String message =
                String.valueOf(assertThrows(ModelFileException.class, () -> Conversion.convert(source, target, AS_IS))
                        .getMessage());
        assertTrue(message.contains("dynamic"), message);
        assertTrue(Files.notExists(target));
    }

    @ParameterizedTest
    @ValueSource(floats = {-1, Float.NaN, Float.POSITIVE_INFINITY})
    void damagedNumbersAreOneClearError(float value) throws IOException {
        Path gguf = folder.resolve("there.gguf");
        Conversion.convert(source("yarn", Map.of()), gguf, AS_IS);
        byte[] bytes = Files.readAllBytes(gguf);
        for (String key : List.of("factor", "yarn_beta_slow", "attn_factor")) {
            byte[] damaged = bytes.clone();
            // key, u32 type 6 (float32), value
            int at = indexOf(bytes, "llama.rope.scaling." + key) + ("llama.rope.scaling." + key).length() + 4;
            ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putFloat(at, value);
            Path file = Files.write(folder.resolve(key + ".gguf"), damaged);
            try (Backend backend = Backends.named("reference", 1)) {
                String message =
                        String.valueOf(assertThrows(ModelFileException.class, () -> Model.load(file, backend), key)
                                .getMessage());
                assertTrue(message.contains("rope") || message.contains("beta"), message);
            }
        }
    }

    private static int indexOf(byte[] bytes, String text) {
        return new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
    }

    /// Trap 10: in a GGUF of this family rows of Wq and Wk are ordered so that rotary pairs are
    /// neighbours; all else is as it was. Reading puts them back.
    @Test
    void trap10GgufPermutesQueriesAndKeysOnly() throws IOException {
        Path source = source("linear", Map.of());
        Path gguf = folder.resolve("there.gguf");
        Conversion.convert(source, gguf, AS_IS);
        try (Checkpoint ours = Safetensors.open(source.resolve("model.safetensors"));
                Gguf theirs = Gguf.open(gguf)) {
            for (String part : List.of("q", "k", "v")) {
                Tensor a = ours.tensor("model.layers.0.self_attn." + part + "_proj.weight"); // [heads·8, 16]
                Tensor b = theirs.tensor("blk.0.attn_" + part + ".weight");
                for (int row = 0; row < a.dim(0); row++) {
                    int j = row % 8;
                    int neighbour = row - j + 2 * (j % 4) + j / 4;
                    int to = part.equals("v") ? row : neighbour;
                    assertArrayEquals(
                            a.rows(row, row + 1).toFloats(), b.rows(to, to + 1).toFloats(), part + " row " + row);
                }
            }
        }
        assertArrayEquals(logits(source), logits(gguf), 2e-5f);
    }
}
