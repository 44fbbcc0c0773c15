package clearhead.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import clearhead.io.Json;
import clearhead.nn.ForwardPass;
import clearhead.nn.KvCache;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Cached decoding across and beyond the original context, against transformers' cached decoding of the
/// same tiny model (tools/golden/rope.py).
class RopeDecodeTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> cases() {
        Json.Arr cases = RopeScalingTest.golden().array("decode");
        return Backends.all().stream()
                .filter(provider -> provider.obstacles().isEmpty())
                .map(BackendProvider::name)
                .flatMap(backend -> IntStream.range(0, cases.size())
                        .mapToObj(cases::object)
                        .map(c -> Arguments.of(c.text("name"), backend, c)));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("cases")
    void agreesWithCachedDecoding(String name, String backendName, Json.Obj wanted) throws IOException {
        Files.writeString(folder.resolve("config.json"), wanted.object("config").toText(true));
        Files.copy(
                SharedData.repository().resolve("core/src/test/resources/clearhead/model/rope.safetensors"),
                folder.resolve("model.safetensors"));
        int[] ids = wanted.array("ids").integers();
        int prompt = wanted.integer("prompt");
        double[] logits = wanted.array("logits").reals(); // [steps, vocab]
        // transformers' own float32 is up to 9e-6 from its float64 where the largest logit is 4
        double tolerance = 1e-5 * Arrays.stream(logits).map(Math::abs).max().orElseThrow();
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(folder, backend);
                var workspace = new Workspace();
                var cache = new KvCache(model.transformer(), 128)) {
            var run = new Run(model, workspace, cache);
            var whole = cache.open();
            var pieces = cache.open();
            int vocab = model.transformer().vocab();
            for (int step = 0; step <= ids.length - prompt; step++) {
                int from = step == 0 ? 0 : prompt + step - 1;
                int to = prompt + step;
                float[] found = run.logits(whole, ids, from, to, to);
                for (int i = 0; i < vocab; i++) {
                    assertEquals(
                            logits[step * vocab + i], found[i], tolerance, name + ", step " + step + ", logit " + i);
                }
                if (step == 0) {
                    // the prompt in pieces that are told how long it is: the same bits
                    run.logits(pieces, ids, 0, 7, prompt);
                    run.logits(pieces, ids, 7, 9, prompt);
                    assertArrayEquals(found, run.logits(pieces, ids, 9, prompt, prompt));
                } else {
                    assertArrayEquals(found, run.logits(pieces, ids, from, to, to));
                }
            }
        }
    }

    private record Run(Model model, Workspace workspace, KvCache cache) {

        /// Logits of the last token of a piece.
        float[] logits(KvCache.Sequence sequence, int[] ids, int from, int to, int length) {
            workspace.reset();
            var rows = Sequences.one(to - from);
            var pass = ForwardPass.at(
                            model.backend().ops(workspace),
                            Arrays.copyOfRange(ids, from, to),
                            rows,
                            new int[] {from},
                            cache.extend(rows, sequence))
                    .withLengths(length);
            return model.forward(pass.lastLogits()).toFloats();
        }
    }
}
