package clearhead.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Downloads from a hub that behaves, and the cache they make.
final class HubTest {
    private static final byte[] WEIGHTS = new byte[300_000];

    static {
        new Random(1).nextBytes(WEIGHTS);
    }

    @TempDir
    Path folder;

    @SuppressWarnings("NullAway.Init")
    private FakeHub server;

    @BeforeEach
    void start() throws IOException {
        server = new FakeHub()
                .file("config.json", "{\"model_type\":\"llama\"}")
                .file("tokenizer.json", "{}")
                .file("README.md", "# Tiny")
                .file("pytorch_model.bin", "pickled")
                .large("model.safetensors", WEIGHTS);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private HubSettings settings() {
        return settings(server, folder);
    }

    static HubSettings settings(FakeHub server, Path folder) {
        var patience = new HubSettings.Patience(Duration.ofSeconds(5), Duration.ofMillis(400), Duration.ofMillis(5), 4);
        return new HubSettings(
                server.endpoint(),
                folder.resolve("hub"),
                Optional.of(new HubSettings.Token("hf_secret")),
                false,
                true,
                patience,
                2);
    }

    private HubSettings offline() {
        HubSettings s = settings();
        return new HubSettings(s.endpoint(), s.cache(), s.token(), true, true, s.patience(), 2);
    }

    private Hub hub() {
        return new Hub(settings(), Progress.SILENT);
    }

    private static HubName name(String text) {
        return HubName.parse(text);
    }

    private String refused(String text) {
        return assertThrows(ModelFileException.class, () -> hub().find(name(text)))
                .getMessage();
    }

    private Path repo() {
        return folder.resolve("hub/models--org--tiny");
    }

    private List<String> blobs() throws IOException {
        try (Stream<Path> files = Files.list(repo().resolve("blobs"))) {
            return files.map(f -> String.valueOf(f.getFileName())).sorted().toList();
        }
    }

    @Test
    void layoutIsThePythonClients() throws IOException {
        Hub.Pulled pulled = hub().pull(name("org/tiny"), List.of());
        Path snapshot = repo().resolve("snapshots").resolve(FakeHub.COMMIT);
        assertEquals(snapshot, pulled.model());
        assertEquals(FakeHub.COMMIT, Files.readString(repo().resolve("refs/main")));
        Path pointer = snapshot.resolve("model.safetensors");
        assertEquals(Path.of("../../blobs/" + server.hash("model.safetensors")), Files.readSymbolicLink(pointer));
        assertArrayEquals(WEIGHTS, Files.readAllBytes(pointer));
        assertEquals(
                Stream.of("config.json", "model.safetensors", "tokenizer.json")
                        .map(server::hash)
                        .sorted()
                        .toList(),
                blobs());
        assertTrue(Files.exists(folder.resolve("hub/CACHEDIR.TAG")));
        assertTrue(Files.exists(
                folder.resolve("hub/.locks/models--org--tiny/" + server.hash("model.safetensors") + ".lock")));
    }

    @Test
    void tokenGoesToTheEndpointOnly() {
        hub().pull(name("org/tiny"), List.of());
        assertTrue(server.seen.stream().anyMatch(FakeHub.Seen::cdn));
        for (FakeHub.Seen seen : server.seen) {
            assertEquals(seen.cdn() ? Optional.empty() : Optional.of("Bearer hf_secret"), seen.authorization());
        }
    }

    @Test
    void wholeModelNeedsNoServer() {
        Path model = hub().find(name("hf:org/tiny"));
        server.close();
        assertEquals(model, hub().find(name("hf:org/tiny")));
        assertEquals(model, new Hub(offline(), Progress.SILENT).find(name("hf:org/tiny")));
        assertEquals(model, hub().find(name("hf:org/tiny@" + FakeHub.COMMIT)));
    }

    @Test
    void secondPullBringsNothing() {
        hub().pull(name("org/tiny"), List.of());
        server.seen.clear();
        Hub.Pulled again = hub().pull(name("org/tiny"), List.of());
        assertEquals(0, again.downloaded());
        assertEquals(List.of(FakeHub.listing()), server.paths("GET"));
    }

    @Test
    void missingFileOfASnapshotIsBrought() throws IOException {
        Path model = hub().find(name("hf:org/tiny"));
        Files.delete(model.resolve("tokenizer.json"));
        hub().find(name("hf:org/tiny"));
        assertTrue(Files.exists(model.resolve("tokenizer.json")), "the blob is still there, the link again");
    }

    @Test
    void includeTakesTheseFilesAndNoOthers() throws IOException {
        Hub.Pulled pulled = hub().pull(name("org/tiny"), List.of("*.md", "c[no]nfig.*"));
        assertEquals(2, pulled.files().size());
        assertEquals(2, blobs().size());
        var e = assertThrows(ModelFileException.class, () -> hub().pull(name("org/tiny"), List.of("*.gguf")));
        assertTrue(e.getMessage().contains("README.md"), e.getMessage());
    }

    @Test
    void shardsFollowTheIndex() throws IOException {
        try (var sharded = new FakeHub()
                .file("config.json", "{}")
                .file(
                        "model.safetensors.index.json",
                        "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"sub/two.safetensors\"}}")
                .large("one.safetensors", new byte[10])
                .large("sub/two.safetensors", new byte[20])
                .large("consolidated.safetensors", new byte[30])) {
            var hub = new Hub(settings(sharded, folder), Progress.SILENT);
            Hub.Pulled pulled = hub.pull(name("org/tiny"), List.of());
            assertEquals(4, pulled.files().size());
            assertEquals(20, Files.size(pulled.model().resolve("sub/two.safetensors")));
            Files.delete(pulled.model().resolve("one.safetensors"));
            hub.find(name("hf:org/tiny"));
            assertEquals(10, Files.size(pulled.model().resolve("one.safetensors")));
        }
    }

    @Test
    void shardThatIsNotThereIsNamed() throws IOException {
        try (var sharded =
                new FakeHub().file("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\"}}")) {
            var hub = new Hub(settings(sharded, folder), Progress.SILENT);
            var e = assertThrows(ModelFileException.class, () -> hub.pull(name("org/tiny"), List.of()));
            assertTrue(e.getMessage().contains("\"one.safetensors\", which the repository has not"), e.getMessage());
        }
    }

    @Test
    void ggufIsChosenByQuantizationOrName() throws IOException {
        try (var ggufs = new FakeHub()
                .large("tiny-Q4_K.gguf", new byte[1])
                .large("tiny-Q4_K_M.gguf", new byte[2])
                .large("mmproj-tiny-F16.gguf", new byte[3])
                .large("tiny-Q8_0-00001-of-00002.gguf", new byte[4])
                .large("tiny-Q8_0-00002-of-00002.gguf", new byte[5])) {
            var hub = new Hub(settings(ggufs, folder), Progress.SILENT);
            assertEquals("tiny-Q4_K.gguf", last(hub.find(name("hf:org/tiny:q4_k"))));
            assertEquals("tiny-Q4_K.gguf", last(hub.find(name("hf:org/tiny"))), "the only one in the cache");
            assertEquals("tiny-Q4_K_M.gguf", last(hub.find(name("hf:org/tiny:Q4_K_M"))));
            Hub.Pulled split = hub.pull(name("org/tiny:Q8_0"), List.of());
            assertEquals(2, split.files().size());
            assertEquals("tiny-Q8_0-00001-of-00002.gguf", last(split.model()));
            var e = assertThrows(ModelFileException.class, () -> hub.pull(name("org/tiny"), List.of()));
            assertTrue(
                    e.getMessage()
                            .endsWith("has 3 GGUF files; choose one after a colon, as in hf:org/tiny:tiny-Q4_K.gguf:"
                                    + " tiny-Q4_K.gguf, tiny-Q4_K_M.gguf, tiny-Q8_0-00001-of-00002.gguf"),
                    e.getMessage());
            e = assertThrows(ModelFileException.class, () -> hub.pull(name("org/tiny:Q5_0"), List.of()));
            assertTrue(e.getMessage().contains("no GGUF file of that quantization"), e.getMessage());
        }
    }

    private static String last(Path path) {
        return String.valueOf(path.getFileName());
    }

    @Test
    void onlyPickledWeightsAreRefused() throws IOException {
        try (var pickled = new FakeHub().file("config.json", "{}").file("pytorch_model.bin", "x")) {
            var hub = new Hub(settings(pickled, folder), Progress.SILENT);
            var e = assertThrows(ModelFileException.class, () -> hub.pull(name("org/tiny"), List.of()));
            assertTrue(e.getMessage().contains("neither safetensors nor GGUF files, only pytorch_model.bin"));
        }
    }

    @Test
    void withoutLinksFilesLieInTheSnapshot() throws IOException {
        HubSettings s = settings();
        var hub = new Hub(
                new HubSettings(s.endpoint(), s.cache(), s.token(), false, false, s.patience(), 2), Progress.SILENT);
        Path model = hub.find(name("hf:org/tiny"));
        assertTrue(Files.isRegularFile(model.resolve("model.safetensors"), LinkOption.NOFOLLOW_LINKS));
        assertEquals(0, hub.pull(name("org/tiny"), List.of()).downloaded());
    }

    @Test
    void unknownNamesSaySo() {
        assertTrue(refused("hf:org/none").contains("there is no such repository"));
        assertTrue(refused("hf:org/tiny@v9").contains("no revision \"v9\""));
        assertTrue(refused("hf:org/tiny:x.gguf").contains("has no file \"x.gguf\""));
    }

    @Test
    void offlineSaysWhatIsMissing() {
        var e = assertThrows(
                ModelFileException.class, () -> new Hub(offline(), Progress.SILENT).find(name("hf:org/tiny")));
        assertTrue(e.getMessage().contains("HF_HUB_OFFLINE forbids a download"), e.getMessage());
        assertEquals(0, server.seen.size());
    }

    @Test
    void linkOutOfTheCacheIsRefused() throws IOException {
        Path model = hub().find(name("hf:org/tiny"));
        Path secret = Files.writeString(folder.resolve("secret"), "x");
        Files.delete(model.resolve("config.json"));
        Files.createSymbolicLink(model.resolve("config.json"), secret);
        assertTrue(refused("hf:org/tiny").contains("leads out of the cache"));
    }

    @Test
    void folderOutOfTheCacheIsNotWritten() throws IOException {
        Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
        Files.createDirectories(repo());
        Files.createSymbolicLink(repo().resolve("blobs"), elsewhere);
        assertTrue(refused("hf:org/tiny").contains("leads out of the cache"));
        assertEquals(0, elsewhere.toFile().list().length);
    }

    @Test
    void listAndRemove() throws IOException {
        hub().pull(name("org/tiny"), List.of());
        Files.write(repo().resolve("blobs/abc.clearhead.incomplete"), new byte[7]);
        CachedModel model = hub().cached().getFirst();
        assertEquals("org/tiny", model.repo());
        assertEquals(List.of("main"), model.revisions());
        assertEquals(7, model.partialBytes());
        assertTrue(model.bytes() > WEIGHTS.length && model.bytes() < WEIGHTS.length + 200);
        try (var _ = CacheLock.tryTake(
                        folder.resolve("hub/.locks/models--org--tiny/" + server.hash("config.json") + ".lock"))
                .orElseThrow()) {
            var e = assertThrows(ModelFileException.class, () -> hub().remove(name("org/tiny")));
            assertTrue(e.getMessage().contains("being downloaded"));
        }
        assertEquals(model.bytes() + 7, hub().remove(name("org/tiny")));
        assertFalse(Files.exists(repo()));
        assertEquals(List.of(), hub().cached());
        assertThrows(ModelFileException.class, () -> hub().remove(name("org/tiny")));
    }

    @Test
    void manyAtOnceDownloadOnce() throws Exception {
        try (var pool = Executors.newFixedThreadPool(4)) {
            List<Future<Path>> all = Stream.generate(() -> pool.submit(() -> hub().find(name("hf:org/tiny"))))
                    .limit(4)
                    .toList();
            for (Future<Path> one : all) {
                assertArrayEquals(WEIGHTS, Files.readAllBytes(one.get().resolve("model.safetensors")));
            }
        }
        assertEquals(1, server.seen.stream().filter(FakeHub.Seen::cdn).count());
        assertEquals(3, blobs().size());
    }
}
