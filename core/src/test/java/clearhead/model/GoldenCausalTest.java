package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Safetensors;
import clearhead.nn.ForwardPass;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Small random models against what transformers computes in float32.
class GoldenCausalTest {

    static List<Arguments> cases() {
        var cases = new ArrayList<Arguments>();
        for (String model : List.of("gpt2", "llama", "llama-plain", "llama-yarn", "llama-dynamic")) {
            for (BackendProvider provider : Backends.all()) {
                if (provider.obstacles().isEmpty()) {
                    cases.add(Arguments.of(model, provider.name()));
                }
            }
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTransformers(String name, String backendName) {
        Path folder = SharedData.path("golden/causal/" + name);
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(folder, backend);
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"));
                var workspace = new Workspace()) {
            Tensor ids = expected.tensor("input_ids"); // [2, 48]
            int tokens = ids.dim(1);
            var packed = new int[2 * tokens];
            Arrays.setAll(packed, ids::intAt);
            var ops = backend.ops(workspace);
            var seen = new Seen(ops, 0);
            var pass = ForwardPass.of(ops, packed, Sequences.equal(2, tokens)).with(seen);
            float[] logits = model.forward(pass).toFloats();

            close("logits", expected.tensor("logits").toFloats(), logits, 1e-4, true);
            int layers = model.transformer().layers();
            for (int layer = 0; layer < layers; layer++) {
                close(
                        "attentions." + layer,
                        expected.tensor("attentions." + layer).toFloats(),
                        seen.get("pattern." + layer),
                        1e-5,
                        false);
                hidden(expected, layer, seen.get("resid_pre." + layer));
            }
            hidden(expected, layers, seen.get("final_norm"));

            int[] greedy = new int[expected.tensor("greedy").dim(1)];
            Arrays.setAll(greedy, i -> expected.tensor("greedy").intAt(i));
            assertArrayEquals(greedy, continued(model, workspace, Arrays.copyOf(packed, 16), 24));
        }
    }

    private static void hidden(Checkpoint expected, int index, float[] found) {
        float[] wanted = expected.tensor("hidden_states." + index).toFloats();
        // the probe sees both rows of the batch, the file has the first
        close("hidden_states." + index, wanted, Arrays.copyOf(found, wanted.length), 1e-4, true);
    }

    /// Greedy, computing everything anew for each token.
    private static int[] continued(Model model, Workspace workspace, int[] prompt, int more) {
        int[] ids = prompt;
        for (int n = 0; n < more; n++) {
            workspace.reset();
            var ops = model.backend().ops(workspace);
            float[] logits =
                    model.forward(ForwardPass.of(ops, ids).lastLogits()).toFloats();
            int best = 0;
            for (int i = 1; i < logits.length; i++) {
                best = logits[i] > logits[best] ? i : best;
            }
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = best;
        }
        return ids;
    }

    private static void close(String what, float[] wanted, float[] found, double tolerance, boolean ofLargest) {
        double largest = ofLargest ? 0 : 1;
        double error = 0;
        assertTrue(
                wanted.length == found.length,
                () -> what + ": wanted " + wanted.length + " values, found " + found.length);
        for (int i = 0; i < wanted.length; i++) {
            if (ofLargest) {
                largest = Math.max(largest, Math.abs(wanted[i]));
            }
            double d = Math.abs(wanted[i] - found[i]);
            error = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(error, d);
        }
        double relative = error / largest;
        assertTrue(relative <= tolerance, () -> what + ": differs by " + relative);
    }
}
