package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.Alignment;
import clearhead.inspect.Comparison;
import clearhead.inspect.HeadSweep;
import clearhead.inspect.Interventions;
import clearhead.inspect.PatchGrid;
import clearhead.inspect.Run;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.nn.Site;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `ablate --change`, `patch` and `compare` say what the library says, and refuse what cannot be.
class ChangesTest {
    private static final String A = "the cat sat on the hat";
    private static final String B = "the mat sat on the hat";

    @TempDir
    static Path folder = Path.of("");

    private static String model = "";

    @BeforeAll
    static void write() throws IOException {
        System.setProperty("clearhead.backend", "reference");
        model = TinyModel.write(folder.resolve("tiny")).toString();
    }

    @AfterAll
    static void restore() {
        System.clearProperty("clearhead.backend");
    }

    private interface Check {
        void check(Model model, clearhead.ops.Ops ops, int[] a, int[] b);
    }

    private static void inLibrary(Check check) {
        try (var workspace = new Workspace();
                Backend backend = Backends.named("reference", 1);
                Model open = Model.load(model, backend)) {
            check.check(
                    open,
                    backend.ops(workspace),
                    open.tokenizer().encode(A, Special.ADD),
                    open.tokenizer().encode(B, Special.ADD));
        }
    }

    private static Json.Obj json(String... args) {
        Cli run = Cli.run(args);
        assertEquals("", run.err());
        assertEquals(0, run.code());
        return Json.parseObject("output", run.out());
    }

    @Test
    void ablateTakesAnyChange() {
        Json.Obj told = json(
                "ablate",
                A,
                "--model",
                model,
                "--layer",
                "1",
                "--head",
                "2",
                "--mean",
                "--change",
                "block:3",
                "--change",
                "patch:resid_mid.0:1<1",
                "--from",
                B,
                "--json",
                "-");
        assertEquals(
                List.of("block:3", "head:1.2=mean", "patch:resid_mid.0:1<1"),
                told.array("changes").texts());
        inLibrary((open, ops, a, b) -> assertEquals(
                Interventions.parse(told.array("changes").texts(), open.transformer(), a.length, b.length)
                        .effect(open.transformer(), ops, a, b, a.length - 1)
                        .divergence(),
                told.object("effect").real("divergence")));
        Cli text = Cli.run("ablate", A, "--model", model, "--change", "cut:1.*:4>2:keep", "--change", "swap:1=7");
        assertTrue(text.out().contains("in layer 1, every head, other weights kept: after"), text.out());
    }

    @Test
    void patchTracesTheDifference() throws IOException {
        Path csv = folder.resolve("patch.csv");
        Path svg = folder.resolve("patch.svg");
        Json.Obj told = json(
                "patch",
                A,
                "--model",
                model,
                "--from",
                B,
                "--site",
                "z",
                "--head",
                "1",
                "--json",
                "-",
                "--csv",
                csv.toString(),
                "--svg",
                svg.toString());
        inLibrary((open, ops, a, b) -> {
            var patches = new PatchGrid(open.transformer(), ops, a, b, Interventions.NONE, a.length - 1);
            int[] tokens = patches.contrast();
            var plan = patches.plan(Site.Z, OptionalInt.of(1), Alignment.ofIds(a, b));
            var grid = patches.run(plan, tokens[0], tokens[1], HeadSweep.Progress.NONE);
            assertEquals(grid.unpatched(), told.real("unpatched"));
            for (int l = 0; l < 2; l++) {
                for (int p = 0; p < plan.positions().length; p++) {
                    assertEquals(
                            grid.patched()[l][p],
                            ((Json.Arr) told.array("patched").get(l)).real(p));
                }
            }
        });
        int cells = told.array("layers").size() * told.array("positions").size();
        assertEquals(1 + cells, Files.readAllLines(csv).size());
        assertTrue(Files.readString(svg).startsWith("<svg "));
        Cli text = Cli.run("patch", A, "--model", model, "--from", B, "--layer", "1", "--position", "-1");
        assertTrue(text.out().contains("share of that difference"), text.out() + text.err());
    }

    @Test
    void compareSaysWhereTwoRunsDiffer() {
        Json.Obj told = json("compare", A, B, "--model", model, "--change", "head:1.2=0", "--json", "-", "--top", "4");
        inLibrary((open, ops, a, b) -> {
            var t = open.transformer();
            var changes = Interventions.parse(List.of("head:1.2=0"), t, b.length, 0);
            try (var runA = Run.of(t, ops, a);
                    var runB = Run.of(t, ops, b, changes.probe(t, ops, b, new int[0]), Run.Progress.NONE)) {
                var c = Comparison.of(
                        Comparison.Side.of(runA, ops, a.length - 1),
                        Comparison.Side.of(runB, ops, b.length - 1),
                        Alignment.ofIds(a, b),
                        512,
                        4);
                assertEquals(c.effect().orElseThrow().divergence(), told.real("divergence"));
                for (int n = 0; n < 8; n++) {
                    assertEquals(
                            c.heads().get(n).distance(),
                            told.array("heads").object(n).real("distance"));
                }
            }
        });
        Cli self = Cli.run("compare", A, A, "--model", model);
        assertTrue(self.out().contains("Kullback–Leibler from A to B: 0.000000 nats"), self.out());
        assertTrue(self.out().endsWith("weights that changed most\n  none\n"), self.out());
        Cli other = Cli.run("compare", A, "--model", model, "--model-b", model);
        assertEquals(0, other.code(), other.err());
        assertTrue(other.out().contains("0 replaced, 0 only in A, 0 only in B"), other.out());
    }

    @Test
    void whatCannotBeIsRefusedInOneLine() {
        wrong("numbered 0 to 1", "ablate", A, "--model", model, "--change", "head:9.0=0");
        wrong(
                "about the same thing",
                "ablate",
                A,
                "--model",
                model,
                "--change",
                "head:1.0=0",
                "--change",
                "head:1.0=2");
        wrong("give the other text", "ablate", A, "--model", model, "--change", "patch:z.1:0<0");
        wrong("--scale or --mean", "ablate", A, "--model", model, "--sweep", "--mean", "--scale", "2");
        wrong("--from", "patch", A, "--model", model);
        wrong("--site wants one of", "patch", A, "--model", model, "--from", B, "--site", "scores");
        wrong("nothing to compare with", "compare", A, "--model", model);
        wrong("out of range", "compare", A, B, "--model", model, "--query", "99");
    }

    private static void wrong(String part, String... args) {
        Cli run = Cli.run(args);
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(part), run.err());
        assertEquals("", run.out());
    }
}
