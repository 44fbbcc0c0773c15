package clearhead.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.Contributions.Kind;
import clearhead.model.Model;
import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.testing.GoldenFolders;
import clearhead.testing.SharedData;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ContributionsTest {
    private static final Set<Site> SITES = Set.of(Site.RESID_PRE, Site.Z, Site.ATTN_OUT, Site.MLP_OUT, Site.RESID_POST);
    private static final int[] IDS = {1, 5, 9, 5, 9, 30, 2};

    static List<String> backends() {
        return PatternRowsTest.backends();
    }

    static Stream<Arguments> modelsTimesBackends() {
        return Stream.of(
                        "gpt2",
                        "llama",
                        "llama-plain",
                        "bloom",
                        "cohere2",
                        "falcon",
                        "gpt_neo",
                        "gpt_neox",
                        "glm4",
                        "granite")
                .flatMap(m -> backends().stream().map(b -> Arguments.of(m, b)));
    }

    /// Where logits are bounded, or the head reads something else, it says so and tells no wrong numbers.
    @ParameterizedTest
    @ValueSource(strings = {"nanochat", "opt-post-norm"})
    void refusesWhatIsNoSum(String name) {
        try (var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1);
                Model model = Model.load(GoldenFolders.committed("causal/" + name), backend)) {
            Ops ops = backend.ops(workspace);
            Run run = Run.of(model.transformer(), ops, new int[] {5, 6, 7});
            var e = assertThrows(
                    IllegalArgumentException.class, () -> Contributions.of(run, ops, 2, 9, OptionalInt.empty()));
            assertTrue(String.valueOf(e.getMessage()).contains("cannot be taken apart yet"));
        }
    }

    /// The parts add up to the model's own logit, and to the difference of two.
    @ParameterizedTest
    @MethodSource("modelsTimesBackends")
    void partsAddUpToTheLogitOfGoldenModels(String name, String backendName) {
        var folder = SharedData.path("golden/causal/" + name);
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(backendName, 2);
                Model model = Model.load(folder, backend)) {
            Ops ops = backend.ops(workspace);
            int[] ids = {3, 11, 25, 7, 11, 25, 2, 60};
            Run run = Run.of(model.transformer(), ops, ids);
            double[] logits = model.transformer()
                    .forward(ForwardPass.of(ops, ids).logitsOf(7))
                    .toDoubles();
            for (OptionalInt b : List.of(OptionalInt.empty(), OptionalInt.of(17))) {
                for (int a : new int[] {0, 9, 40}) {
                    var c = Contributions.of(run, ops, 7, a, b);
                    double own = logits[a] - (b.isPresent() ? logits[17] : 0);
                    assertEquals(own, c.logit());
                    double largest = c.parts().stream()
                            .mapToDouble(p -> Math.abs(p.value()))
                            .max()
                            .orElseThrow();
                    assertEquals(own, c.sum(), 1e-5 * Math.max(Math.abs(own), largest));
                    assertEquals(
                            c.parts().stream()
                                    .mapToDouble(Contributions.Part::value)
                                    .sum(),
                            c.sum(),
                            1e-12);
                }
            }
        }
    }

    /// With the last norm's divisor frozen, taking a part out of the last residual takes its value out
    /// of the logit: every part by itself, from the residuals of the run.
    @ParameterizedTest
    @MethodSource("backends")
    void everyPartIsItsOwnProjection(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named(name, 2)) {
            Ops ops = backend.ops(workspace);
            for (Transformer model : List.of(TinyModels.llama(arena), TinyModels.gpt2(arena))) {
                var kept = new KeptSites(arena, SITES);
                kept.run(model, ops, IDS);
                var c = Contributions.of(Run.of(model, ops, IDS), ops, 5, 4, OptionalInt.of(8));
                for (int layer = 0; layer < model.layers(); layer++) {
                    assertEquals(
                            project(model, c.divisor(), Elements.row(kept.at(Site.ATTN_OUT, layer), 5)),
                            c.attention(layer),
                            1e-5);
                    assertEquals(
                            project(model, c.divisor(), Elements.row(kept.at(Site.MLP_OUT, layer), 5)),
                            c.mlp(layer),
                            1e-9);
                }
                double embedding = c.parts().stream()
                        .filter(p -> p.kind() == Kind.TOKEN || p.kind() == Kind.POSITION)
                        .mapToDouble(Contributions.Part::value)
                        .sum();
                assertEquals(project(model, c.divisor(), Elements.row(kept.at(Site.RESID_PRE, 0), 5)), embedding, 1e-9);
                assertTrue(c.parts().stream().noneMatch(p -> p.kind() == Kind.CHANGE));
            }
        }
    }

    /// (row 4 − row 8 of the head)·(weight·(part − mean))/divisor
    private static double project(Transformer model, double divisor, double[] part) {
        boolean centers = model.finalNorm() instanceof clearhead.nn.Norm.Layer;
        Tensor weight = switch (model.finalNorm()) {
            case clearhead.nn.Norm.Rms(Tensor w, double _) -> w;
            case clearhead.nn.Norm.Layer(Tensor w, Tensor _, double _) -> w;
            case clearhead.nn.Norm.None _ -> throw new AssertionError("the models here have a norm");
        };
        double mean = 0;
        for (double v : part) {
            mean += centers ? v / part.length : 0;
        }
        double sum = 0;
        for (int d = 0; d < part.length; d++) {
            double u = model.head().weight().at(4L * part.length + d)
                    - model.head().weight().at(8L * part.length + d);
            sum += u * weight.at(d) * (part[d] - mean) / divisor;
        }
        return sum;
    }

    /// Every part as a graph in double precision has it, where the sum is the logit to its last digits.
    @ParameterizedTest
    @MethodSource("backends")
    void partsAreThoseOfAGraphInDouble(String name) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend exact = Backends.named("reference", 1);
                Backend backend = Backends.named(name, 2)) {
            for (boolean llama : new boolean[] {true, false}) {
                Contributions c = take(arena, backend.ops(workspace), llama, DType.F32);
                Contributions wanted = take(arena, exact.ops(workspace), llama, DType.F64);
                assertEquals(wanted.logit(), wanted.sum(), 1e-12);
                assertEquals(wanted.parts().size(), c.parts().size());
                for (int i = 0; i < c.parts().size(); i++) {
                    assertEquals(wanted.parts().get(i).kind(), c.parts().get(i).kind());
                    assertEquals(wanted.parts().get(i).value(), c.parts().get(i).value(), 1e-4);
                }
            }
        }
    }

    private static Contributions take(Arena arena, Ops ops, boolean llama, DType type) {
        Transformer model = llama ? TinyModels.llama(arena, type) : TinyModels.gpt2(arena, type);
        try (Run run = Run.of(model, ops, IDS)) {
            return Contributions.of(run, ops, 6, 4, OptionalInt.of(8));
        }
    }

    /// A residual that somebody changed on the way has a part of its own, and the sum still holds.
    @Test
    void aChangeOfTheStreamIsAPart() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Ops ops = backend.ops(workspace);
            Transformer model = TinyModels.llama(arena);
            var changes = new Probe() {
                @Override
                public Interest wants(Site site, int layer) {
                    return site == Site.RESID_POST && layer == 1 ? Interest.REPLACE : Interest.NONE;
                }

                @Override
                public Tensor see(Site site, int layer, Tensor value) {
                    Tensor other = value.copy(arena);
                    other.set(6L * value.dim(1), 9);
                    return other;
                }
            };
            Run run = Run.of(model, ops, IDS, changes, Run.Progress.NONE);
            var c = Contributions.of(run, ops, 6, 4, OptionalInt.empty());
            assertEquals(
                    List.of(1),
                    c.parts().stream()
                            .filter(p -> p.kind() == Kind.CHANGE)
                            .map(Contributions.Part::layer)
                            .toList());
            assertEquals(c.logit(), c.sum(), 1e-5);
        }
    }

    @Test
    void tokensOutsideAreRefused() {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1)) {
            Ops ops = backend.ops(workspace);
            Run run = Run.of(TinyModels.llama(arena), ops, IDS);
            assertThrows(IllegalArgumentException.class, () -> Contributions.of(run, ops, 0, 99, OptionalInt.empty()));
            assertThrows(IllegalArgumentException.class, () -> Contributions.of(run, ops, 0, 1, OptionalInt.of(-1)));
            assertThrows(IllegalArgumentException.class, () -> Contributions.of(run, ops, 7, 1, OptionalInt.empty()));
        }
    }
}
