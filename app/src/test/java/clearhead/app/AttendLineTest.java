package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `attend` with --of, --kind, --unit, --column and --change, against the plain pattern of each head.
class AttendLineTest {
    /// Rows sum to 1 but for the rounding of the run's float32 lse, a few 1e-8 at scores below 1.
    private static final double LSE = 1e-6;

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
        Path file = Files.createTempFile(folder, "a", ".json");
        var all = new ArrayList<>(List.of("attend", TEXT));
        all.addAll(List.of(args));
        all.addAll(List.of("--model", model, "--json", file.toString()));
        Cli cli = Cli.run(all.toArray(String[]::new));
        assertEquals("", cli.err());
        assertEquals(0, cli.code());
        return Json.readObject(file);
    }

    /// By position; NaN where nothing is listed.
    private static double[] line(Json.Obj document, String side, String list, String value) {
        Json.Arr entries = document.object(side).array(list);
        var values = new double[32];
        Arrays.fill(values, Double.NaN);
        for (int i = 0; i < entries.size(); i++) {
            Json.Obj e = entries.object(i);
            values[e.integer("position")] = e.real(value);
        }
        return values;
    }

    private static double[] head(int layer, int head, int query) throws IOException {
        Json.Obj plain = json("--layer", "" + layer, "--head", "" + head, "--query", "" + query);
        return line(plain, "row", "keys", "weight");
    }

    @Test
    void oneHeadIsThePlainPattern() throws IOException {
        double[] row = line(json("--of", "1.2", "--query", "4"), "row", "keys", "weight");
        assertTrue(row[0] > 0);
        assertTrue(Double.isNaN(row[5]));
        assertEquals(1, Arrays.stream(row).filter(w -> !Double.isNaN(w)).sum(), LSE);
        double[] plain = head(1, 2, 4);
        for (int key = 0; key <= 4; key++) {
            assertEquals(plain[key], row[key], 1e-12);
        }
    }

    @Test
    void aMeanIsTheMeanAndAColumnTheTransposedRow() throws IOException {
        double[] mean = line(json("--of", "0.1,1.3", "--query", "4"), "row", "keys", "weight");
        double[] a = head(0, 1, 4);
        double[] b = head(1, 3, 4);
        for (int key = 0; key <= 4; key++) {
            assertEquals((a[key] + b[key]) / 2, mean[key], 1e-12);
        }
        double[] column = line(json("--of", "0.1,1.3", "--column", "2"), "column", "queries", "weight");
        assertEquals(mean[2], column[4], 1e-12);
        assertTrue(Double.isNaN(column[1]));
    }

    /// What layer 0's head says reaches layer 1 only.
    @Test
    void aChangeActsOnWhatComesAfterIt() throws IOException {
        double[] before = line(json("--of", "0.1", "--query", "4", "--change", "head:0.1=0"), "row", "keys", "weight");
        assertEquals(head(0, 1, 4)[2], before[2], 1e-12);
        double[] after = line(json("--of", "1.1", "--query", "4", "--change", "head:0.1=0"), "row", "keys", "weight");
        assertNotEquals(head(1, 1, 4)[2], after[2], 1e-9);
    }

    @Test
    void wordsAddUpTheirTokens() throws IOException {
        Json.Obj words = json("--of", "0.1", "--unit", "word");
        double[] row = line(words, "row", "keys", "weight");
        Json.Arr keys = words.object("row").array("keys");
        int last = words.object("row").integer("query");
        assertEquals(5, last);
        for (int i = 0; i < keys.size(); i++) {
            if (keys.object(i).integer("position") == last) {
                assertEquals("hat", keys.object(i).text("text").strip());
            }
        }
        assertEquals(1, Arrays.stream(row).filter(w -> !Double.isNaN(w)).sum(), LSE);
    }

    @ParameterizedTest
    @CsvSource({
        "--of,9.1,is none of 0 to 1",
        "--of,nonsense,wanted layer.head",
        "--kind,weights,named by --of",
        "--column,99,out of range"
    })
    void refusesWhatIsNotThere(String option, String value, String told) {
        String[] more = option.equals("--column") ? new String[] {"--of", "0.1"} : new String[0];
        var all = new ArrayList<>(List.of("attend", TEXT, "--model", model, option, value));
        all.addAll(List.of(more));
        Cli cli = Cli.run(all.toArray(String[]::new));
        assertEquals(2, cli.code());
        assertTrue(cli.err().contains(told), cli.err());
    }
}
