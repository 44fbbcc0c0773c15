package clearhead.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A hub that cuts, stalls, redirects and lies: the download gets there, or ends in one line and leaves nothing false.
@Timeout(60)
final class BadServerTest {
    private static final byte[] WEIGHTS = new byte[400_000];
    private static final String CDN = "cdn /blob/model.safetensors";
    private static final String HEAD = "HEAD " + FakeHub.resolve("model.safetensors");

    static {
        new Random(2).nextBytes(WEIGHTS);
    }

    @TempDir
    Path folder;

    @SuppressWarnings("NullAway.Init")
    private FakeHub server;

    @BeforeEach
    void start() throws IOException {
        server = new FakeHub()
                .file("config.json", "{}")
                .file("vocab.json", "{\"a\":0}")
                .large("model.safetensors", WEIGHTS);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Hub hub() {
        return new Hub(HubTest.settings(server, folder), Progress.SILENT);
    }

    private Path pull() {
        return hub().pull(HubName.parse("org/tiny"), List.of()).model();
    }

    private String refused() {
        String message = assertThrows(ModelFileException.class, this::pull).getMessage();
        assertFalse(message.contains("hf_secret"));
        assertEquals(1, message.lines().count());
        assertFalse(Files.exists(blob()), "nothing false has a name");
        assertFalse(Files.exists(repo().resolve("refs/main")), "nothing half-done is announced");
        return message;
    }

    private void refused(String part) {
        String message = refused();
        assertTrue(message.contains(part), message);
    }

    private void arrives() throws IOException {
        assertArrayEquals(WEIGHTS, Files.readAllBytes(pull().resolve("model.safetensors")));
        assertFalse(Files.exists(partial()));
    }

    private Path repo() {
        return folder.resolve("hub/models--org--tiny");
    }

    private Path blob() {
        return repo().resolve("blobs").resolve(server.hash("model.safetensors"));
    }

    private Path partial() {
        return repo().resolve("blobs").resolve(server.hash("model.safetensors") + ".clearhead.incomplete");
    }

    private List<String> ranges() {
        return server.seen.stream()
                .filter(FakeHub.Seen::cdn)
                .map(s -> s.range().orElse("all"))
                .toList();
    }

    /// An answer for the first requests, the right one then.
    private void first(int times, String request, FakeHub.Trick trick) {
        var count = new AtomicInteger();
        server.tricks.put(request, exchange -> count.incrementAndGet() <= times && trick.answer(exchange));
    }

    private static FakeHub.Trick status(int status) {
        return exchange -> {
            exchange.getResponseHeaders().set("Retry-After", "0");
            exchange.sendResponseHeaders(status, -1);
            return true;
        };
    }

    @Test
    void cutConnectionGoesOn() throws IOException {
        first(3, CDN, exchange -> {
            FakeHub.cut(exchange, WEIGHTS, 100_000);
            return true;
        });
        arrives();
        assertEquals(List.of("all", "bytes=100000-", "bytes=200000-", "bytes=300000-"), ranges());
    }

    @Test
    void connectionCutForeverEnds() throws IOException {
        server.tricks.put(CDN, exchange -> {
            FakeHub.cut(exchange, WEIGHTS, 10);
            return true;
        });
        refused("(4 attempts); run it again to go on");
        assertEquals(40, Files.size(partial()));
        server.tricks.clear();
        server.seen.clear();
        arrives();
        assertEquals(List.of("bytes=40-"), ranges());
    }

    @Test
    void stalledConnectionGoesOn() throws Exception {
        var hold = new CountDownLatch(1);
        first(1, CDN, exchange -> {
            exchange.sendResponseHeaders(200, WEIGHTS.length);
            FakeHub.write(exchange, Arrays.copyOf(WEIGHTS, 1000));
            await(hold);
            return true;
        });
        arrives();
        hold.countDown();
        assertEquals(List.of("all", "bytes=1000-"), ranges());
    }

    private static void await(CountDownLatch latch) {
        try {
            boolean _ = latch.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void serverInTroubleIsAskedAgain() throws IOException {
        first(1, "GET " + FakeHub.listing(), status(503));
        first(1, HEAD, status(500));
        first(2, CDN, status(429));
        arrives();
    }

    @Test
    void serverInTroubleForeverEnds() {
        server.tricks.put("GET " + FakeHub.listing(), status(502));
        refused("the server answers 502 (4 attempts)");
    }

    @Test
    void serverWithoutRangesBeginsAgain() throws IOException {
        first(1, CDN, exchange -> {
            FakeHub.cut(exchange, WEIGHTS, 5000);
            return true;
        });
        var second = new AtomicInteger();
        FakeHub.Trick cut = Objects.requireNonNull(server.tricks.get(CDN));
        server.tricks.put(CDN, exchange -> {
            if (second.incrementAndGet() == 2) {
                exchange.sendResponseHeaders(200, WEIGHTS.length);
                FakeHub.write(exchange, WEIGHTS);
                return true;
            }
            return cut.answer(exchange);
        });
        arrives();
        assertEquals(List.of("all", "bytes=5000-"), ranges());
    }

    @Test
    void serverThatGivesAnotherRangeBeginsAgain() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), Arrays.copyOf(WEIGHTS, 5000));
        first(1, CDN, exchange -> {
            exchange.getResponseHeaders().set("Content-Range", "bytes 0-99/" + WEIGHTS.length);
            exchange.sendResponseHeaders(206, 100);
            FakeHub.write(exchange, Arrays.copyOf(WEIGHTS, 100));
            return true;
        });
        arrives();
        assertEquals(List.of("bytes=5000-", "all"), ranges());
    }

