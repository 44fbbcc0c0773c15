package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Safetensors;
import clearhead.model.Model;
import clearhead.model.Seen;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// The bundled model against transformers in float32; `tools/golden/tales.py` makes the expected
/// values anew when the model changes.
class TalesTest {

    @Test
    void agreesWithTransformers() throws IOException, NoSuchAlgorithmException {
        String property = System.getProperty("tales", "");
        Path folder = property.isEmpty() ? SharedData.repository().resolve("models/tales") : Path.of(property);
        Path weights = folder.resolve("model.safetensors");
        Path values = SharedData.repository().resolve("core/src/test/resources/clearhead/model/tales.safetensors");
        if (!Files.exists(weights) || !Files.exists(values)) {
            System.out.println("skipped: no " + (Files.exists(weights) ? values : weights));
            Assumptions.abort();
        }
        try (Backend backend = Backends.choose();
                var model = Model.load(folder, backend);
                Checkpoint expected = Safetensors.open(values);
                var engine = new Engine(model, 256)) {
            byte[] sha = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(weights));
            assertEquals(
                    expected.metadata().get("model_sha256"),
                    HexFormat.of().formatHex(sha),
                    "the expected values are another model's: run tools/golden/tales.py");
            for (int i = 0; expected.has(i + ".text"); i++) {
                compare(model, engine, expected, i + ".");
            }
        }
    }

    private static void compare(Model model, Engine engine, Checkpoint expected, String prefix) {
        Tensor bytes = expected.tensor(prefix + "text");
        var utf8 = new byte[(int) bytes.size()];
        for (int i = 0; i < utf8.length; i++) {
            utf8[i] = (byte) bytes.intAt(i);
        }
        Request request = Request.of(model, new String(utf8, StandardCharsets.UTF_8));
        int[] ids = request.prompt();
        assertArrayEquals(ints(expected.tensor(prefix + "input_ids")), ids);
        try (var workspace = new Workspace()) {
            var ops = model.backend().ops(workspace);
            var seen = new Seen(ops, 0);
            var pass = ForwardPass.of(ops, ids).with(seen).logitsOf(ids.length - 2, ids.length - 1);
            float[] logits = model.forward(pass).toFloats();
            close("logits", 1e-4, expected.tensor(prefix + "logits").toFloats(), logits, true);
            float[] attentions = expected.tensor(prefix + "attentions").toFloats();
            int layers = model.transformer().layers();
            int size = attentions.length / layers;
            for (int l = 0; l < layers; l++) {
                float[] wanted = Arrays.copyOfRange(attentions, l * size, (l + 1) * size);
                close("attentions." + l, 1e-5, wanted, seen.get("pattern." + l), false);
            }
        }
        var generation = engine.generate(request.maxTokens(32).ignoringEnd(), Generation.Listener.NONE);
        assertArrayEquals(ints(expected.tensor(prefix + "greedy")), generation.made());
    }

    private static int[] ints(Tensor t) {
        return IntStream.range(0, (int) t.size()).map(t::intAt).toArray();
    }

    private static void close(String what, double bar, float[] wanted, float[] found, boolean ofLargest) {
        assertEquals(wanted.length, found.length, what);
        double largest = ofLargest ? 0 : 1;
        double error = 0;
        for (int i = 0; i < wanted.length; i++) {
            largest = ofLargest ? Math.max(largest, Math.abs(wanted[i])) : 1;
            double d = Math.abs(wanted[i] - found[i]);
            error = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(error, d);
        }
        double relative = error / largest;
        System.out.printf("tales %s: differs by %.2g at most (bar %.0g)%n", what, relative, bar);
        assertTrue(relative <= bar, () -> what + ": " + relative);
    }
}
