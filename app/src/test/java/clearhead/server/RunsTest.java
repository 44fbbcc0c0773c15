package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.io.Json;
import java.io.RandomAccessFile;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The store of runs: sharing, budget, leases, queue, cancelling and failures.
class RunsTest {
    /// Takes some seconds on the reference backend.
    private static final String LONG = "the king and the queen and ".repeat(80).strip();

    @TempDir
    static Path folder = Path.of("");

    private static Served tiny(long budget, int queue) throws Exception {
        return new Served(
                TinyModel.write(folder.resolve("tiny")),
                "reference",
                new Runs(budget, queue),
                Optional.empty(),
                folder);
    }

    /// A server whose runs are slow.
    private static Served slow(int queue) throws Exception {
        return new Served(Served.tales(), "reference", new Runs(1 << 28, queue, 100_000_000), Optional.empty(), folder);
    }

    private static void await(java.util.function.BooleanSupplier what, int seconds) throws InterruptedException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (!what.getAsBoolean() && System.nanoTime() < end) {
            Thread.sleep(20);
        }
        assertTrue(what.getAsBoolean(), "after " + seconds + " s");
    }

    @Test
    void equalSpecsShareOneRunAndOthersDoNot() throws Exception {
        try (Served at = tiny(1 << 26, 8)) {
            String text = "{\"model\":\"tiny\",\"text\":\"the cat\"";
            String id = Served.id(at.post("runs", text + "}"));
            at.get("runs/" + id + "/events");
            assertEquals(id, Served.id(at.post("runs", text + "}")));
            assertEquals(id, Served.id(at.post("runs", text + ",\"changes\":[]}")));
            assertEquals(200, at.post("runs", text + "}").statusCode());
            assertEquals(1, at.site.runs().size());
            for (String other : new String[] {
                text + ",\"changes\":[\"head:0.1=0\"]}",
                text + ",\"other\":\"the hat\"}",
                "{\"model\":\"tiny\",\"text\":\"the hat\"}"
            }) {
                assertNotEquals(id, Served.id(at.post("runs", other)), other);
            }
            String ids = at.get("runs/" + id).body().replaceAll("(?s).*\"tokens\":\\[.*?\"id\":(\\d+).*", "$1");
            assertTrue(ids.matches("\\d+"), ids);
        }
    }

    @Test
    void runsAreEvictedWithinTheBudgetButNotUnderALease() throws Exception {
        try (Served at = tiny(40_000, 8)) {
            Runs runs = at.site.runs();
            String first = Served.id(at.run("the cat sat on the mat"));
            at.get("runs/" + first + "/events");
            double[] before;
            try (Lease lease = runs.lease(first)) {
                before = lease.run().pattern(1).row(2, 3).weights();
                for (int n = 0; n < 40; n++) {
                    String id = Served.id(at.run("the cat sat on " + "the ".repeat(n % 7) + n));
                    at.get("runs/" + id + "/events");
                    assertTrue(runs.bytes() <= 40_000, runs.bytes() + " bytes");
                }
                assertArrayEquals(before, lease.run().pattern(1).row(2, 3).weights());
                assertEquals(200, at.get("runs/" + first).statusCode());
            }
            for (int n = 0; n < 10; n++) {
                at.get("runs/" + Served.id(at.run("a hat " + n)) + "/events");
            }
            var gone = at.get("runs/" + first);
            assertEquals(404, gone.statusCode());
            assertEquals("unknown_run", Served.code(gone));
            // The same text gives the same run again.
            assertEquals(first, Served.id(at.run("the cat sat on the mat")));
            at.get("runs/" + first + "/events");
            try (Lease lease = runs.lease(first)) {
                assertArrayEquals(before, lease.run().pattern(1).row(2, 3).weights());
            }
        }
    }

    @Test
    void aRunLargerThanTheBudgetIsRefused() throws Exception {
        try (Served at = tiny(1 << 20, 8)) {
            assertEquals(202, at.run("the cat").statusCode());
        }
        try (Served at = tiny(1000, 8)) {
            var answer = at.run("the cat sat on the mat");
            assertEquals(413, answer.statusCode());
            assertEquals("too_long", Served.code(answer));
        }
    }

    @Test
    void aFullQueueIsToldWhenToComeBackAndAtOnce() throws Exception {
        try (Served at = slow(2)) {
            for (int n = 0; n < 3; n++) {
                assertEquals(202, at.run(LONG + n).statusCode());
                if (n == 0) {
                    await(() -> at.site.runs().idle(), 5);
                }
            }
            long start = System.nanoTime();
            var answer = at.run("one more");
            assertEquals(429, answer.statusCode(), answer.body());
            int after =
                    Integer.parseInt(answer.headers().firstValue("Retry-After").orElseThrow());
            assertTrue(after >= 1 && after <= 30);
            assertTrue(System.nanoTime() - start < 1_000_000_000L);
            assertEquals(200, at.get("health").statusCode());
        }
    }

    @Test
    void aRunThatAllHaveLeftIsGivenUpDuringThePass() throws Exception {
        try (Served at = slow(4)) {
            String id = Served.id(at.run(LONG));
            long start;
            try (var socket = new Socket("127.0.0.1", at.port())) {
                socket.getOutputStream()
                        .write(("GET /api/v1/runs/" + id + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                                .getBytes(StandardCharsets.US_ASCII));
                var part = new byte[1000];
                var seen = new StringBuilder();
                while (!seen.toString().contains("event: progress")) {
                    int read = socket.getInputStream().read(part);
                    seen.append(new String(part, 0, read, StandardCharsets.US_ASCII));
                }
                start = System.nanoTime();
            }
            await(() -> at.site.runs().size() == 0, 20);
            var answer = at.get("runs/" + id);
            // As one that was evicted: a page that comes back makes it anew.
            assertEquals(404, answer.statusCode(), answer.body());
            assertEquals("unknown_run", Served.code(answer));
            assertEquals(0, at.site.runs().bytes());
            // It may be started again.
            assertEquals(202, at.run(LONG).statusCode());
            System.out.println("given up after " + (System.nanoTime() - start) / 1_000_000 + " ms");
        }
    }

    @Test
    void aCallAboutARunOnItsWayWaitsForIt() throws Exception {
        try (Served at = slow(4)) {
            String id = Served.id(at.run("the king and the queen and the wolf"));
            assertEquals(200, at.get("runs/" + id + "/row?of=1.1&query=3").statusCode());
        }
    }

    @Test
    void aRunThatSomebodyStillWaitsForGoesOn() throws Exception {
        String text = "the king and the queen and ".repeat(8).strip();
        try (Served at = slow(4)) {
            String id = Served.id(at.run(text));
            for (int n = 0; n < 3; n++) {
                try (var socket = new Socket("127.0.0.1", at.port())) {
                    socket.getOutputStream()
                            .write(("GET /api/v1/runs/" + id + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                                    .getBytes(StandardCharsets.US_ASCII));
                    socket.setSoLinger(true, 0);
                }
            }
            String events = at.get("runs/" + id + "/events").body();
            assertTrue(events.contains("event: done"), events);
        }
    }

    @Test
    void aWeightThatIsNoNumberIsNamed() throws Exception {
        Path model = TinyModel.write(folder.resolve("damaged"));
        String name = "model.layers.1.mlp.up_proj.weight";
        try (var file = new RandomAccessFile(model.resolve("model.safetensors").toFile(), "rw")) {
            var length = new byte[8];
            file.readFully(length);
            long header = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
            var text = new byte[(int) header];
            file.readFully(text);
            long offset = Json.parseObject("header", new String(text, StandardCharsets.UTF_8))
                    .object(name)
                    .array("data_offsets")
                    .longInteger(0);
            file.seek(8 + header + offset);
            file.writeInt(Integer.reverseBytes(Float.floatToIntBits(Float.NaN)));
        }
        try (Served at = new Served(model, "reference", new Runs(1 << 26, 8), Optional.empty(), folder)) {
            String id = Served.id(at.run("the cat sat"));
            String events = at.get("runs/" + id + "/events").body();
            assertTrue(events.contains("event: failed") && events.contains(name), events);
            var answer = at.get("runs/" + id);
            assertEquals(422, answer.statusCode(), answer.body());
            assertTrue(answer.body().contains(name), answer.body());
        }
    }

    @Test
    void aServerThatStopsTellsWhoWaits() throws Exception {
        Served at = slow(4);
        String id = Served.id(at.run(LONG));
        var events = at.client.sendAsync(
                at.to("runs/" + id + "/events").build(), java.net.http.HttpResponse.BodyHandlers.ofString());
        Thread.sleep(300);
        at.site.runs().close();
        assertTrue(
                events.get().body().contains("\"code\":\"stopping\""),
                events.get().body());
        assertEquals(503, at.run("another").statusCode());
        at.close();
    }
}
