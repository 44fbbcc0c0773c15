package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.inspect.Run;
import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backends;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import clearhead.view.Prompt;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Fifty users at once on the bundled model, some of whom leave in the middle: no answer is lost or
/// another's, all errors are 429 with Retry-After, and memory stays flat. The system property
/// `clearhead.load` says for how many seconds (15).
class LoadTest {
    private static final int USERS = 50;
    private static final int TEXTS = 60;
    private static final int SECONDS = Integer.getInteger("clearhead.load", 15);
    /// Holds about a third of the texts' runs, so that they are evicted and made anew all the time.
    private static final long BUDGET = 10L << 20;
    /// Too short for so many, so that some are refused.
    private static final int QUEUE = 20;

    private static final String[] WORDS =
            ("the king queen daughter wolf forest old little house bread gold ring sea ship child mother went came saw"
                            + " said gave took found lost happy sad golden and but then")
                    .split(" ");

    @TempDir
    static Path folder = Path.of("");

    private final AtomicInteger done = new AtomicInteger();
    private final AtomicInteger left = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger remade = new AtomicInteger();
    private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();

    /// A text and what a run of it alone gives.
    private record Expected(String text, String tokens, int layer, int head, int query, float[] row) {}

    @Test
    void fiftyUsersAtOnce() throws Exception {
        List<Expected> texts = solo();
        try (Served at =
                new Served(Served.tales(), "best", new Runs(BUDGET, QUEUE, 3_000_000_000L), Optional.empty(), folder)) {
            long end = System.nanoTime() + SECONDS * 1_000_000_000L;
            var users = new ArrayList<Thread>();
            for (int user = 0; user < USERS; user++) {
                int seed = user;
                users.add(Thread.startVirtualThread(() -> use(at, texts, new Random(seed), end)));
            }
            Thread.sleep(SECONDS * 1000L / 3);
            long[] early = memory();
            for (Thread user : users) {
                user.join();
            }
            long[] late = memory();
            System.out.printf(
                    "%d users, %d s: %d answers right, %d left, %d refused (429), %d remade; heap %d → %d MB, native"
                            + " %d → %d MB; %d MB of runs%n",
                    USERS,
                    SECONDS,
                    done.get(),
                    left.get(),
                    refused.get(),
                    remade.get(),
                    early[0] >> 20,
                    late[0] >> 20,
                    early[1] >> 20,
                    late[1] >> 20,
                    at.site.runs().bytes() >> 20);
            assertEquals(List.of(), List.copyOf(wrong));
            assertTrue(done.get() > USERS, done + " answers");
            assertTrue(left.get() > 0);
            assertTrue(at.site.runs().bytes() <= BUDGET);
            assertTrue(late[0] - early[0] < 24 << 20, "heap grew from " + early[0] + " to " + late[0]);
            assertTrue(late[1] - early[1] < 96 << 20, "native memory grew from " + early[1] + " to " + late[1]);
        }
    }

