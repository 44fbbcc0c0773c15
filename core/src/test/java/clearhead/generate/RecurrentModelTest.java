package clearhead.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.Contributions;
import clearhead.inspect.HeadScan;
import clearhead.inspect.Look;
import clearhead.inspect.Run;
import clearhead.inspect.Trace;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.KvCache;
import clearhead.nn.Site;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Models whose layers carry states, in caches, in the engine and under inspection.
class RecurrentModelTest {
    private final Backend backend = Backends.choose();
    private final Workspace workspace = new Workspace();

    @AfterEach
    void close() {
        workspace.close();
        backend.close();
    }

    private Model load(String name) {
        return Model.load(GoldenFolders.committed("causal/" + name), backend);
    }

    private static int[] text(int length, int seed) {
        var ids = new int[length];
        Arrays.setAll(ids, i -> 3 + (seed + i * 37 + i * i) % 60);
        return ids;
    }

    /// Logits of the last token.
    private float[] pass(Model model, KvCache cache, KvCache.Sequence sequence, int... ids) {
        workspace.reset();
        var rows = Sequences.one(ids.length);
        int[] first = {sequence.length()};
        var pass = ForwardPass.at(backend.ops(workspace), ids, rows, first, cache.extend(rows, sequence));
        return model.forward(pass.lastLogits()).toFloats();
    }

    private float[] whole(Model model, int[] ids) {
        workspace.reset();
        return model.forward(ForwardPass.of(backend.ops(workspace), ids).lastLogits())
                .toFloats();
    }

    @ParameterizedTest
    @ValueSource(strings = {"lfm2", "mamba", "mamba2", "rwkv", "qwen3_5_text", "qwen3_next", "granitemoehybrid"})
    void batchesChunksAndSingleRequestsGiveTheSame(String name) {
        List<int[]> prompts = List.of(text(1, 5), text(9, 1), text(30, 2), text(17, 3));
        try (var model = load(name)) {
            var alone = new ArrayList<int[]>();
            for (int[] prompt : prompts) {
                try (var engine = new Engine(model, 256)) {
                    alone.add(engine.generate(request(prompt), Generation.Listener.NONE)
                            .made());
                }
            }
            try (var engine = new Engine(model, 512, 7)) {
                var together = new ArrayList<Generation>();
                for (int[] prompt : prompts) {
                    together.add(engine.start(request(prompt), Generation.Listener.NONE));
                    engine.step();
                }
                boolean more = true;
                while (more) {
                    more = engine.step();
                }
                for (int i = 0; i < prompts.size(); i++) {
                    assertArrayEquals(alone.get(i), together.get(i).made());
                }
            }
        }
    }

    private static Request request(int[] prompt) {
        return Request.of(prompt).maxTokens(12).ignoringEnd();
    }

    @ParameterizedTest
    @ValueSource(strings = {"lfm2", "mamba", "mamba2", "rwkv", "qwen3_next"})
    void aForkGoesItsOwnWay(String name) {
        int[] begin = text(11, 1);
        try (var model = load(name);
                var cache = new KvCache(model.transformer(), 256)) {
            var first = cache.open();
            pass(model, cache, first, begin);
            var second = first.fork();
            for (int[] rest : List.of(text(5, 8), text(3, 9))) {
                var sequence = rest.length == 5 ? first : second;
                int[] all = Arrays.copyOf(begin, begin.length + rest.length);
                System.arraycopy(rest, 0, all, begin.length, rest.length);
                assertArrayEquals(whole(model, all), pass(model, cache, sequence, rest));
            }
        }
    }

    @Test
    void statesAreNotTakenBackButBegunAnew() {
        int[] ids = text(11, 1);
        try (var model = load("mamba");
                var cache = new KvCache(model.transformer(), 256)) {
            assertEquals(0, cache.bytes(), "nothing but states, and no sequence yet");
            var sequence = cache.open();
            long one = cache.bytes();
            assertEquals(KvCache.bytes(model.transformer(), 256), one);
            assertTrue(one > 0);
            float[] logits = pass(model, cache, sequence, ids);
            var e = assertThrows(IllegalStateException.class, () -> sequence.truncate(5));
            assertEquals(
                    "a sequence of 11 tokens cannot be cut to 5: the model has layers that carry a state, which cannot"
                            + " be taken back; fork the sequence where you may want to return to",
                    String.valueOf(e.getMessage()));
            sequence.truncate(11);
            sequence.truncate(0);
            assertArrayEquals(logits, pass(model, cache, sequence, ids));
            sequence.close();
            var other = cache.open();
            assertArrayEquals(logits, pass(model, cache, other, ids), "what another sequence left is not seen");
            assertEquals(one, cache.bytes(), "memory is used again");
        }
    }

    @Test
    void aPassThatDidNotEndIsNoticed() {
        try (var model = load("rwkv");
                var cache = new KvCache(model.transformer(), 256)) {
            var sequence = cache.open();
            pass(model, cache, sequence, text(4, 1));
            cache.extend(Sequences.one(2), sequence); // and no pass
            var e = assertThrows(IllegalStateException.class, () -> pass(model, cache, sequence, 5));
            assertEquals(
                    "the state of layer 0 knows 4 of a sequence's 6 tokens, for a pass did not come to its end; close"
                            + " the sequence and begin it again",
                    String.valueOf(e.getMessage()));
        }
    }

    /// What every part writes adds up to the logit, states and gates included.
    @ParameterizedTest
    @ValueSource(strings = {"lfm2", "mamba", "mamba2", "qwen3_5_text", "qwen3_next"})
    void contributionsAddUp(String name) {
        try (var model = load(name)) {
            var ops = backend.ops(workspace);
            try (Run run = Run.of(model.transformer(), ops, text(20, 1))) {
                var sum = Contributions.of(run, ops, 19, 7, OptionalInt.empty());
                assertEquals(0, sum.difference(), 1e-4 * Math.max(1, Math.abs(sum.logit())), name);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lfm2", "mamba", "rwkv"})
    void aTraceHasWhatThereIs(String name) {
        try (var model = load(name);
                var arena = java.lang.foreign.Arena.ofShared()) {
            var t = model.transformer();
            var trace = Trace.record(t, backend.ops(workspace), text(9, 1), List.of(Site.values()), _ -> true, arena);
            for (int layer = 0; layer < t.layers(); layer++) {
                boolean attends = t.attentionLayers().contains(layer);
                assertEquals(attends, trace.names().contains("pattern." + layer));
                assertTrue(trace.names().contains("attn_out." + layer));
            }
        }
    }

    @Test
    void whereThereIsNoAttentionItIsSaid() {
        try (var model = load("mamba")) {
            var ops = backend.ops(workspace);
            var t = model.transformer();
            String wanted = "the model has no attention to see: its layers carry a state (SelectiveState) instead;"
                    + " generate, trace, predict and eval work";
            try (Run run = Run.of(t, ops, text(9, 1))) {
                var e = assertThrows(IllegalArgumentException.class, () -> HeadScan.of(run, ops));
                assertEquals(wanted, e.getMessage());
            }
            var e = assertThrows(
                    IllegalArgumentException.class,
                    () -> Look.at(t, ops, text(9, 1), OptionalInt.empty(), OptionalInt.empty(), 8)
                            .close());
            assertEquals(wanted, e.getMessage());
        }
    }
}
