package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ConversionTest {
    private static final Conversion.Options AS_IS = new Conversion.Options(Optional.empty(), false);

    @TempDir
    private Path folder;

    private static Conversion.Options as(DType type) {
        return new Conversion.Options(Optional.of(type), false);
    }

    private static void assertSame(Path wanted, Path found) {
        try (Checkpoint a = Safetensors.open(wanted);
                Checkpoint b = Safetensors.open(found)) {
            assertEquals(Set.copyOf(a.names()), Set.copyOf(b.names()));
            for (String name : a.names()) {
                assertEquals(a.tensor(name).type(), b.tensor(name).type(), name);
                assertEquals(a.tensor(name).shape(), b.tensor(name).shape(), name);
                assertEquals(-1, a.tensor(name).data().mismatch(b.tensor(name).data()), name);
            }
        }
    }

    private static float[] logits(Path model) {
        try (Backend backend = Backends.named("reference", 1);
                var loaded = Model.load(model, backend);
                var workspace = new Workspace()) {
            var ops = backend.ops(workspace);
            return loaded.forward(ForwardPass.of(ops, 5, 6, 7, 8, 9, 10, 11, 12))
                    .toFloats();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "llama", "llama-plain"})
    void toGgufAndBackIsTheSameModel(String name) {
        Path source = SharedData.path("golden/causal/" + name);
        Path gguf = folder.resolve("there.gguf");
        Path back = folder.resolve("back");
        Conversion.convert(source, gguf, AS_IS);
        Conversion.convert(gguf, back, AS_IS);
        assertSame(source.resolve("model.safetensors"), back.resolve("model.safetensors"));
        float[] wanted = logits(source);
        assertArrayEquals(wanted, logits(gguf), 1e-5f);
        assertArrayEquals(wanted, logits(back), 1e-5f);
    }

    /// GGUF keeps Llama 3's rotary rule as divisors only; transformers wants the rule.
    @Test
    void theRuleBehindRotaryDivisorsIsFoundAgain() {
        Path source = SharedData.path("golden/causal/llama");
        Conversion.convert(source, folder.resolve("there.gguf"), AS_IS);
        Conversion.convert(folder.resolve("there.gguf"), folder.resolve("back"), AS_IS);
        Json.Obj rope = Json.readObject(folder.resolve("back/config.json")).object("rope_parameters");
        assertEquals("llama3", rope.text("rope_type"));
        assertEquals(8, rope.real("factor"));
        assertEquals(64, rope.integer("original_max_position_embeddings"));
    }

    @Test
    void llama2cAndGgufGiveTheSameFolder() {
        Path stories = SharedData.path("vectors/stories260K");
        Path fromBin = folder.resolve("bin");
        Path fromGguf = folder.resolve("gguf");
        Conversion.convert(stories.resolve("stories260K.bin"), fromBin, AS_IS);
        Conversion.convert(stories.resolve("stories260K-F32.gguf"), fromGguf, AS_IS);
        try (Checkpoint bin = Safetensors.open(fromBin.resolve("model.safetensors"));
                Checkpoint gguf = Safetensors.open(fromGguf.resolve("model.safetensors"))) {
            for (String name : bin.names()) {
                assertEquals(
                        -1, gguf.tensor(name).data().mismatch(bin.tensor(name).data()), name);
            }
            // one ties its head to the embedding, the other holds it twice
            assertEquals(List.of("lm_head.weight"), onlyIn(gguf, bin));
        }
    }

    private static List<String> onlyIn(Checkpoint a, Checkpoint b) {
        return a.names().stream().filter(name -> !b.has(name)).toList();
    }

    @Test
    void matricesAreStoredAsWanted() {
        Path stories = SharedData.path("vectors/stories260K");
        Path source = stories.resolve("stories260K-F32.gguf");
        for (DType type : List.of(DType.F16, DType.Q8_0)) {
            Path target = folder.resolve(type + ".gguf");
            Conversion.convert(source, target, as(type));
            try (Gguf wanted = Gguf.open(stories.resolve("stories260K-" + type + ".gguf"));
                    Gguf found = Gguf.open(target)) {
                assertEquals(Set.copyOf(wanted.names()), Set.copyOf(found.names()));
                for (String name : wanted.names()) {
                    Tensor tensor = wanted.tensor(name);
                    if (type == DType.F16 && name.endsWith("ffn_down.weight")) {
                        // its maker kept in F32 here what Q8_0 could not hold
                        assertEquals(DType.F16, found.tensor(name).type());
                        continue;
                    }
                    assertEquals(tensor.type(), found.tensor(name).type(), name);
                    assertEquals(-1, tensor.data().mismatch(found.tensor(name).data()), name);
                }
                assertEquals(
                        wanted.metadata().get("llama.block_count"),
                        found.metadata().get("llama.block_count"));
                assertTrue(found.metadata().containsKey("tokenizer.ggml.tokens"));
            }
        }
        Path narrow = folder.resolve("narrow");
        Conversion.convert(source, narrow, as(DType.BF16));
        try (Checkpoint found = Safetensors.open(narrow.resolve("model.safetensors"))) {
            assertTrue(found.entries().stream().allMatch(e -> e.type().equals("BF16")));
        }
        assertEquals("bfloat16", Json.readObject(narrow.resolve("config.json")).text("dtype"));
    }

    @Test
    void targetsThatAreThereStay() throws IOException {
        Path source = SharedData.path("golden/causal/gpt2");
        Path target = Files.writeString(folder.resolve("there.gguf"), "mine");
        assertThrows(ModelFileException.class, () -> Conversion.convert(source, target, AS_IS));
        assertEquals("mine", Files.readString(target));
        Path quantized = folder.resolve("q");
        assertThrows(ModelFileException.class, () -> Conversion.convert(source, quantized, as(DType.Q8_0)));
        assertFalse(Files.exists(quantized));
    }
}
