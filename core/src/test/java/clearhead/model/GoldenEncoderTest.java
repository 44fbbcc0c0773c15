package clearhead.model;

import static clearhead.testing.GoldenFolders.close;
import static clearhead.testing.GoldenFolders.closeToLargest;
import static clearhead.testing.GoldenFolders.ints;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.nn.ForwardPass;
import clearhead.nn.Linear;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.GoldenFolders.Golden;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Small random encoders of every family against what transformers computes in float32.
class GoldenEncoderTest {
    /// What is not written yet, see [GoldenCausalTest].
    private static final Set<String> NOT_YET = Set.of();

    @TestFactory
    Stream<DynamicTest> agreesWithTransformers() {
        var tests = new ArrayList<DynamicTest>();
        int missing = 0;
        List<Golden> all = GoldenFolders.of("encoder");
        for (Golden golden : all) {
            if (NOT_YET.contains(golden.modelType())) {
                missing++;
                tests.add(dynamicTest(golden.name() + " is not written yet", () -> refused(golden)));
            } else {
                for (BackendProvider provider : Backends.all()) {
                    if (provider.obstacles().isEmpty()) {
                        tests.add(dynamicTest(
                                golden.name() + " on " + provider.name(), () -> agrees(golden, provider.name())));
                    }
                }
            }
        }
        System.out.println("golden encoders: " + (all.size() - missing) + " of " + all.size() + " models");
        return tests.stream();
    }

    private static void refused(Golden golden) {
        try (Backend backend = Backends.named("reference", 1)) {
            assertThrows(
                    ModelFileException.class,
                    () -> Model.load(golden.folder(), backend).close(),
                    () -> golden.modelType() + " loads: take it out of NOT_YET");
        }
    }

    private static void agrees(Golden golden, String backendName) {
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(golden.folder(), backend);
                Checkpoint expected = Safetensors.open(golden.folder().resolve("expected.safetensors"));
                var workspace = new Workspace()) {
            int[] ids = ints(expected, "input_ids"); // [2, tokens]
            int tokens = ids.length / 2;
            var ops = backend.ops(workspace);
            var seen = new Seen(ops, 0);
            float[] hidden = model.encoder()
                    .forward(
                            ForwardPass.of(ops, ids, Sequences.equal(2, tokens)).with(seen))
                    .toFloats();
            int layers = model.encoder().layers();
            for (int layer = 0; layer < layers; layer++) {
                String name = "attentions." + layer;
                close(name, expected.tensor(name).toFloats(), seen.get("pattern." + layer), 1e-5);
            }
            for (int i = 0; i <= layers; i++) {
                String name = "hidden_states." + i;
                float[] found = i < layers ? seen.get("resid_pre." + i) : hidden;
                closeToLargest(name, expected.tensor(name).toFloats(), Arrays.copyOf(found, found.length / 2), 1e-4);
            }
            if (expected.has("logits")) {
                predictions(model, ops, expected, ids);
            }
            if (expected.has("pooled")) {
                pooled(model, ops, expected, ids);
            }
        }
    }

    private static void predictions(Model model, Ops ops, Checkpoint expected, int[] ids) {
        int tokens = ids.length / 2;
        var both = ForwardPass.of(ops, ids, Sequences.equal(2, tokens));
        float[] logits = model.forward(both).toFloats();
        closeToLargest("logits", expected.tensor("logits").toFloats(), logits, 1e-4);
        float[] alone =
                model.forward(ForwardPass.of(ops, Arrays.copyOf(ids, tokens))).toFloats();
        assertArrayEquals(Arrays.copyOf(logits, logits.length / 2), alone, "a row of the batch, alone");
        // what the mask hides is left out: there is no padding
        int real = second(expected, tokens);
        float[] cut = model.forward(ForwardPass.of(ops, Arrays.copyOfRange(ids, tokens, tokens + real)))
                .toFloats();
        closeToLargest("padded_logits", expected.tensor("padded_logits").toFloats(), cut, 1e-4);
    }

    /// Tokens of the second row that the mask shows.
    private static int second(Checkpoint expected, int tokens) {
        int[] mask = ints(expected, "padded_mask");
        return Arrays.stream(mask, tokens, 2 * tokens).sum();
    }

    private static void pooled(Model model, Ops ops, Checkpoint expected, int[] ids) {
        int tokens = ids.length / 2;
        float[] wanted = expected.tensor("pooled").toFloats();
        int dim = model.encoder().dim();
        Linear pooler = model.encoder().pooler().orElseThrow();
        for (int row = 0; row < 2; row++) {
            int length = row == 0 ? tokens : second(expected, tokens);
            var pass = ForwardPass.of(ops, Arrays.copyOfRange(ids, row * tokens, row * tokens + length));
            Tensor first = model.encoder().forward(pass).rows(0, 1);
            float[] found = pooler.forward(pass, first).toFloats();
            for (int i = 0; i < found.length; i++) {
                found[i] = (float) Math.tanh(found[i]);
            }
            close("pooled " + row, Arrays.copyOfRange(wanted, row * dim, (row + 1) * dim), found, 1e-5);
        }
    }
}
