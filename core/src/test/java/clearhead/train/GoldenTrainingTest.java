package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.model.Architecture;
import clearhead.model.Config;
import clearhead.model.Parameter;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Thirty steps of a tiny GPT-2 as PyTorch took them.
class GoldenTrainingTest {
    @ParameterizedTest
    @ValueSource(strings = {"reference", "vector"})
    void thirtySteps(String backendName) throws Exception {
        Path folder = SharedData.path("golden/training/gpt2");
        var config = folder.resolve("init/config.json");
        Architecture architecture = Architecture.of(new Config(Json.readObject(config)));
        try (var arena = Arena.ofShared();
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"));
                Backend backend = Backends.named(backendName, 2)) {
            var parameters = Parameters.of(arena, DType.F32, architecture);
            Models.load(folder.resolve("init/model.safetensors"), parameters);
            int[] batches = expected.tensor("batches").toInts(); // [30, 4, 33]
            var losses = expected.tensor("losses");
            var optimizer = new AdamW(0.9, 0.95, 1e-8, 0.1, 1);
            int rows = 4;
            int length = 32;
            try (var learner = new Learner(backend, parameters.model(architecture, arena), parameters)) {
                for (int step = 0; step < 30; step++) {
                    var inputs = new int[rows * length];
                    var targets = new int[rows * length];
                    for (int r = 0; r < rows; r++) {
                        for (int t = 0; t < length; t++) {
                            int at = (step * rows + r) * (length + 1) + t;
                            inputs[r * length + t] = batches[at];
                            targets[r * length + t] = batches[at + 1];
                        }
                    }
                    var sequences = Sequences.equal(rows, length);
                    double loss = learner.learn(inputs, targets, sequences, 1.0 / inputs.length) / inputs.length;
                    assertEquals(losses.at(step), loss, 1e-5, "loss of step " + step);
                    if (step == 0) {
                        for (Parameter p : parameters.list()) {
                            assertStored(expected, "grad0.", p, parameters.gradient(p.name()), 1e-5, 0);
                        }
                    }
                    optimizer.step(backend.updates(), parameters, step + 1, 1e-3);
                }
            }
            for (Parameter p : parameters.list()) {
                assertStored(expected, "final.", p, parameters.value(p.name()), 0, 1e-4);
            }
        }
    }

    private static void assertStored(
            Checkpoint expected, String prefix, Parameter p, Tensor value, double relative, double absolute) {
        // The largest of the whole stored tensor: the gradient of a key's bias alone is 0 but for
        // rounding, because a softmax does not see what all scores share.
        double[] all = expected.tensor(prefix + p.stored().name()).toDoubles();
        double largest = Arrays.stream(all).map(Math::abs).max().orElseThrow();
        var difference = new double[1];
        Models.eachStored(
                expected::tensor,
                prefix,
                p,
                value,
                (stored, index, i) ->
                        difference[0] = Math.max(difference[0], Math.abs(stored.at(index) - value.at(i))));
        assertTrue(
                difference[0] <= relative * largest + absolute,
                prefix + p.name() + " differs by " + difference[0] + ", largest " + largest);
    }
}
