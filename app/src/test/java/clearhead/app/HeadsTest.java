package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.HeadMetric;
import clearhead.io.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `heads` as a user sees it, on a tiny model and the reference backend.
class HeadsTest {
    private static final String TEXT = "the cat sat on the hat and the cat sat on the mat";

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

    /// Table, CSV and JSON have the same heads in the same order and the same numbers.
    @Test
    void allFormsAgree() throws Exception {
        Path json = folder.resolve("h.json");
        Path csv = folder.resolve("h.csv");
        Path svg = folder.resolve("h.svg");
        Cli cli = Cli.run(
                "heads",
                TEXT,
                "--model",
                model,
                "--metric",
                "entropy",
                "--top",
                "3",
                "--json",
                json.toString(),
                "--csv",
                csv.toString(),
                "--svg",
                svg.toString());
        assertEquals("", cli.err());
        assertEquals(0, cli.code());
        List<String> lines = Files.readAllLines(csv);
        assertEquals(4, lines.size());
        assertEquals(3 + HeadMetric.values().length, lines.getFirst().split(",").length);
        int column = List.of(lines.getFirst().split(",")).indexOf("entropy");
        Json.Obj document = Json.readObject(json);
        Json.Arr heads = document.object("text").array("heads");
        double before = Double.POSITIVE_INFINITY;
        for (String line : lines.subList(1, 4)) {
            String[] cells = line.split(",", -1);
            double entropy = Double.parseDouble(cells[column]);
            assertTrue(entropy <= before);
            before = entropy;
            boolean found = false;
            for (int n = 0; n < heads.size(); n++) {
                Json.Obj head = heads.object(n);
                if (cells[0].equals("" + head.integer("layer")) && cells[1].equals("" + head.integer("head"))) {
                    assertEquals(entropy, head.object("values").real("entropy"));
                    found = true;
                }
            }
            assertTrue(found);
            assertTrue(cli.out().contains(cells[0] + "." + cells[1] + " "), cli.out());
        }
        assertTrue(cli.out().contains(document.text("sentence")), cli.out());
        DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(Files.readString(svg).getBytes(StandardCharsets.UTF_8)));
    }

    /// What a text does not have is empty in every form, and is not 0.
    @Test
    void whatIsNotThereIsEmpty() throws IOException {
        Cli cli = Cli.run("heads", "--ids", "5", "--model", model, "--csv", "-", "--metric", "duplicate-token");
        assertEquals(0, cli.code());
        String[] header = cli.out().lines().findFirst().orElseThrow().split(",");
        String[] cells = cli.out().lines().skip(1).findFirst().orElseThrow().split(",", -1);
        for (String name : List.of("previous_token", "duplicate_token", "induction", "entropy")) {
            assertEquals("", cells[List.of(header).indexOf(name)], name);
        }
        assertTrue(Double.parseDouble(cells[List.of(header).indexOf("output_norm")]) > 0);
        Cli said = Cli.run("heads", "--ids", "5,6,7", "--model", model, "--metric", "duplicate_token");
        assertTrue(said.out().contains("nothing to measure; no token stands here twice"), said.out());
        assertTrue(said.out().contains("No head has a label"), said.out());
    }

    @Test
    void randomTokensAndChanges() {
        Cli random = Cli.run("heads", TEXT, "--model", model, "--random", "--metric", "random_induction");
        assertEquals(0, random.code());
        assertTrue(random.out().contains("on repeated random tokens"), random.out());
        Cli off = Cli.run("heads", TEXT, "--model", model, "--change", "head:1.0=0", "--csv", "-");
        String line =
                off.out().lines().filter(l -> l.startsWith("1,0,")).findFirst().orElseThrow();
        assertTrue(line.contains(",0.0,"), line);
    }

    @Test
    void refusals() {
        for (List<String> wrong : List.of(
                List.of("--metric", "best"),
                List.of("--top", "0"),
                List.of("--query", "99"),
                List.of("--csv", "x", "--json", "x"))) {
            var args = new java.util.ArrayList<>(List.of("heads", TEXT, "--model", model));
            args.addAll(wrong);
            assertEquals(2, Cli.run(args.toArray(String[]::new)).code(), wrong.toString());
        }
    }
}
