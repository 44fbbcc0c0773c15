package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Safetensors;
import clearhead.model.Model;
import clearhead.nn.Site;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Rebuilt patterns against the attention weights that transformers stores.
class GoldenPatternsTest {
    static Stream<Arguments> modelsTimesBackends() {
        return Stream.of("gpt2", "llama", "llama-plain")
                .flatMap(m -> PatternRowsTest.backends().stream().map(b -> Arguments.of(m, b)));
    }

    @ParameterizedTest
    @MethodSource("modelsTimesBackends")
    void tracedPatternsAreTheReferences(String name, String backendName) {
        Path folder = SharedData.path("golden/causal/" + name);
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(backendName, 2);
                Model model = Model.load(folder, backend);
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            int[] ids = expected.tensor("input_ids").rows(0, 1).toInts();
            Trace trace = Trace.record(
                    model.transformer(),
                    backend.ops(workspace),
                    ids,
                    Set.of(Site.PATTERN, Site.RESID_PRE),
                    layer -> true,
                    arena);
            for (int layer = 0; layer < model.transformer().layers(); layer++) {
                compare(expected.tensor("attentions." + layer), trace.tensor("pattern." + layer), 1e-5);
                compare(expected.tensor("hidden_states." + layer), trace.tensor("resid_pre." + layer), 1e-4);
            }
        }
    }

    private static void compare(Tensor wanted, Tensor found, double tolerance) {
        assertEquals(wanted.size(), found.size());
        double largest = 0;
        for (long i = 0; i < wanted.size(); i++) {
            largest = Math.max(largest, Math.abs(wanted.at(i) - found.at(i)));
        }
        double difference = largest;
        assertTrue(difference <= tolerance, () -> "largest difference " + difference);
    }
}