    /// Heap in use after a collection, and what the process holds besides the heap; both in bytes.
    private static long[] memory() throws Exception {
        System.gc();
        Thread.sleep(200);
        System.gc();
        var heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        long resident = Files.readAllLines(Path.of("/proc/self/smaps_rollup")).stream()
                .filter(line -> line.startsWith("Rss:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .sum();
        return new long[] {heap.getUsed(), resident - heap.getCommitted()};
    }

    /// Each text by itself, without a server.
    private static List<Expected> solo() {
        var random = new Random(11);
        var all = new ArrayList<Expected>();
        try (var backend = Backends.choose();
                var workspace = new Workspace();
                var model = Model.load(Served.tales(), backend)) {
            for (int n = 0; n < TEXTS; n++) {
                var text = new StringBuilder("The");
                for (int words = 5 + random.nextInt(40); words > 0; words--) {
                    text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
                }
                Prompt prompt = Prompt.ofText(text.toString(), model.tokenizer(), Special.ADD);
                int layer = random.nextInt(6);
                int head = random.nextInt(4);
                int query = 1 + random.nextInt(prompt.ids().length - 1);
                try (Run run = Run.of(model.transformer(), backend.ops(workspace), prompt.ids())) {
                    double[] weights = run.pattern(layer).row(head, query).weights();
                    var row = new float[weights.length];
                    for (int key = 0; key < row.length; key++) {
                        row[key] = key <= query ? (float) weights[key] : Float.NaN;
                    }
                    all.add(new Expected(
                            text.toString(), java.util.Arrays.toString(prompt.ids()), layer, head, query, row));
                }
                workspace.reset();
            }
        }
        return all;
    }

    private void use(Served at, List<Expected> texts, Random random, long end) {
        try {
            while (System.nanoTime() < end) {
                Expected expected = texts.get(random.nextInt(texts.size()));
                int way = random.nextInt(10);
                if (way < 3) {
                    leave(at, expected, way);
                } else {
                    ask(at, expected);
                }
                Thread.sleep(random.nextInt(30));
            }
        } catch (Exception e) {
            wrong.add(e.toString());
        }
    }

    /// Starts a run; waits while the server is busy.
    private Optional<String> start(Served at, Expected expected) throws IOException, InterruptedException {
        var started = at.run(expected.text());
        if (!admitted(started)) {
            return Optional.empty();
        }
        return Optional.of(Served.id(started));
    }

    private boolean admitted(HttpResponse<?> answer) throws InterruptedException {
        if (answer.statusCode() == 200 || answer.statusCode() == 202) {
            return true;
        }
        if (answer.statusCode() == 429
                && answer.headers().firstValueAsLong("Retry-After").orElse(0) > 0) {
            refused.incrementAndGet();
            Thread.sleep(100);
        } else {
            wrong.add(answer.statusCode() + " " + answer.body());
        }
        return false;
    }

    private void ask(Served at, Expected expected) throws IOException, InterruptedException {
        for (int again = 0; again < 20; again++) {
            Optional<String> id = start(at, expected);
            if (id.isEmpty()) {
                return;
            }
            String events = at.get("runs/" + id.get() + "/events").body();
            if (events.contains("unknown_run")) {
                remade.incrementAndGet();
                continue;
            }
            if (!events.contains("event: done")) {
                wrong.add("no end: " + events);
                return;
            }
            Json.Obj run = Json.parseObject(
                            "done", events.substring(events.indexOf("data: ", events.indexOf("event: done")) + 6))
                    .object("run");
            var tokens = new ArrayList<Integer>();
            for (int n = 0; n < run.array("tokens").size(); n++) {
                tokens.add(run.array("tokens").object(n).integer("id"));
            }
            if (!tokens.toString().equals(expected.tokens())) {
                wrong.add("tokens of another text");
            }
            var row = at.client.send(
                    at.to("runs/" + id.get() + "/row?of=" + expected.layer() + "." + expected.head() + "&query="
                                    + expected.query())
                            .build(),
                    HttpResponse.BodyHandlers.ofByteArray());
            if (row.statusCode() == 404) {
                // Evicted in between, as the page finds, too: made again.
                remade.incrementAndGet();
                continue;
            }
            if (!admitted(row)) {
                return;
            }
            var floats = new float[expected.row().length];
            ByteBuffer.wrap(row.body())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(floats);
            if (row.body().length != 4 * floats.length || !java.util.Arrays.equals(floats, expected.row())) {
                wrong.add("a row that differs from the solo run's");
            }
            done.incrementAndGet();
            return;
        }
        wrong.add("lost: " + expected.text());
    }

    /// Leaves right after the start, or during the events by FIN or by RST.
    private void leave(Served at, Expected expected, int way) throws IOException, InterruptedException {
        Optional<String> id = start(at, expected);
        if (id.isEmpty()) {
            return;
        }
        left.incrementAndGet();
        if (way == 0) {
            return;
        }
        try (var socket = new Socket("127.0.0.1", at.port())) {
            socket.getOutputStream()
                    .write(("GET /api/v1/runs/" + id.get() + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            if (way == 1) {
                socket.setSoLinger(true, 0);
            } else {
                int first = socket.getInputStream().read();
                assertTrue(first > 0);
            }
        }
    }
}
