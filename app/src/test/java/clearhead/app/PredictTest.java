package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `predict` and `lens` as a user sees them, on a tiny model and the reference backend.
class PredictTest {
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
    }

    private static Json.Obj json(String... args) throws IOException {
        Path file = Files.createTempFile(folder, "p", ".json");
        var all = new java.util.ArrayList<>(List.of(args));
        all.addAll(List.of("--model", model, "--json", file.toString()));
        Cli cli = Cli.run(all.toArray(String[]::new));
        assertEquals("", cli.err());
        assertEquals(0, cli.code());
        return Json.readObject(file);
    }

    /// The probabilities are the softmax of the logits, the cuts and the renormalisation those that
    /// the numbers themselves say.
    @Test
    void theNumbersAreASoftmax() throws IOException {
        Json.Obj p = json("predict", TEXT, "--top", "272", "--top-k", "40", "--top-p", "0.6", "--temperature", "0.7");
        Json.Arr top = p.array("top");
        assertEquals(TinyModel.VOCAB, top.size());
        double whole = 0;
        double tempered = 0;
        double drawn = 0;
        for (int i = 0; i < top.size(); i++) {
            whole += Math.exp(top.object(i).real("logit"));
            tempered += Math.exp(top.object(i).real("logit") / 0.7);
            drawn += top.object(i).real("drawn");
        }
        assertEquals(1, drawn, 1e-12);
        int kept = Math.toIntExact(p.integer("kept"));
        double keptTempered = 0;
        for (int i = 0; i < kept; i++) {
            keptTempered += Math.exp(top.object(i).real("logit") / 0.7);
        }
        for (int i = 0; i < top.size(); i++) {
            Json.Obj e = top.object(i);
            assertEquals(i + 1, e.integer("rank"));
            assertEquals(Math.exp(e.real("logit")) / whole, e.real("probability"), 1e-12);
            assertEquals(Math.exp(e.real("logit") / 0.7) / tempered, e.real("tempered"), 1e-12);
            assertEquals(i < kept ? Math.exp(e.real("logit") / 0.7) / keptTempered : 0, e.real("drawn"), 1e-12);
            assertEquals(i < kept ? "none" : i < 40 ? "top_p" : "top_k", e.text("cut"));
        }
        assertEquals(40, p.array("lines").object(0).integer("kept"));
        assertEquals(kept, p.array("lines").object(1).integer("kept"));
    }

    /// The first draw is the token that generate makes with the same seed.
    @Test
    void drawsAreThoseOfGenerate() throws IOException {
        for (String seed : List.of("1", "2", "3", "4")) {
            Json.Obj p = json("predict", TEXT, "--draws", "50", "--seed", seed, "--temperature", "1.5");
            Cli made = Cli.run(
                    "generate",
                    TEXT,
                    "--model",
                    model,
                    "-n",
                    "1",
                    "--seed",
                    seed,
                    "--temperature",
                    "1.5",
                    "--print",
                    "ids",
                    "--ignore-end");
            Json.Obj draws = p.object("draws");
            assertEquals(made.out().strip(), Long.toString(draws.array("ids").integer(0)));
            long count = 0;
            for (int i = 0; i < draws.array("counts").size(); i++) {
                count += draws.array("counts").object(i).integer("count");
            }
            assertEquals(50, count);
        }
    }

    @Test
    void csvHasTheWholeVocabulary() throws IOException {
        Path csv = folder.resolve("p.csv");
        assertEquals(
                0,
                Cli.run("predict", TEXT, "--model", model, "--csv", csv.toString())
                        .code());
        List<String> lines = Files.readAllLines(csv);
        assertEquals(TinyModel.VOCAB + 1, lines.size());
        Json.Obj best = json("predict", TEXT).array("top").object(0);
        assertEquals(Long.toString(best.integer("id")), lines.get(1).split(",", -1)[1]);
    }

    /// The last row of the lens is what predict says; the token followed has the rank that predict
    /// gives it.
    @Test
    void theLensEndsInThePrediction() throws IOException {
        Json.Obj lens = json("lens", TEXT, "--attention", "--find", "#100");
        Json.Obj p = json("predict", TEXT, "--find", "#100");
        Json.Arr rows = lens.array("rows");
        assertEquals(5, rows.size());
        Json.Arr cells = rows.object(4).array("cells");
        Json.Obj last = cells.object(cells.size() - 1);
        Json.Obj best = p.array("top").object(0);
        assertEquals(best.integer("id"), last.integer("id"));
        assertEquals(best.real("logit"), last.real("logit"));
        assertEquals(best.real("probability"), last.real("probability"));
        assertEquals(p.array("find").object(0).integer("rank"), last.integer("watched_rank"));
        assertEquals(0, last.real("divergence"), 1e-12);
    }

    @Test
    void partsAddUp() throws IOException {
        Json.Obj c = json("predict", TEXT, "--contributions", "#100,#20").object("contributions");
        double sum = 0;
        Map<String, Integer> kinds = new HashMap<>();
        for (int i = 0; i < c.array("parts").size(); i++) {
            sum += c.array("parts").object(i).real("value");
            kinds.merge(c.array("parts").object(i).text("kind"), 1, Integer::sum);
        }
        assertEquals(Map.of("token", 1, "head", 8, "mlp", 2), kinds);
        assertEquals(c.real("sum"), sum, 1e-12);
        Json.Obj p = json("predict", TEXT, "--find", "#100", "--find", "#20");
        double logit = p.array("find").object(0).real("logit")
                - p.array("find").object(1).real("logit");
        assertEquals(logit, c.real("logit"), 1e-12);
        assertEquals(logit, sum, 1e-5);
    }

    /// A change counts: the head that says most, switched off, is worth nothing afterwards.
    @Test
    void changesAreMade() throws IOException {
        Json.Obj c = json("predict", TEXT, "--contributions", "#100", "--change", "head:1.2=0")
                .object("contributions");
        for (int i = 0; i < c.array("parts").size(); i++) {
            Json.Obj part = c.array("parts").object(i);
            if (part.text("name").equals("layer 1, head 2")) {
                assertEquals(0, part.real("value"));
            }
        }
        assertEquals(c.real("logit"), c.real("sum"), 1e-5);
    }

    @Test
    void picturesAreXml() throws Exception {
        for (String[] args : List.of(
                new String[] {"predict", TEXT, "--top-p", "0.5"},
                new String[] {"predict", TEXT, "--contributions", "#1,#2"},
                new String[] {"lens", TEXT, "--find", "cat"})) {
            var all = new java.util.ArrayList<>(List.of(args));
            all.addAll(List.of("--model", model, "--svg", "-"));
            Cli cli = Cli.run(all.toArray(String[]::new));
            assertEquals("", cli.err());
            var document = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new ByteArrayInputStream(cli.out().getBytes(StandardCharsets.UTF_8)));
            assertEquals("svg", document.getDocumentElement().getTagName());
            assertTrue(document.getElementsByTagName("rect").getLength() > 5);
        }
    }

    @Test
    void textIsForPeople() {
        Cli p = Cli.run("predict", TEXT, "--model", model, "--draws", "20", "--top-k", "5", "--contributions", "#1,#2");
        assertEquals("", p.err());
        assertTrue(p.out().contains("top-k 5 leaves 5 of 272 tokens"), p.out());
        assertTrue(p.out().contains("20 draws with seed 0"), p.out());
        assertTrue(p.out().contains("the parts add up to"), p.out());
        Cli lens = Cli.run("lens", TEXT, "--model", model, "--find", "cat");
        assertEquals("", lens.err());
        assertTrue(lens.out().contains("goes from rank"), lens.out());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "predict|--temperature|-1|temperature: wanted 0 or more, got -1.0",
                "predict|--temperature|NaN|temperature: wanted 0 or more, got NaN",
                "predict|--top-p|0|top-p: wanted above 0",
                "predict|--top-p|1.5|top-p: wanted above 0",
                "predict|--min-p|2|min-p: wanted 0",
                "predict|--top-k|-3|top-k: wanted 0",
                "predict|--top|0|--top wants at least 1, found 0",
                "predict|--draws|-1|--draws wants 0 to 1000000, found -1",
                "predict|--query|99|--query 99 is out of range: the text has",
                "predict|--find|#272|there is no token #272: ids are 0 to 271",
                "predict|--find|zebra crossing|\"zebra crossing\" is no single token: it is",
                "predict|--contributions|#1,#9999|there is no token #9999: ids are 0 to 271",
                "lens|--positions|5-2|--positions 5-2 is out of range",
                "lens|--positions|x|--positions wants a range such as 0-31, found \"x\"",
                "lens|--positions|0-99|--positions 0-99 is out of range",
                "lens|--find|#99999999999999|there is no token #99999999999999"
            })
    void nonsenseIsRefused(String command, String option, String value, String message) {
        Cli cli = Cli.run(command, TEXT, "--model", model, option, value);
        assertEquals(2, cli.code(), cli.err());
        assertTrue(cli.err().contains(message), cli.err());
        assertEquals("", cli.out());
    }
}
