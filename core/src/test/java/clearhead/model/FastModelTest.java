package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.nn.ForwardPass;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// Models with quantized weights under fast arithmetic.
class FastModelTest {
    private static final int[] IDS = {1, 403, 407, 261, 378, 301, 265, 432, 320, 29, 268, 388};

    private record Logits(Arithmetic arithmetic, float[] values) {}

    private static Logits logits(Path file, Arithmetic arithmetic, int[] ids) {
        try (Backend backend = Backends.named("vector", 2, arithmetic);
                Model model = Model.load(file, backend);
                var workspace = new Workspace()) {
            float[] logits =
                    model.forward(ForwardPass.of(backend.ops(workspace), ids)).toFloats();
            return new Logits(model.arithmetic(), logits);
        }
    }

    private static double difference(float[] a, float[] b) {
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
        }
        return most;
    }

    private static double largest(float[] a) {
        return difference(a, new float[a.length]);
    }

    @Test
    void storiesDifferLittle() {
        Path folder = SharedData.path("vectors/stories260K");
        Path file = folder.resolve("stories260K-Q8_0.gguf");
        Logits exact = logits(file, Arithmetic.EXACT, IDS);
        Logits fast = logits(file, Arithmetic.FAST, IDS);
        assertEquals(Arithmetic.EXACT, exact.arithmetic());
        assertEquals(Arithmetic.FAST, fast.arithmetic());
        double difference = difference(exact.values(), fast.values());
        System.out.printf("fast: stories260K Q8_0 differs by %.3g of %.3g%n", difference, largest(exact.values()));
        assertTrue(difference > 0, "fast is not exact");
        assertTrue(difference <= 0.02 * largest(exact.values()), "difference " + difference);
        float[] prefix = logits(file, Arithmetic.FAST, Arrays.copyOf(IDS, 1)).values();
        assertArrayEquals(Arrays.copyOf(fast.values(), prefix.length), prefix, "one token has the bits of many");
    }

    @Test
    void floatWeightsAreExact() {
        Path file = SharedData.path("vectors/stories260K").resolve("stories260K-F32.gguf");
        Logits fast = logits(file, Arithmetic.FAST, IDS);
        assertEquals(Arithmetic.EXACT, fast.arithmetic());
        assertArrayEquals(logits(file, Arithmetic.EXACT, IDS).values(), fast.values());
    }

    @Test
    void smollmDiffersLittle() {
        Path file = Path.of(System.getProperty("user.home"), ".cache/clearhead/SmolLM2-135M-Instruct.Q4_1.gguf");
        if (!Files.exists(file)) {
            System.out.println("skipped: no " + file.getFileName());
            return;
        }
        int[] ids = {1, 4093, 198, 504, 3575, 282, 4649, 314, 260, 7042};
        float[] exact = logits(file, Arithmetic.EXACT, ids).values();
        float[] fast = logits(file, Arithmetic.FAST, ids).values();
        double difference = difference(exact, fast);
        System.out.printf("fast: SmolLM2 Q4_1 differs by %.3g of %.3g%n", difference, largest(exact));
        assertTrue(difference <= 0.05 * largest(exact), "difference " + difference);
    }
}
