package clearhead.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.io.Json;
import clearhead.model.Architecture;
import clearhead.model.Config;
import clearhead.model.Parameter;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.reference.ReferenceBackend;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.testing.GoldenFolders;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The loss of tiny models of families with parts of their own, along a random direction in the space of
/// all parameters: its slope is the gradient's.
class FamilyGradientsTest {
    private static final double STEP = 1e-6;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mixtral",
                "olmoe",
                "deepseek_v3",
                "deepseek_v2-yarn",
                "gpt_oss",
                "llama4_text",
                "gemma2",
                "gemma4_text",
                "gemma4_text-moe",
                "ernie4_5_moe"
            })
    void slopeOfTheLoss(String name) throws IOException {
        String config = Files.readString(
                GoldenFolders.committed().resolve("causal/" + name).resolve("config.json"));
        var architecture = Architecture.of(new Config(Json.parseObject(name, config)));
        var random = new Random(5);
        try (Arena arena = Arena.ofShared();
                var backend = new ReferenceBackend()) {
            var parameters = Parameters.of(arena, DType.F64, architecture);
            parameters.start(3);
            Map<String, double[]> direction = new HashMap<>();
            for (Parameter p : parameters.list()) {
                Tensor t = parameters.value(p.name());
                var d = new double[Math.toIntExact(t.size())];
                for (int i = 0; i < d.length; i++) {
                    t.set(i, 4 * t.at(i) * (p.decays() ? 1 : 0.25) + 0.1 * random.nextGaussian());
                    // what transformers does not learn is not learned here: a buffer of Gemma 4
                    d[i] = p.name().endsWith("layer_scalar") ? 0 : random.nextGaussian();
                }
                direction.put(p.name(), d);
            }
            int[] inputs = random.ints(20, 0, architecture.vocab()).toArray();
            int[] targets = random.ints(20, 0, architecture.vocab()).toArray();
            var rows = new Sequences(0, 13, 20);
            try (var learner = new Learner(backend, parameters.model(architecture, arena), parameters)) {
                learner.learn(inputs, targets, rows, 1 / 20.0);
                double slope = 0;
                for (Parameter p : parameters.list()) {
                    double[] d = Objects.requireNonNull(direction.get(p.name()));
                    Tensor gradient = parameters.gradient(p.name());
                    for (int i = 0; i < d.length; i++) {
                        slope += d[i] * gradient.at(i);
                    }
                }
                move(parameters, direction, STEP);
                double up = learner.learn(inputs, targets, rows, 1 / 20.0);
                move(parameters, direction, -2 * STEP);
                double down = learner.learn(inputs, targets, rows, 1 / 20.0);
                double wanted = (up - down) / (2 * STEP) / 20; // learn gives the sum
                assertEquals(wanted, slope, 1e-5 * Math.max(1, Math.abs(wanted)));
            }
        }
    }

    private static void move(Parameters parameters, Map<String, double[]> direction, double step) {
        direction.forEach((name, d) -> {
            Tensor t = parameters.value(name);
            for (int i = 0; i < d.length; i++) {
                t.set(i, t.at(i) + step * d[i]);
            }
        });
    }
}
