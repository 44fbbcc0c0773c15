package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `bench` as a user without the vector module sees it.
class BenchTest {
    @TempDir
    static Path folder = Path.of("");

    @BeforeAll
    static void reference() {
        System.setProperty("clearhead.backend", "reference");
    }

    @AfterAll
    static void restore() {
        System.clearProperty("clearhead.backend");
    }

    /// Every figure is above nothing and, within what a disturbed measurement of the peak allows, not above
    /// the machine.
    @Test
    void attentionIsTimedOnTheReferenceBackend() throws Exception {
        Path json = folder.resolve("attention.json");
        Cli cli = Cli.run("bench", "attention", "--lengths", "32", "--seconds", "0", "--json", json.toString());
        assertEquals(0, cli.code(), cli.err());
        assertTrue(cli.out().contains("reference"), cli.out());
        assertTrue(cli.out().contains("forward and backward"), cli.out());
        Json.Obj read = Json.readObject(json);
        Json.Arr figures = read.array("figures");
        assertEquals(9, figures.size(), "forward and both, full and causal, of two head sizes; decoding");
        for (int i = 0; i < figures.size(); i++) {
            Json.Obj figure = figures.object(i);
            assertEquals(1, figure.integer("threads"));
            double of = figure.real("of_peak");
            assertTrue(of > 0 && of < 4, () -> figure.text("name") + " at " + of + " of the peak");
            double gflops = figure.real("operations") / figure.real("median") * 1e-9;
            assertEquals(gflops, figure.real("gflops"), 1e-9 * gflops);
        }
        assertEquals(1, read.array("readings").size());
    }

    @Test
    void productsAreTimedOnTheReferenceBackend() {
        Cli cli = Cli.run("bench", "matmul", "--seconds", "0");
        assertEquals(0, cli.code(), cli.err());
        assertTrue(cli.out().contains("% of peak"), cli.out());
        assertTrue(cli.out().contains("% of reading"), cli.out());
    }

    @Test
    void wrongUseIsNamed() {
        assertEquals(2, Cli.run("bench", "softmax").code());
        assertEquals(2, Cli.run("bench", "matmul", "--threads", "0").code());
        assertEquals(2, Cli.run("bench", "attention", "--lengths", "0").code());
        assertEquals(2, Cli.run("bench", "attention", "--seconds", "-1").code());
        assertEquals(2, Cli.run("bench").code());
    }
}
