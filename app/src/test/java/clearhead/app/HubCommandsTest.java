package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.hub.FakeHub;
import clearhead.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/// pull, models, rm and `--model hf:`, against a hub on this machine.
@Isolated
final class HubCommandsTest {
    @TempDir
    Path folder;

    @SuppressWarnings("NullAway.Init")
    private FakeHub server;

    @BeforeEach
    void start() throws IOException {
        server = new FakeHub();
        Path model = TinyModel.write(folder.resolve("made"));
        try (Stream<Path> files = Files.list(model)) {
            for (Path file : files.toList()) {
                server.file(String.valueOf(file.getFileName()), Files.readAllBytes(file));
            }
        }
        System.setProperty("HF_ENDPOINT", server.endpoint().toString());
        System.setProperty("HF_HOME", folder.resolve("home").toString());
        System.setProperty("HF_HUB_CACHE", folder.resolve("home/hub").toString());
        System.setProperty("HF_HUB_OFFLINE", "0");
    }

    @AfterEach
    void stop() {
        server.close();
        for (String name : new String[] {"HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE"}) {
            System.clearProperty(name);
        }
    }

    @Test
    void pullRunListRemove() {
        Cli pull = Cli.run("pull", FakeHub.REPO);
        assertEquals(0, pull.code(), pull.err());
        assertTrue(pull.out().contains("Run it with --model hf:org/tiny"), pull.out());
        assertTrue(pull.err().contains("clearhead: model.safetensors, "), pull.err());
        assertTrue(Cli.run("pull", FakeHub.REPO).out().contains("all there already"));

        System.setProperty("HF_HUB_OFFLINE", "1");
        Cli run = Cli.run("generate", "--model", "hf:org/tiny", "--max-tokens", "2", "--json", "-", "the cat");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("\"name\": \"tiny\""), run.out());

        Cli models = Cli.run("models");
        assertTrue(models.out().contains("hf:org/tiny"), models.out());
        Json.Obj json =
                Json.parseObject("models", Cli.run("models", "--json", "-").out());
        assertEquals("main", json.array("cached").object(0).array("revisions").text(0));

        Cli remove = Cli.run("rm", "org/tiny");
        assertEquals(0, remove.code(), remove.err());
        assertFalse(Files.exists(folder.resolve("home/hub/models--org--tiny")));
        Cli again = Cli.run("rm", "org/tiny");
        assertEquals(2, again.code());
    }

    @Test
    void modelIsDownloadedWhenItIsNamed() {
        Cli other = Cli.run("tokens", "--ids", "--model", "hf:org/tiny", "the cat");
        assertEquals(0, other.code(), other.err());
        assertTrue(Files.exists(folder.resolve("home/hub/models--org--tiny/refs/main")));
    }

    @Test
    void pullAsJson() {
        Cli pull = Cli.run("pull", "org/tiny", "--revision", FakeHub.COMMIT, "--include", "*.json", "--json", "-");
        assertEquals(0, pull.code(), pull.err());
        Json.Obj json = Json.parseObject("pull", pull.out());
        assertEquals(FakeHub.COMMIT, json.text("revision"));
        assertEquals(2, json.array("files").size());
    }

    @Test
    void wrongNamesAreWrongUsage() {
        for (String name : new String[] {"../x", "a/b/c", "a/b:../c", "a/b@.."}) {
            assertEquals(2, Cli.run("pull", name).code(), name);
            assertEquals(2, Cli.run("generate", "--model", "hf:" + name, "x").code(), name);
        }
        assertEquals(2, Cli.run("rm", "org/tiny:Q8_0").code());
        assertEquals(2, Cli.run("pull", "a/b@x", "--revision", "y").code());
        Cli none = Cli.run("generate", "--model", "hf:org/none", "x");
        assertEquals(1, none.code());
        assertTrue(none.err().contains("there is no such repository"), none.err());
        System.setProperty("HF_HUB_OFFLINE", "1");
        Cli offline = Cli.run("generate", "--model", "hf:org/tiny", "x");
        assertEquals(1, offline.code());
        assertTrue(offline.err().contains("`clearhead pull org/tiny`"), offline.err());
    }

    @Test
    void progressIsPlain() {
        assertEquals("  0 % of 2.0 GB, 0.0 MB/s", PullProgress.text(0, 2_000_000_000L, 0));
        assertEquals(" 50 % of 2.0 GB, 10.0 MB/s, 1:40 left", PullProgress.text(1_000_000_000L, 2_000_000_000L, 1e7));
        assertEquals("  0 % of 90.0 GB, 1.0 MB/s, 25:00:00 left", PullProgress.text(0, 90_000_000_000L, 1e6));
    }
}