    @Test
    void rangeThatIsRefusedBeginsAgain() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), Arrays.copyOf(WEIGHTS, 5000));
        first(1, CDN, exchange -> {
            exchange.sendResponseHeaders(416, -1);
            return true;
        });
        arrives();
    }

    @Test
    void damagedPartIsThrownAway() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[5000]);
        arrives();
        assertEquals(List.of("bytes=5000-", "all"), ranges());
    }

    @Test
    void partThatIsTooLongIsThrownAway() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[WEIGHTS.length + 1]);
        arrives();
        assertEquals(List.of("all"), ranges());
    }

    @Test
    void partThatIsWholeIsVerifiedOnly() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), WEIGHTS);
        arrives();
        assertEquals(List.of(), ranges());
    }

    @Test
    void partThatIsALinkIsNotFollowed() throws IOException {
        Files.createDirectories(partial().getParent());
        Path victim = Files.writeString(folder.resolve("victim"), "precious");
        Files.createSymbolicLink(partial(), victim);
        refused("cannot be written");
        assertEquals("precious", Files.readString(victim));
    }

    @Test
    void otherBytesThanNamedAreRefused() {
        server.tricks.put(CDN, exchange -> {
            FakeHub.send(exchange, new byte[WEIGHTS.length]);
            return true;
        });
        refused("wanted the hash " + server.hash("model.safetensors"));
        assertFalse(Files.exists(partial()));
    }

    @Test
    void smallFilesAreVerifiedToo() {
        server.tricks.put("GET " + FakeHub.resolve("config.json"), exchange -> {
            FakeHub.send(exchange, "[]".getBytes(StandardCharsets.US_ASCII));
            return true;
        });
        String message = assertThrows(ModelFileException.class, this::pull).getMessage();
        assertTrue(message.contains("config.json: wanted the hash"), message);
        assertFalse(Files.exists(repo().resolve("refs/main")));
    }

    @Test
    void moreBytesThanNamedAreRefused() {
        server.tricks.put(CDN, exchange -> {
            FakeHub.send(exchange, new byte[WEIGHTS.length + 1]);
            return true;
        });
        refused("wanted 400000 bytes, the server sends 400001");
    }

    @Test
    void endlessStreamIsRefused() {
        server.tricks.put(CDN, exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try {
                while (true) {
                    FakeHub.write(exchange, new byte[100_000]);
                }
            } catch (IOException _) {
                return true; // hung up
            }
        });
        refused("or more; nothing of it is kept");
        assertFalse(Files.exists(partial()));
    }

    @Test
    void fewerBytesThanNamedEnd() {
        server.tricks.put(CDN, exchange -> {
            FakeHub.send(exchange, Arrays.copyOf(WEIGHTS, 100));
            return true;
        });
        assertTrue(refused().contains("attempts)"));
    }

    @Test
    void sizesThatDisagreeAreRefused() {
        server.tricks.put(HEAD, exchange -> {
            exchange.getResponseHeaders().set("X-Linked-Etag", server.hash("model.safetensors"));
            exchange.getResponseHeaders().set("X-Linked-Size", "5");
            FakeHub.redirect(exchange, server.cdnAddress() + "/blob/model.safetensors");
            return true;
        });
        refused("lists it with 400000 bytes and gives it with 5");
    }

    @Test
    void hashesThatDisagreeAreRefused() {
        server.tricks.put(HEAD, exchange -> {
            exchange.getResponseHeaders().set("X-Linked-Etag", "a".repeat(64));
            FakeHub.redirect(exchange, server.cdnAddress() + "/blob/model.safetensors");
            return true;
        });
        refused("gives it with " + "a".repeat(64));
    }

    @Test
    void anotherCommitIsRefused() {
        server.tricks.put(HEAD, exchange -> {
            exchange.getResponseHeaders().set("X-Repo-Commit", "b".repeat(40));
            FakeHub.send(exchange, WEIGHTS);
            return true;
        });
        refused("the server has bbbb");
    }

    @Test
    void compressedAnswersAreRefused() {
        server.tricks.put(CDN, exchange -> {
            exchange.getResponseHeaders().set("Content-Encoding", "gzip");
            FakeHub.send(exchange, new byte[1000]);
            return true;
        });
        refused("compressed (gzip)");
    }

    @Test
    void redirectsWithoutEndAreRefused() {
        server.tricks.put(HEAD, exchange -> {
            FakeHub.redirect(exchange, exchange.getRequestURI().toString());
            return true;
        });
        refused("redirects without end");
    }

    @Test
    void redirectsToOtherSchemesAreRefused() {
        for (String to : List.of("file:///etc/passwd", "http://user:secret@127.0.0.1/", "http://", "::")) {
            server.tricks.put(CDN, exchange -> {
                FakeHub.redirect(exchange, to);
                return true;
            });
            refused("redirects to \"" + to);
        }
    }

    @Test
    void gatedRepositorySaysWhatToDo() {
        server.tricks.put("GET " + FakeHub.listing(), exchange -> {
            FakeHub.error(exchange, 403, "GatedRepo");
            return true;
        });
        refused("accept the conditions at " + server.endpoint() + "/org/tiny with the account of your token");
    }

    @Test
    void refusedTokenSaysSo() {
        server.tricks.put("GET " + FakeHub.listing(), status(401));
        refused("or it is private and your token does not open it");
    }

    @Test
    void listingsThatAreNoneAreRefused() {
        for (String text : List.of(
                "",
                "<html>",
                "[]",
                "{}",
                "{\"sha\":\"../../x\",\"siblings\":[]}",
                "{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[{\"rfilename\":7}]}",
                "{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[{\"rfilename\":\"a\"},{\"rfilename\":\"a\"}]}",
                "[".repeat(100_000))) {
            listing(text);
            refused();
        }
    }

    private void listing(String text) {
        server.tricks.put("GET " + FakeHub.listing(), exchange -> {
            FakeHub.send(exchange, text.getBytes(StandardCharsets.UTF_8));
            return true;
        });
    }

    @Test
    void hugeListingIsRefused() {
        server.tricks.put("GET " + FakeHub.listing(), exchange -> {
            exchange.sendResponseHeaders(200, 0);
            FakeHub.write(
                    exchange, ("{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[").getBytes(StandardCharsets.UTF_8));
            byte[] some = "{\"rfilename\":\"a\"},".repeat(10_000).getBytes(StandardCharsets.UTF_8);
            try {
                for (int i = 0; i < 100; i++) {
                    FakeHub.write(exchange, some);
                }
            } catch (IOException _) {
                return true; // hung up
            }
            return true;
        });
        refused("its listing has more than 16777216 bytes");
    }

    @Test
    void manyFilesAreRefused() {
        var text = new StringBuilder("{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[");
        for (int i = 0; i < 100_001; i++) {
            text.append(i == 0 ? "" : ",").append("{\"rfilename\":\"").append(i).append("\"}");
        }
        listing(text.append("]}").toString());
        refused("at most 100000 are taken");
    }

    @Test
    void pathTricksInAListingAreRefused() throws IOException {
        for (String evil : List.of(
                "../../evil", "/evil", "a\\\\..\\\\evil", "C:evil", "a/./b", "a//b", "x\\u0000y", "x\\u202ey")) {
            listing("{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[{\"rfilename\":\"" + evil + "\"}]}");
            var e = assertThrows(ModelFileException.class, () -> hub().pull(HubName.parse("org/tiny"), List.of("*")));
            assertTrue(e.getMessage().contains("refuses the file name"), e.getMessage());
        }
        try (Stream<Path> made = Files.walk(folder)) {
            assertEquals(1, made.count());
        }
    }

    @Test
    void pathTricksInAnIndexAreRefused() {
        server.file("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../../x\"}}");
        var e = assertThrows(
                ModelFileException.class,
                () -> hub().pull(HubName.parse("org/tiny:model.safetensors.index.json"), List.of()));
        assertTrue(e.getMessage().contains("refuses the file name"), e.getMessage());
    }

    @Test
    void fullDiskIsOneError() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "skipped: this system has no /dev/full");
        var hub = new Hub(
                HubTest.settings(server, folder),
                Progress.SILENT,
                _ -> FileChannel.open(full, StandardOpenOption.WRITE));
        var e = assertThrows(ModelFileException.class, () -> hub.pull(HubName.parse("org/tiny"), List.of()));
        assertTrue(e.getMessage().contains("No space left on device"), e.getMessage());
        assertTrue(e.getMessage().contains("run it again"), e.getMessage());
        assertTrue(ranges().size() <= 1, "trying again would not help");
        assertFalse(Files.exists(blob()));
        arrives();
    }

    @Test
    void spaceIsCheckedFirst() {
        server.tricks.put(HEAD, exchange -> {
            exchange.getResponseHeaders().set("X-Linked-Etag", server.hash("model.safetensors"));
            exchange.getResponseHeaders().set("X-Linked-Size", "900000000000000000");
            FakeHub.redirect(exchange, server.cdnAddress() + "/blob/model.safetensors");
            return true;
        });
        listing("{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[{\"rfilename\":\"model.safetensors\"}]}");
        refused("wanted 900000000000000000 bytes of free space");
    }

    @Test
    void fileWithoutAHashIsRefused() {
        listing("{\"sha\":\"" + FakeHub.COMMIT + "\",\"siblings\":[{\"rfilename\":\"model.safetensors\"}]}");
        server.tricks.put(HEAD, exchange -> {
            exchange.getResponseHeaders().set("ETag", "\"../../../x\"");
            FakeHub.send(exchange, WEIGHTS);
            return true;
        });
        refused("names no hash");
    }

    @Test
    void interruptLeavesAPartThatGoesOn() throws Exception {
        var hold = new CountDownLatch(1);
        var began = new CountDownLatch(1);
        first(1, CDN, exchange -> {
            exchange.sendResponseHeaders(200, WEIGHTS.length);
            FakeHub.write(exchange, Arrays.copyOf(WEIGHTS, 7000));
            began.countDown();
            await(hold);
            return true;
        });
        var thread = new Thread(() -> assertThrows(ModelFileException.class, this::pull));
        thread.start();
        await(began);
        while (!Files.exists(partial()) || Files.size(partial()) < 7000) {
            Thread.sleep(5);
        }
        thread.interrupt();
        thread.join();
        hold.countDown();
        assertEquals(7000, Files.size(partial()));
        arrives();
    }

    @Test
    void nobodyAnswers() {
        server.close();
        refused("cannot be reached (2 attempts)");
    }
}
