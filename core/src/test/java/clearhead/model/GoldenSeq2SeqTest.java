package clearhead.model;

import static clearhead.testing.GoldenFolders.close;
import static clearhead.testing.GoldenFolders.closeToLargest;
import static clearhead.testing.GoldenFolders.ints;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import clearhead.io.Checkpoint;
import clearhead.io.ModelFileException;
import clearhead.io.Safetensors;
import clearhead.nn.ForwardPass;
import clearhead.nn.KeyValues;
import clearhead.nn.KvCache;
import clearhead.nn.ReadText;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.GoldenFolders.Golden;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Small random encoder-decoders of every family against what transformers computes in float32.
class GoldenSeq2SeqTest {
    /// What is not written yet, see [GoldenCausalTest].
    private static final Set<String> NOT_YET = Set.of();

    @TestFactory
    Stream<DynamicTest> agreesWithTransformers() {
        var tests = new ArrayList<DynamicTest>();
        int missing = 0;
        List<Golden> all = GoldenFolders.of("seq2seq");
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
        System.out.println("golden encoder-decoders: " + (all.size() - missing) + " of " + all.size() + " models");
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
                var workspace = new Workspace();
                Arena arena = Arena.ofShared()) {
            int[] ids = ints(expected, "input_ids"); // [2, tokens]
            int[] written = ints(expected, "decoder_input_ids"); // [2, tokens]
            var ops = backend.ops(workspace);
            var reading = new Seen(ops, 0);
            var writing = new Seen(ops, 0);
            var rows = Sequences.equal(2, ids.length / 2);
            ReadText read = model.read(ForwardPass.of(ops, ids, rows).with(reading));
            float[] logits = model.forward(decode(ops, read.with(KeyValues.NONE), written, 2, 0)
                            .with(writing))
                    .toFloats();

            closeToLargest("logits", expected.tensor("logits").toFloats(), logits, 1e-4);
            patterns(expected, "encoder_attentions.", reading, "pattern.");
            patterns(expected, "attentions.", writing, "pattern.");
            patterns(expected, "cross_attentions.", writing, "cross_pattern.");

            float[] paged = model.forward(
                            decode(ops, ReadText.over(KeyValues.NONE, read.kept(ops, arena)), written, 2, 0))
                    .toFloats();
            assertArrayEquals(logits, paged, "the text that is read in pages");
            greedy(model, workspace, Arrays.copyOf(ids, ids.length / 2), ints(expected, "greedy"));
        }
    }

    private static void patterns(Checkpoint expected, String names, Seen seen, String site) {
        int layer = 0;
        for (; seen.has(site + layer); layer++) {
            close(names + layer, expected.tensor(names + layer).toFloats(), seen.get(site + layer), 1e-5);
        }
        long wanted = expected.entries().stream()
                .filter(entry -> entry.name().startsWith(names))
                .count();
        assertEquals(wanted, layer, names);
    }

    /// @param first position of the first token
    private static ForwardPass decode(Ops ops, KeyValues keyValues, int[] ids, int sequences, int first) {
        var firsts = new int[sequences];
        Arrays.fill(firsts, first);
        return ForwardPass.at(ops, ids, Sequences.equal(sequences, ids.length / sequences), firsts, keyValues);
    }

    private static void greedy(Model model, Workspace workspace, int[] ids, int[] wanted) {
        try (Arena arena = Arena.ofShared();
                var cache = new KvCache(model.transformer(), wanted.length);
                var sequence = cache.open()) {
            Ops ops = model.backend().ops(workspace);
            workspace.reset();
            List<KvView> read = model.read(ForwardPass.of(ops, ids)).kept(ops, arena);
            int[] plainly = Arrays.copyOf(wanted, wanted.length);
            int[] cached = Arrays.copyOf(wanted, wanted.length);
            for (int to = 1; to < wanted.length; to++) {
                workspace.reset();
                var all = decode(ops, ReadText.over(KeyValues.NONE, read), Arrays.copyOf(plainly, to), 1, 0);
                plainly[to] = largest(model.forward(all.lastLogits()));
                workspace.reset();
                KeyValues own = cache.extend(Sequences.one(1), sequence);
                var one = decode(ops, ReadText.over(own, read), new int[] {cached[to - 1]}, 1, to - 1);
                cached[to] = largest(model.forward(one.lastLogits()));
            }
            assertArrayEquals(wanted, plainly, "greedy without a cache");
            assertArrayEquals(wanted, cached, "greedy with a cache");
        }
    }

    private static int largest(Tensor logits) {
        float[] values = logits.toFloats();
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }
}
