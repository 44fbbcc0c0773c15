package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class InterventionsTest {
    private static final int[] IDS = {1, 25, 9, 5, 9, 130, 2, 77, 9};
    private static final int[] OTHER = {1, 44, 9, 5, 260, 130, 2};
    private static final int LAST = IDS.length - 1;

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    private interface Case {
        void run(Transformer model, Ops ops);
    }

    /// A golden model in double precision on the reference backend.
    private static void inDouble(String name, Case each) {
        var folder = SharedData.path("golden/causal/" + name);
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1);
                Model model = Model.load(folder, backend)) {
            each.run(Doubled.of(arena, model.transformer()), backend.ops(workspace));
        }
    }

    private static Interventions read(Transformer model, String... changes) {
        return Interventions.parse(List.of(changes), model, IDS.length, OTHER.length);
    }

    private static double[] run(Transformer model, Ops ops, String... changes) {
        Interventions made = read(model, changes);
        return model.forward(ForwardPass.of(ops, made.ids(IDS)).with(made.probe(model, ops, IDS, OTHER)))
                .toDoubles();
    }

    private static void same(double[] wanted, double[] found) {
        assertArrayEquals(wanted, found, 1e-10);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void withoutAChangeThePlainRunAndOursAgree(String name) {
        inDouble(name, (model, ops) -> {
            double[] plain = new PlainRun(model, ops, IDS).logits();
            same(plain, run(model, ops));
            assertSame(Interventions.NONE, read(model));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void cutsAreRowsComputedWithoutThoseKeys(String name) {
        inDouble(name, (model, ops) -> {
            var one = new PlainRun(model, ops, IDS) {
                @Override
                boolean inSum(int layer, int head, int query, int key) {
                    return !(layer == 1 && head == 2 && query == 5 && key == 3);
                }
            };
            double[] cut = run(model, ops, "cut:1.2:5>3");
            same(one.logits(), cut);
            assertTrue(Math.abs(cut[5 * model.vocab()] - run(model, ops)[5 * model.vocab()]) > 1e-7);
            var kept = new PlainRun(model, ops, IDS) {
                @Override
                boolean adds(int layer, int head, int query, int key) {
                    return !(query == 5 && key == 3);
                }
            };
            same(kept.logits(), run(model, ops, "cut:*.*:5>3:keep"));
            // Several in one row, renormalised and not, a query that is left with nothing, and a blocked token.
            var many = new PlainRun(model, ops, IDS) {
                @Override
                boolean inSum(int layer, int head, int query, int key) {
                    return !(key == 2 && query > 2)
                            && !(layer == 0 && query == 0)
                            && !(layer == 2 && query == 6 && key != 4 && key != 5)
                            && !(head == 1 && query == 8 && key == 7);
                }

                @Override
                boolean adds(int layer, int head, int query, int key) {
                    return inSum(layer, head, query, key) && !(layer == 2 && query == 6 && key == 5);
                }
            };
            same(
                    many.logits(),
                    run(
                            model,
                            ops,
                            "block:2",
                            "cut:0.*:0>0",
                            "cut:2.*:6>0",
                            "cut:2.*:6>1",
                            "cut:2.*:6>2",
                            "cut:2.*:6>3",
                            "cut:2.*:6>5:keep",
                            "cut:2.*:6>6",
                            "cut:*.1:8>7",
                            "cut:1.1:8>7:keep"));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void headsAreScaledInTheirOwnSlice(String name) {
        inDouble(name, (model, ops) -> {
            int heads = 4;
            int d = model.attention(model.attentionLayers().getFirst()).spec().headDim();
            var plain = new PlainRun(model, ops, IDS) {
                @Override
                void change(Site site, int layer, double[] value) {
                    for (int i = 0; site == Site.Z && i < value.length; i++) {
                        int head = i / d % heads;
                        value[i] *= layer == 1 && head == 3 ? -0.5 : layer == 2 && head == 0 ? 0 : 1;
                    }
                }
            };
            same(plain.logits(), run(model, ops, "head:1.3=-0.5", "head:2.0=0"));
            var unchanged = new PlainRun(model, ops, IDS);
            unchanged.logits();
            double[] z = Objects.requireNonNull(unchanged.values.get("z.1"));
            var mean = new PlainRun(model, ops, IDS) {
                @Override
                void change(Site site, int layer, double[] value) {
                    for (int e = 0; site == Site.Z && layer == 1 && e < d; e++) {
                        double sum = 0;
                        for (int t = 0; t < IDS.length; t++) {
                            sum += z[(t * heads + 2) * d + e];
                        }
                        for (int t = 0; t < IDS.length; t++) {
                            value[(t * heads + 2) * d + e] = sum / IDS.length;
                        }
                    }
                }
            };
            same(mean.logits(), run(model, ops, "head:1.2=mean"));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void patchesTakeTheOtherRunsValues(String name) {
        inDouble(name, (model, ops) -> {
            var other = new PlainRun(model, ops, OTHER);
            double[] otherLogits = other.logits();
            for (Site site : ChangeReader.PATCHES) {
                var plain = new PlainRun(model, ops, IDS) {
                    @Override
                    void change(Site at, int layer, double[] value) {
                        if (at == site && layer == 1) {
                            int width = value.length / IDS.length;
                            System.arraycopy(other.values.get(site.label() + ".1"), 5 * width, value, 4 * width, width);
                        }
                    }
                };
                same(plain.logits(), run(model, ops, "patch:" + site.label() + ".1:4<5"));
            }
            int d = model.attention(model.attentionLayers().getFirst()).spec().headDim();
            var head = new PlainRun(model, ops, IDS) {
                @Override
                void change(Site at, int layer, double[] value) {
                    if (at == Site.Z && layer == 2) {
                        System.arraycopy(other.values.get("z.2"), (6 * 4 + 1) * d, value, (8 * 4 + 1) * d, d);
                    }
                }
            };
            same(head.logits(), run(model, ops, "patch:z.2.1:8<6"));
            // All of a layer's output: from there on it is the other run.
            var all = new ArrayList<String>();
            for (int t = 0; t < OTHER.length; t++) {
                all.add("patch:resid_post.0:" + t + "<" + t);
            }
            double[] patched = run(model, ops, all.toArray(new String[0]));
            same(otherLogits, Arrays.copyOf(patched, otherLogits.length));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void swapsAreARunOfOtherTokens(String name) {
        inDouble(name, (model, ops) -> {
            int[] swapped = IDS.clone();
            swapped[4] = 200;
            same(new PlainRun(model, ops, swapped).logits(), run(model, ops, "swap:4=200"));
        });
    }

    /// All kinds at once, and that the order of the list does not matter.
    @Test
    void changesOfAllKindsWorkTogether() {
        inDouble("llama", (model, ops) -> {
            int[] swapped = IDS.clone();
            swapped[1] = 7;
            var other = new PlainRun(model, ops, OTHER);
            other.logits();
            int d = model.attention(model.attentionLayers().getFirst()).spec().headDim();
            var plain = new PlainRun(model, ops, swapped) {
                @Override
                boolean inSum(int layer, int head, int query, int key) {
                    return !(key == 3 && query > 3) && !(layer == 1 && head == 1 && query == 7 && key == 6);
                }

                @Override
                void change(Site site, int layer, double[] value) {
                    if (site == Site.Z && layer == 1) {
                        for (int t = 0; t < IDS.length; t++) {
                            for (int e = 0; e < d; e++) {
                                value[(t * 4 + 1) * d + e] *= 2;
                            }
                        }
                        System.arraycopy(other.values.get("z.1"), 6 * 4 * d, value, 7 * 4 * d, 4 * d);
                    }
                }
            };
            String[] changes = {"patch:z.1:7<6", "head:1.1=2", "cut:1.1:7>6", "block:3", "swap:1=7"};
            same(plain.logits(), run(model, ops, changes));
            var reversed = List.of(changes).reversed();
            assertEquals(
                    reversed,
                    Interventions.parse(List.of(changes), model, IDS.length, OTHER.length)
                            .texts());
        });
    }

    /// What a changed layer shows is what it computed: the pattern without the cut cells, and Σ weight·value.
    @Test
    void thePatternIsTheChangedOne() {
        inDouble("llama", (model, ops) -> {
            Interventions made = read(model, "block:2", "cut:1.1:7>6:keep", "cut:1.1:7>5");
            try (var run = Run.of(model, ops, IDS, made.probe(model, ops, IDS, OTHER), Run.Progress.NONE)) {
                assertArrayEquals(
                        run(model, ops, "block:2", "cut:1.1:7>6:keep", "cut:1.1:7>5"),
                        IntStream.range(0, IDS.length)
                                .mapToObj(p -> run.logits(ops, p))
                                .flatMapToDouble(Arrays::stream)
                                .toArray());
                PatternRows layer = run.pattern(1);
                AttentionRow row = layer.row(1, 7);
                assertEquals(0, row.weights()[2]);
                assertEquals(0, row.weights()[5]);
                assertEquals(0, row.weights()[6]);
                double gone = Math.exp(layer.scores(1, 8)[6] - row.lse());
                assertTrue(row.sum() < 1 && gone > 0);
                assertEquals(1, layer.row(0, 7).sum(), 1e-12);
                assertEquals(1, layer.row(1, 2).sum(), 1e-12);
                assertTrue(layer.row(1, 2).weights()[2] > 0, "a blocked token still sees itself");
                assertTrue(layer.parity(1, 100).relative() < 1e-12);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aFactorOfOneChangesNoBit(String backendName) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(backendName, 2)) {
            Ops ops = backend.ops(workspace);
            int[] ids = {1, 5, 9, 5, 9, 30, 2};
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                float[] alone = model.forward(ForwardPass.of(ops, ids)).toFloats();
                for (String change : List.of("head:1.1=1", "swap:1=5", "patch:resid_mid.1:2<2")) {
                    var made = Interventions.parse(List.of(change), model, ids.length, ids.length);
                    float[] same = model.forward(
                                    ForwardPass.of(ops, made.ids(ids)).with(made.probe(model, ops, ids, ids)))
                            .toFloats();
                    assertArrayEquals(alone, same, change);
                }
            }
        }
    }

    /// Cuts in float32: within rounding of the same in double.
    @ParameterizedTest
    @MethodSource("backends")
    void cutsInSinglePrecisionAreCloseToThoseInDouble(String backendName) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(backendName, 2);
                Backend reference = Backends.named("reference", 1)) {
            int[] ids = {1, 5, 9, 5, 9, 30, 2};
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var made = Interventions.parse(List.of("block:0", "block:3", "cut:1.1:6>5:keep"), model, ids.length, 0);
                LogitEffect single = made.effect(model, backend.ops(workspace), ids, new int[0], 6);
                LogitEffect exact = made.effect(Doubled.of(arena, model), reference.ops(workspace), ids, new int[0], 6);
                assertArrayEquals(exact.after(), single.after(), 1e-4);
                assertTrue(single.divergence() > 1e-4);
            }
        }
    }

    @Test
    void textsComeBackAsTheyWere() {
        try (Arena arena = Arena.ofShared()) {
            Transformer model = TinyModels.llama(arena);
            var texts = List.of(
                    "swap:4=12",
                    "block:3",
                    "cut:*.*:5>3",
                    "cut:2.*:5>3:keep",
                    "cut:2.1:5>3:keep",
                    "head:0.1=mean",
                    "head:2.1=0",
                    "head:2.2=-0.5",
                    "head:2.3=1000",
                    "patch:z.2:4<4",
                    "patch:z.2.1:4<4",
                    "patch:resid_post.2:4<5");
            var made = Interventions.parse(texts, model, 9, 6);
            assertEquals(texts, made.texts());
            assertEquals(
                    texts, Interventions.parse(texts.reversed(), model, 9, 6).texts());
            assertTrue(made.needsOther() && made.needsUnchanged());
            assertEquals(
                    List.of("head:2.1=0"),
                    Interventions.parse(List.of(" head:2.1=-0.0 "), model, 9, 0).texts());
        }
    }

    @Test
    void badChangesAreNamedWithWhatWasWanted() {
        try (Arena arena = Arena.ofShared()) {
            Transformer model = TinyModels.llama(arena);
            String[][] cases = {
                {"hed:2.1=0", "the change \"hed:2.1=0\" begins with none of swap:, block:, cut:, head:, patch:"},
                {"", "begins with none of"},
                {"head:2.1", "is not understood; write head:LAYER.HEAD=FACTOR"},
                {"head:3.1=0", "has layer 3, which is out of range: the model has 3, numbered 0 to 2"},
                {"head:2.4=0", "has head 4, which is out of range: the layer has 4, numbered 0 to 3"},
                {"head:2.1=NaN", "wants a factor from -1000 to 1000 or the word mean, found NaN"},
                {"head:2.1=1e300", "wants a factor from -1000 to 1000"},
                {"head:99999999999.1=0", "is not understood"},
                {"cut:2.1:3>5", "query 3 does not see key 5, which comes after it; name an earlier key"},
                {"cut:2.1:9>5", "has position 9, which is out of range: the text has 9, numbered 0 to 8"},
                {"cut:*.*:5>3:kept", "is not understood; write cut:LAYER.HEAD:QUERY>KEY"},
                {"block:9", "has position 9"},
                {"swap:1=32", "has id 32, which is out of range: the vocabulary has 32, numbered 0 to 31"},
                {"patch:resid_post.2:4<4", "takes a value from another text, and there is none; give the other text"},
                {"patch:scores.2:4<4", "takes no value scores; there are resid_pre, z, attn_out"},
                {"patch:resid_post.2.1:4<4", "names a head, and only z has heads"},
            };
            for (String[] c : cases) {
                var e = assertThrows(
                        IllegalArgumentException.class, () -> Interventions.parse(List.of(c[0]), model, 9, 0));
                assertTrue(String.valueOf(e.getMessage()).contains(c[1]), e::getMessage);
            }
            var twice = assertThrows(
                    IllegalArgumentException.class,
                    () -> Interventions.parse(List.of("head:2.1=0", "head:2.1=mean"), model, 9, 0));
            assertEquals(
                    "the changes \"head:2.1=0\" and \"head:2.1=mean\" are about the same thing; leave one of them out",
                    twice.getMessage());
        }
    }
}
