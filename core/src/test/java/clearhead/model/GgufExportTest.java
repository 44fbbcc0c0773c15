package clearhead.model;

import static clearhead.testing.GoldenFolders.closeToLargest;
import static clearhead.testing.GoldenFolders.ints;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.GoldenFolders.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Models of every family as GGUF files and back, against the folders they were made of.
class GgufExportTest {
    private static final Conversion.Options AS_IS = new Conversion.Options(Optional.empty(), false);

    @TempDir
    private Path folder;

    /// Models that a GGUF cannot hold, with words of the error; everything else must come through.
    private static final Map<String, String> REFUSED = Map.ofEntries(
            Map.entry("bloom-post", "NormedResidual"),
            Map.entry("cohere-qk-norm", "before.query"),
            Map.entry("falcon-alibi", "positions is None"),
            Map.entry("falcon-new", "query.bias"),
            Map.entry("gemma2", "spec.scale"), // query_pre_attn_scalar is not the width of a head
            Map.entry("gemma3_text", "spec.scale"),
            Map.entry("gpt2", "spec.scale"), // scores scaled by the number of the layer
            Map.entry("gpt_neox", "mlp.act"),
            Map.entry("gpt_oss", "limit is 1.5"), // llama.cpp bounds at 7
            Map.entry("llama-dynamic", "dynamic NTK"),
            Map.entry("mpt", "spec.scale"),
            Map.entry("olmoe", "before.query"), // clip_qkv
            Map.entry("phi-qk-norm", "before.query"),
            Map.entry("qwen3_moe", "mlp is Gated"), // a layer without experts
            Map.entry("smollm3", "positions is None"), // other layers without rotation than usual
            Map.entry("stablelm-parallel", "llama.cpp has no tensor"));

    /// Families for which llama.cpp has no architecture, or none that is written.
    private static final Set<String> NO_ARCHITECTURE = Set.of(
            "deepseek_v2",
            "deepseek_v3",
            "ernie4_5_moe",
            "gemma4_text",
            "glm4_moe",
            "gpt_neo",
            "gptj",
            "granitemoehybrid",
            "lfm2",
            "llama4_text",
            "mamba",
            "mamba2",
            "nanochat",
            "opt",
            "qwen3_5_text",
            "qwen3_next",
            "rwkv");

    @TestFactory
    Stream<DynamicTest> theSameLogitsFromAGguf() {
        var tests = new ArrayList<DynamicTest>();
        for (Golden golden : GoldenFolders.of("causal")) {
            if (Architecture.names().contains(golden.modelType())) {
                tests.add(dynamicTest(golden.name(), () -> check(golden)));
            }
        }
        return tests.stream();
    }

    private void check(Golden golden) {
        Path gguf = folder.resolve(golden.name().replace('/', '-') + ".gguf");
        Optional<String> refused = refusal(golden);
        if (refused.isPresent()) {
            var e = assertThrows(ModelFileException.class, () -> Conversion.convert(golden.folder(), gguf, AS_IS));
            assertTrue(String.valueOf(e.getMessage()).contains(refused.get()), e.getMessage());
            assertTrue(Files.notExists(gguf));
            return;
        }
        var result = Conversion.convert(golden.folder(), gguf, AS_IS);
        boolean noWindow = result.notes().stream().anyMatch(note -> note.contains("sliding window"));
        int[] ids = prompt(golden.folder());
        int[] seen = noWindow ? Arrays.copyOf(ids, 5) : ids; // shorter than the windows, which are lost
        float[] wanted = logits(golden.folder(), seen);
        closeToLargest("from the GGUF", wanted, logits(gguf, seen), 1e-5);
        Path back = folder.resolve(golden.name().replace('/', '-'));
        Conversion.convert(gguf, back, AS_IS);
        closeToLargest("from the folder made of it", wanted, logits(back, seen), 1e-5);
    }

    private static Optional<String> refusal(Golden golden) {
        if (NO_ARCHITECTURE.contains(golden.modelType())) {
            return Optional.of("cannot be written as a GGUF");
        }
        // a model of the same name among the shared ones has the usual settings
        boolean committed = golden.folder().startsWith(GoldenFolders.committed());
        String name = String.valueOf(golden.folder().getFileName());
        return committed || name.equals("llama-dynamic") ? Optional.ofNullable(REFUSED.get(name)) : Optional.empty();
    }

    private static int[] prompt(Path model) {
        try (Checkpoint expected = Safetensors.open(model.resolve("expected.safetensors"))) {
            int[] ids = ints(expected, "input_ids"); // [2, tokens]
            return Arrays.copyOf(ids, ids.length / 2);
        }
    }

    private static float[] logits(Path model, int[] ids) {
        try (Backend backend = Backends.named("reference", 1);
                var loaded = Model.load(model, backend);
                var workspace = new Workspace()) {
            return loaded.forward(ForwardPass.of(backend.ops(workspace), ids)).toFloats();
        }
    }
}
