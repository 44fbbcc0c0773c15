package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Safetensors;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.KvCache;
import clearhead.nn.KvStorage;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.sampling.Sampling;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.SharedData;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EngineTest {

    static List<String> backends() {
        return Backends.all().stream()
                .filter(p -> p.obstacles().isEmpty())
                .map(p -> p.name())
                .toList();
    }

    private static final int[] PROMPT = new int[150];

    static {
        Arrays.setAll(PROMPT, i -> 3 + (i * 37 + i * i) % 300);
    }

    @ParameterizedTest
    @MethodSource("backends")
    void greedyIsWhatTransformersGives(String backendName) {
        for (String name : List.of("gpt2", "llama", "llama-plain", "llama-yarn", "llama-dynamic")) {
            var folder = SharedData.path("golden/causal/" + name);
            try (Backend backend = Backends.named(backendName, 2);
                    var model = Model.load(folder, backend);
                    var engine = new Engine(model);
                    Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
                int[] greedy = new int[40];
                Arrays.setAll(greedy, i -> expected.tensor("greedy").intAt(i));
                var request =
                        Request.of(Arrays.copyOf(greedy, 16)).maxTokens(24).ignoringEnd();
                var generation = engine.generate(request, Generation.Listener.NONE);
                assertArrayEquals(Arrays.copyOfRange(greedy, 16, 40), generation.made(), name);
                assertEquals(Generation.End.MAX_TOKENS, generation.end().orElseThrow());
            }
        }
    }

    /// LongRoPE turns all keys otherwise once the text is longer than the original context, here 16.
    @ParameterizedTest
    @MethodSource("backends")
    void keysAreComputedAnewWhereTheyTurnOtherwise(String backendName) {
        var folder = GoldenFolders.committed("causal/phi3-longrope");
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(folder, backend);
                var engine = new Engine(model);
                Checkpoint expected = Safetensors.open(folder.resolve("expected.safetensors"))) {
            int[] greedy = GoldenFolders.ints(expected, "greedy");
            var request = Request.of(Arrays.copyOf(greedy, 12)).maxTokens(12).ignoringEnd();
            var generation = engine.generate(request, Generation.Listener.NONE);
            assertArrayEquals(Arrays.copyOfRange(greedy, 12, 24), generation.made());
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void prefillTokenByTokenBatchThreadsAndProbesGiveTheSameBits(String backendName) {
        for (String name : List.of("gpt2", "llama")) {
            float[] whole = logits(name, backendName, 2, PROMPT.length, false, false);
            assertEquals(320, whole.length);
            assertArrayEquals(whole, logits(name, backendName, 2, 1, false, false), "token by token");
            assertArrayEquals(whole, logits(name, backendName, 2, 47, false, false), "in chunks");
            assertArrayEquals(whole, logits(name, backendName, 1, 47, false, false), "1 thread");
            assertArrayEquals(whole, logits(name, backendName, 2, 47, true, false), "in a batch");
            assertArrayEquals(whole, logits(name, backendName, 2, 150, false, true), "probed");
            assertArrayEquals(whole, uncached(name, backendName), "without a cache");
        }
    }

    /// In every type of storage too, as a pass reads its own keys from the cache; and the types differ
    /// from each other by little.
    @ParameterizedTest
    @MethodSource("backends")
    void everyStorageGivesTheSameBitsInChunks(String backendName) {
        float[] exact = logits("llama", backendName, 2, 47, false, false);
        for (var each :
                Map.of(DType.F16, 1e-3, DType.BF16, 1e-2, DType.I8, 2e-2).entrySet()) {
            var storage = KvStorage.of(each.getKey());
            float[] whole = logits("llama", backendName, 2, PROMPT.length, false, false, storage);
            assertArrayEquals(whole, logits("llama", backendName, 2, 1, false, false, storage), "token by token");
            assertArrayEquals(whole, logits("llama", backendName, 1, 47, false, false, storage), "in chunks");
            assertArrayEquals(whole, logits("llama", backendName, 2, 47, true, false, storage), "in a batch");
            assertArrayEquals(whole, logits("llama", backendName, 2, 150, false, true, storage), "probed");
            double largest = 0;
            double off = 0;
            for (int i = 0; i < exact.length; i++) {
                largest = Math.max(largest, Math.abs(exact[i]));
                off = Math.max(off, Math.abs(exact[i] - whole[i]));
            }
            double share = off / largest;
            assertTrue(
                    share > 0 && share < each.getValue(),
                    () -> storage + ": logits are off by " + share + " of the largest");
            System.out.println(backendName + " " + storage.type() + ": logits off by " + share + " of the largest");
        }
    }

    /// The logits of the prompt's last token.
    private static float[] logits(
            String name, String backendName, int threads, int chunk, boolean batch, boolean probed) {
        return logits(name, backendName, threads, chunk, batch, probed, KvStorage.F32);
    }

    private static float[] logits(
            String name, String backendName, int threads, int chunk, boolean batch, boolean probed, KvStorage storage) {
        try (Backend backend = Backends.named(backendName, threads);
                var model = Model.load(SharedData.path("golden/causal/" + name), backend);
                var cache = new KvCache(model.transformer(), 1024, storage);
                var workspace = new Workspace()) {
            var ops = backend.ops(workspace);
            var sequence = cache.open();
            float[] last = {};
            for (int from = 0; from < PROMPT.length; from += chunk) {
                workspace.reset();
                int to = Math.min(from + chunk, PROMPT.length);
                int[] ids = Arrays.copyOfRange(PROMPT, from, to);
                var pass = ForwardPass.at(
                        ops,
                        ids,
                        Sequences.one(ids.length),
                        new int[] {from},
                        cache.extend(Sequences.one(ids.length), sequence));
                int row = ids.length - 1;
                if (batch) {
                    // two strangers around it, one of them with a past
                    var before = cache.open();
                    var after = cache.open();
                    var rows = Sequences.one(5);
                    model.forward(ForwardPass.at(
                            ops, new int[] {9, 8, 7, 6, 5}, rows, new int[1], cache.extend(rows, before)));
                    sequence.truncate(from);
                    int[] packed = new int[3 + ids.length + 11];
                    Arrays.fill(packed, 11);
                    System.arraycopy(ids, 0, packed, 3, ids.length);
                    rows = new Sequences(0, 3, 3 + ids.length, packed.length);
                    pass = ForwardPass.at(
                            ops, packed, rows, new int[] {5, from, 0}, cache.extend(rows, before, sequence, after));
                    row += 3;
                    last = model.forward(pass.logitsOf(row)).toFloats();
                    before.close();
                    after.close();
                } else {
                    pass = probed ? pass.with(new Everything()) : pass;
                    last = model.forward(pass.logitsOf(row)).toFloats();
                }
            }
            return last;
        }
    }

    private static float[] uncached(String name, String backendName) {
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(SharedData.path("golden/causal/" + name), backend);
                var workspace = new Workspace()) {
            var pass = ForwardPass.of(backend.ops(workspace), PROMPT).lastLogits();
            return model.forward(pass).toFloats();
        }
    }

    private static final class Everything implements Probe {
        @Override
        public Interest wants(Site site, int layer) {
            return Interest.READ;
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aBatchGivesWhatEachGivesAlone(String backendName) {
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(SharedData.path("golden/causal/llama"), backend)) {
            var sampling = new Sampling(0.8, 40, 0.95, 0, 1.1, 5);
            var requests = List.of(
                    Request.of(Arrays.copyOf(PROMPT, 100)).maxTokens(20).with(sampling),
                    Request.of(7, 8, 9).maxTokens(30).with(sampling),
                    Request.of(Arrays.copyOfRange(PROMPT, 20, 60)).maxTokens(5));
            try (var engine = new Engine(model, 512, 32)) {
                var together = requests.stream()
                        .map(r -> engine.start(r, Generation.Listener.NONE))
                        .toList();
                boolean more = true;
                while (more) {
                    more = engine.step();
                }
                for (int i = 0; i < requests.size(); i++) {
                    var alone = engine.generate(requests.get(i), Generation.Listener.NONE);
                    assertArrayEquals(alone.made(), together.get(i).made());
                }
            }
        }
    }

    /// Frequencies of dynamic NTK depend on the length beyond 64 tokens: the pieces of a prompt turn by
    /// the whole prompt's.
    @ParameterizedTest
    @MethodSource("backends")
    void piecesOfALongPromptTurnAsOnePass(String backendName) {
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(SharedData.path("golden/causal/llama-dynamic"), backend);
                var workspace = new Workspace()) {
            var pass = ForwardPass.of(backend.ops(workspace), PROMPT).lastLogits();
            float[] whole = model.forward(pass).toFloats();
            for (int chunk : new int[] {16, 64, 150}) {
                try (var engine = new Engine(model, 256, chunk)) {
                    var first = new float[1][];
                    var listener = new Generation.Listener() {
                        @Override
                        public void chosen(int id, Tensor logits) {
                            first[0] = logits.toFloats();
                        }
                    };
                    engine.generate(Request.of(PROMPT).maxTokens(1).ignoringEnd(), listener);
                    assertArrayEquals(whole, first[0]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void endsAtTheContextAndSaysSo(String backendName) {
        try (Backend backend = Backends.named(backendName, 2);
                var model = Model.load(SharedData.path("golden/causal/llama"), backend);
                var engine = new Engine(model)) {
            int[] prompt = new int[250];
            Arrays.fill(prompt, 17);
            var request = Request.of(prompt).maxTokens(100).ignoringEnd();
            var generation = engine.generate(request, Generation.Listener.NONE);
            assertEquals(Generation.End.CONTEXT, generation.end().orElseThrow());
            assertEquals(256 - 250 + 1, generation.made().length);
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> engine.start(Request.of(new int[257]), Generation.Listener.NONE));
            assertTrue(String.valueOf(e.getMessage()).contains("257"), e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> engine.start(Request.of(), Generation.Listener.NONE));
            assertThrows(
                    IllegalArgumentException.class, () -> engine.start(Request.of(3, 320), Generation.Listener.NONE));
        }
    }
}
