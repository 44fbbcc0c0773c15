package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.tensor.Tensor;
import clearhead.testing.GoldenFolders;
import clearhead.testing.GoldenFolders.Golden;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FamilyTest {

    /// A family whose experts are written one by one, though its checkpoints hold them in one tensor: to be put
    /// right, and then taken out here.
    private static final Set<String> OTHER_NAMES = Set.of("granitemoe", "granitemoehybrid");

    /// The golden models whose family is there.
    static List<Golden> models() {
        return GoldenFolders.of("causal").stream()
                .filter(golden -> Architecture.names().contains(golden.modelType()))
                .filter(golden -> !OTHER_NAMES.contains(golden.modelType()))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void exportedParametersAreTheCheckpoint(Golden golden) {
        Path folder = golden.folder();
        var architecture = Architecture.of(new Config(Json.readObject(folder.resolve("config.json"))));
        try (Checkpoint checkpoint = Safetensors.open(folder.resolve("model.safetensors"));
                var arena = Arena.ofShared()) {
            var weights = new CheckpointWeights(checkpoint, architecture, CheckpointWeights.Packing.NONE, arena);
            var exported = Exported.of(architecture, parameter -> weights.parameter(parameter, arena), arena);
            assertEquals(new TreeSet<>(checkpoint.names()), new TreeSet<>(exported.keySet()));
            // there and back again, through e^x or x + 1
            Set<String> changed = architecture.parameters().stream()
                    .map(Parameter::stored)
                    .filter(place -> place.change() != Parameter.Change.NONE)
                    .map(Parameter.Stored::name)
                    .collect(Collectors.toSet());
            exported.forEach((tensor, values) -> {
                Tensor wanted = checkpoint.tensor(tensor);
                assertEquals(wanted.shape(), values.shape(), tensor);
                if (changed.contains(tensor)) {
                    assertArrayEquals(wanted.toFloats(), values.toFloats(), 1e-6f, tensor);
                } else {
                    assertArrayEquals(wanted.toFloats(), values.toFloats(), tensor);
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void theConfigReadsBackAsTheSameArchitecture(Golden golden) {
        var architecture =
                Architecture.of(new Config(Json.readObject(golden.folder().resolve("config.json"))));
        var back = Architecture.of(Config.of("written", architecture.config()));
        assertEquals(architecture.parameters(), back.parameters());
        assertEquals(architecture.context(), back.context());
    }

    @Test
    void llama3StretchesLongWavelengths() {
        // factor 8 beyond 64/1 tokens a turn, none below 64/4; theta 500000, 8 pairs
        var plain = new RopeScaling.None().frequencies(16, 500000);
        var scaled = new RopeScaling.Llama3(8, 1, 4, 64).frequencies(16, 500000);
        assertEquals(plain[0], scaled[0]); // 6.3 tokens a turn
        assertEquals(plain[7] / 8, scaled[7]); // 610,000 tokens a turn
        double turn = 2 * Math.PI / plain[1]; // 32.4 tokens, between the two
        double smooth = (64 / turn - 1) / 3;
        assertEquals((1 - smooth) * plain[1] / 8 + smooth * plain[1], scaled[1], 1e-15);
    }
}
