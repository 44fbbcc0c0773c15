package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Checkpoint;
import clearhead.io.Json;
import clearhead.io.Safetensors;
import clearhead.view.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `attend`, `trace` and `ablate` as a user sees them, on a tiny model and the reference backend. The
/// texts in `src/test/resources` are what they print; where a change of them is meant, run with
/// -Dsnapshots=write and read the difference.
class SeeingTest {
    private static final String TEXT = "the cat sat on the hat";

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
        System.clearProperty("clearhead.terminal");
        System.clearProperty("clearhead.columns");
    }

    @Test
    void attendLooksTheSame() throws IOException {
        Cli attend = Cli.run("attend", TEXT, "--model", model, "--top", "4");
        assertEquals("", attend.err());
        assertEquals(0, attend.code());
        snapshot("attend.txt", attend.out());
    }

    @Test
    void stepsLookTheSame() throws IOException {
        Cli attend = Cli.run(
                "attend", TEXT, "--model", model, "--top", "2", "--layer", "1", "--head", "2", "--query", "4", "--step",
                "--key", "1");
        assertEquals("", attend.err());
        snapshot("steps.txt", attend.out());
    }

    @Test
    void ablateLooksTheSame() throws IOException {
        Cli one = Cli.run("ablate", TEXT, "--model", model, "--layer", "1", "--head", "2", "--top", "3");
        Cli all = Cli.run("ablate", TEXT, "--model", model, "--sweep", "--top", "3");
        assertEquals("", one.err() + all.err());
        snapshot("ablate.txt", one.out() + "----\n" + all.out());
    }

    @Test
    void aTerminalGetsColoursAndNeverMoreThanItsWidth() {
        System.setProperty("clearhead.terminal", "true");
        try {
            for (int columns : new int[] {40, 80, 200}) {
                System.setProperty("clearhead.columns", Integer.toString(columns));
                // NO_COLOR may be set where the tests run.
                boolean color = Terminal.current().color();
                Cli attend = Cli.run("attend", TEXT + ", and the cat sat on the mat", "--model", model);
                assertEquals(color, attend.out().contains("\033[48;"));
                List<String> lines = attend.out()
                        .lines()
                        .map(l -> l.replaceAll("\033\\[[0-9;]*m", ""))
                        .toList();
                int from = first(lines);
                for (String line : lines.subList(from, lines.size())) {
                    if (line.startsWith("weight")) {
                        break;
                    }
                    assertTrue(Printable.width(line) <= columns, line);
                }
            }
        } finally {
            System.clearProperty("clearhead.terminal");
            System.clearProperty("clearhead.columns");
        }
    }

    private static int first(List<String> lines) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith("  query")) {
                return i;
            }
        }
        return lines.size();
    }

    @Test
    void jsonAndCsvHaveTheSameNumbers() throws IOException {
        Path json = folder.resolve("a.json");
        Path csv = folder.resolve("a.csv");
        Cli attend = Cli.run(
                "attend",
                TEXT,
                "--model",
                model,
                "--layer",
                "0",
                "--head",
                "1",
                "--json",
                json.toString(),
                "--csv",
                csv.toString());
        assertEquals(0, attend.code());
        Json.Obj document = Json.readObject(json);
        Json.Arr pattern = document.array("pattern");
        Map<String, Double> weights = new HashMap<>();
        for (String line : Files.readAllLines(csv).stream().skip(1).toList()) {
            String[] fields = line.split(",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)");
            weights.put(fields[2] + "," + fields[3], Double.parseDouble(fields[7]));
        }
        int cells = 0;
        for (int i = 0; i < pattern.size(); i++) {
            double sum = 0;
            for (int k = 0; k < pattern.array(i).size(); k++, cells++) {
                double weight = pattern.array(i).real(k);
                assertEquals(weight, Objects.requireNonNull(weights.get(i + "," + k)));
                sum += weight;
            }
            assertEquals(1, sum, 1e-5);
        }
        assertEquals(cells, weights.size());
        assertTrue(document.object("parity").bool("holds"));
        assertEquals(
                document.text("sentence"),
                attend.out()
                        .lines()
                        .filter(l -> l.contains(": reading "))
                        .findFirst()
                        .orElse(""));
    }

    /// The numbers of the steps follow from one another in the file too.
    @Test
    void stepsAsJson() {
        Cli attend = Cli.run("attend", TEXT, "--model", model, "--step", "--query", "4", "--json", "-");
        Json.Obj steps = Json.parseObject("attend", attend.out()).object("steps");
        Json.Obj products = steps.object("products");
        double sum = 0;
        for (double product : products.array("products").reals()) {
            sum += product;
        }
        assertEquals(products.real("sum"), sum);
        assertEquals(products.real("score"), sum * steps.object("place").real("scale"), 1e-12);
        int key = steps.object("place").integer("key");
        Json.Obj cell = steps.object("softmax").array("keys").object(key);
        assertEquals(products.real("score"), cell.real("score"), 1e-12);
        assertEquals(
                cell.real("weight"),
                Math.exp(cell.real("score") - steps.object("softmax").real("lse")),
                1e-12);
        Json.Obj later = steps.object("softmax").array("keys").object(5);
        assertTrue(later.bool("masked"));
        assertEquals(Double.NEGATIVE_INFINITY, later.real("score"));
        assertTrue(steps.real("largest_relative_difference") < 1e-5);
        Cli csv = Cli.run("attend", TEXT, "--model", model, "--step", "--query", "4", "--csv", "-");
        assertTrue(csv.out().startsWith("step,name,token,index,value\n"));
        assertTrue(csv.out().contains("\nproducts,score,,," + products.real("score") + "\n"));
    }

    @Test
    void aTraceHasEverythingItSays() {
        Path file = folder.resolve("run.safetensors");
        Cli trace = Cli.run(
                "trace",
                TEXT,
                "--model",
                model,
                "--sites",
                "all",
                "--layers",
                "1",
                "--out",
                file.toString(),
                "--json",
                "-");
        assertEquals(0, trace.code(), trace.err());
        Json.Obj said = Json.parseObject("trace", trace.out());
        try (Checkpoint saved = Safetensors.open(file)) {
            assertEquals(said.array("tensors").size(), saved.names().size());
            assertEquals(said.longInteger("bytes"), file.toFile().length());
            for (int i = 0; i < said.array("tensors").size(); i++) {
                Json.Obj tensor = said.array("tensors").object(i);
                var stored = saved.tensor(tensor.text("name"));
                assertEquals("F32", stored.type().name());
                assertArrayEquals(
                        tensor.array("shape").integers(), stored.shape().dims());
            }
            var pattern = saved.tensor("pattern.1");
            int tokens = saved.tensor("input_ids").dim(0);
            double sum = 0;
            for (int k = 0; k < tokens; k++) {
                sum += pattern.at((long) (tokens - 1) * tokens + k);
            }
            assertEquals(1, sum, 1e-5);
            assertFalse(saved.has("pattern.0"));
            assertTrue(saved.has("q_pre.1") && saved.has("q.1") && saved.has("final_norm"));
        }
    }

    @Test
    void aModelWithoutAVocabularyWorksWithIds() throws IOException {
        Path bare = TinyModel.write(folder.resolve("bare"));
        Files.delete(bare.resolve("tokenizer.json"));
        Cli ids = Cli.run("attend", "--ids", "5,6,7", "--model", bare.toString());
        assertEquals(0, ids.code(), ids.err());
        assertTrue(ids.out().contains("reading `#7`"), ids.out());
        Cli text = Cli.run("attend", "the cat", "--model", bare.toString());
        assertTrue(text.code() != 0 && text.err().contains("--ids"), text.err());
    }

    @Test
    void wrongUseIsOneLineAndCodeTwo() {
        wrong("empty", "attend", "", "--model", model);
        wrong("the model has 2 layers, numbered 0 to 1", "attend", TEXT, "--model", model, "--layer", "2");
        wrong("the model has 4 heads, numbered 0 to 3", "attend", TEXT, "--model", model, "--head", "4");
        wrong("numbered 0 to", "attend", TEXT, "--model", model, "--query", "99");
        wrong("numbered 0 to", "attend", TEXT, "--model", model, "--step", "--key", "99");
        wrong("--step", "attend", TEXT, "--model", model, "--key", "1");
        wrong("not both", "attend", TEXT, "--ids", "1", "--model", model);
        wrong("found \"x\"", "attend", "--ids", "1,2,x", "--model", model);
        wrong("ids of model tiny are 0 to 271", "attend", "--ids", "1,272", "--model", model);
        wrong("token 64", "attend", "the cat ".repeat(40), "--model", model);
        wrong(
                "did you mean resid_post",
                "trace",
                TEXT,
                "--model",
                model,
                "--sites",
                "resid_pots",
                "--out",
                folder.resolve("x").toString());
        wrong(
                "numbered 0 to 1",
                "trace",
                TEXT,
                "--model",
                model,
                "--layers",
                "0-2",
                "--out",
                folder.resolve("x").toString());
        wrong("--sweep", "ablate", TEXT, "--model", model);
        wrong("no model \"nope\"", "attend", TEXT, "--model", "nope");
    }

    private static void wrong(String part, String... args) {
        Cli run = Cli.run(args);
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(part), run.err());
        assertEquals(
                1, run.err().lines().filter(l -> l.startsWith("clearhead: ")).count());
        assertEquals("", run.out());
    }

    /// Compares with the stored text; the sizes of rounding errors may differ between machines.
    private static void snapshot(String name, String text) throws IOException {
        String shown = text.replaceAll("\\d\\.\\de[-+]\\d\\d", "~").replaceAll("-0\\.0{4,7}\\b", "0.00000");
        if ("write".equals(System.getProperty("snapshots"))) {
            Files.writeString(
                    Path.of(System.getProperty("root", ".."))
                            .resolve("app/src/test/resources/clearhead/app")
                            .resolve(name),
                    shown);
        }
        try (InputStream in = SeeingTest.class.getResourceAsStream(name)) {
            String stored = new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(stored, shown.replace("\r\n", "\n"));
        }
    }
}
