package clearhead.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Names that a user gives, and the environment.
final class HubNameTest {
    @Test
    void parts() {
        assertEquals(new HubName("org/name", "main", Optional.empty()), HubName.parse("hf:org/name"));
        assertEquals(
                new HubName("org/name", "refs/pr/1", Optional.of("sub/a.gguf")),
                HubName.parse("org/name@refs/pr/1:sub/a.gguf"));
        assertEquals("hf:gpt2:Q8_0", HubName.parse("hf:gpt2:Q8_0").text());
        assertEquals("models--org--na.me_1", HubName.parse("org/na.me_1").folder());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "a/",
                "/a",
                "a/b/c",
                "..",
                "a/..",
                "../a",
                "a..b",
                "a--b",
                "a/b.git",
                ".a/b",
                "-a/b",
                "a\\b",
                "a b",
                "a/b@",
                "a/b@..",
                "a/b@../x",
                "a/b@/x",
                "a/b@x//y",
                "a/b@x\\y",
                "a/b@-x",
                "a/b@x y",
                "a/b@x/./y",
                "a/b:",
                "a/b:..",
                "a/b:../x",
                "a/b:/x",
                "a/b:C:/x",
                "a/b:x\\y",
                "a/b:x\u0000",
                "a/b:x\ny",
                "a/b:nul",
                "a/b:x/",
                "https://huggingface.co/a/b",
                "a/b:x\u202ey"
            })
    void tricksAreRefused(String text) {
        assertThrows(ModelFileException.class, () -> HubName.parse("hf:" + text));
    }

    @Test
    void longNamesAreRefused() {
        for (String text : new String[] {
            "a".repeat(97), "a/b@" + "c".repeat(201), "a/b:" + "c".repeat(241), "a/b:" + "c/".repeat(600) + "d"
        }) {
            var e = assertThrows(ModelFileException.class, () -> HubName.parse(text));
            assertTrue(e.getMessage().length() < 400, e.getMessage());
        }
    }

    @TempDir
    Path folder;

    private HubSettings of(Map<String, String> variables) {
        var all = new HashMap<>(variables);
        all.putIfAbsent("HOME", folder.toString());
        return HubSettings.of(all::get);
    }

    @Test
    void environmentOfThePythonClient() throws IOException {
        assertEquals(folder.resolve(".cache/huggingface/hub"), of(Map.of()).cache());
        assertEquals(URI.create("https://huggingface.co"), of(Map.of()).endpoint());
        assertEquals(
                Path.of("/x/huggingface/hub"),
                of(Map.of("XDG_CACHE_HOME", "/x")).cache());
        assertEquals(
                Path.of("/h/hub"),
                of(Map.of("HF_HOME", "/h", "XDG_CACHE_HOME", "/x")).cache());
        assertEquals(
                Path.of("/c"), of(Map.of("HF_HOME", "/h", "HF_HUB_CACHE", "/c")).cache());
        assertEquals(folder.resolve("c"), of(Map.of("HF_HUB_CACHE", "~/c")).cache());
        assertEquals(
                Path.of("/d/e/c"),
                of(Map.of("HF_HUB_CACHE", "$D/${E}/c", "D", "/d", "E", "e")).cache());
        assertEquals(
                URI.create("http://m:8/x"),
                of(Map.of("HF_ENDPOINT", "http://m:8/x/")).endpoint());
        assertTrue(of(Map.of("HF_HUB_OFFLINE", "yes")).offline());
        assertTrue(of(Map.of("TRANSFORMERS_OFFLINE", "1")).offline());
        assertFalse(of(Map.of("HF_HUB_OFFLINE", "0")).offline());
        assertFalse(of(Map.of("HF_HUB_DISABLE_SYMLINKS", "1")).links());
        assertEquals(
                Duration.ofSeconds(7),
                of(Map.of("HF_HUB_DOWNLOAD_TIMEOUT", "7")).patience().stall());
        for (String bad : new String[] {"ftp://x", "x", "http://", "http://u:p@h", "http://h?q"}) {
            assertThrows(ModelFileException.class, () -> of(Map.of("HF_ENDPOINT", bad)));
        }
    }

    @Test
    void token() throws IOException {
        Files.createDirectories(folder.resolve("h"));
        Files.writeString(folder.resolve("h/token"), "hf_file\n");
        String home = folder.resolve("h").toString();
        assertEquals(
                "hf_file", of(Map.of("HF_HOME", home)).token().orElseThrow().secret());
        assertEquals(
                "hf_env",
                of(Map.of("HF_HOME", home, "HF_TOKEN", " hf_env\n"))
                        .token()
                        .orElseThrow()
                        .secret());
        assertEquals(
                Optional.empty(),
                of(Map.of("HF_HOME", home, "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"))
                        .token());
        assertEquals(Optional.empty(), of(Map.of()).token());
        assertFalse(of(Map.of("HF_TOKEN", "hf_env")).toString().contains("hf_env"));
        assertThrows(ModelFileException.class, () -> of(Map.of("HF_TOKEN", "a\r\nHost: b")));
    }

    @Test
    void tokenStaysWithTheEndpoint() {
        HubSettings s = of(Map.of("HF_ENDPOINT", "https://hub.example"));
        assertTrue(s.isEndpoint(URI.create("https://HUB.example:443/x")));
        for (String other : new String[] {
            "http://hub.example/", "https://hub.example:444/", "https://cdn.hub.example/", "https://hub.example.evil/"
        }) {
            assertFalse(s.isEndpoint(URI.create(other)), other);
        }
    }
}
