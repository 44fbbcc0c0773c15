package clearhead.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.app.TinyModel;
import clearhead.io.Json;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What the server lets in, and what it refuses.
class DoorTest {
    @TempDir
    static Path folder = Path.of("");

    @SuppressWarnings("NullAway.Init")
    private static Served open;

    @SuppressWarnings("NullAway.Init")
    private static Served keyed;

    @BeforeAll
    static void start() throws Exception {
        Path model = TinyModel.write(folder.resolve("tiny"));
        Path page = folder.resolve("dist");
        Files.createDirectories(page.resolve("assets"));
        Files.writeString(page.resolve("index.html"), "<!doctype html><title>page</title>");
        Files.writeString(page.resolve("assets/a-1_b.js"), "1");
        Files.writeString(folder.resolve("secret.txt"), "secret");
        Files.createSymbolicLink(page.resolve("link.txt"), folder.resolve("secret.txt"));
        open = new Served(model, "reference", new Runs(1 << 26, 8), Optional.empty(), page);
        keyed = new Served(model, "reference", new Runs(1 << 26, 8), Optional.of(Served.KEY), page);
    }

    @AfterAll
    static void stop() throws Exception {
        open.close();
        keyed.close();
    }

    private static HttpResponse<String> call(Served at, Route route, Optional<String> key) throws Exception {
        HttpRequest.Builder to = at.to(route.path().replaceAll("\\{[a-z]+}", "0123456789abcdef"))
                .method(route.method(), HttpRequest.BodyPublishers.ofString("{}"));
        key.ifPresent(k -> to.header("Authorization", "Bearer " + k));
        return at.client.send(to.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void everyRouteButHealthWantsTheKey() throws Exception {
        for (Route route : Routes.all()) {
            int expected = route.path().equals("health") ? 200 : 401;
            for (Optional<String> wrong : List.of(
                    Optional.<String>empty(), Optional.of("x"), Optional.of(Served.KEY + "x"), Optional.of(""))) {
                var answer = call(keyed, route, wrong);
                assertEquals(expected, answer.statusCode(), route.path());
                assertFalse(answer.body().contains(Served.KEY));
            }
            assertTrue(call(keyed, route, Optional.of(Served.KEY)).statusCode() != 401, route.path());
        }
        assertEquals(401, keyed.get("no/such/path").statusCode());
        assertTrue(keyed.raw("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2000)
                .contains("<title>page"));
    }

    @Test
    void theDescriptionListsEveryRouteAndParameter() throws Exception {
        Json.Obj api = Json.parseObject("openapi", open.get("openapi.json").body());
        assertEquals("3.1.0", api.text("openapi"));
        var paths = api.object("paths");
        for (Route route : Routes.all()) {
            Json.Obj operation =
                    paths.object("/" + route.path()).object(route.method().toLowerCase(java.util.Locale.ROOT));
            assertFalse(operation.text("summary").isBlank());
            assertEquals(
                    route.variables().size() + route.parameters().size(),
                    operation.array("parameters").size(),
                    route.path());
            assertEquals(route.method().equals("POST"), operation.has("requestBody"), route.path());
            assertFalse(operation
                    .object("responses")
                    .object("200")
                    .text("description")
                    .isBlank());
        }
        assertEquals(
                Routes.all().size(),
                paths.fields().values().stream()
                        .mapToInt(p -> ((Json.Obj) p).fields().size())
                        .sum());
    }

    @Test
    void everyAnswerCarriesTheHeadersThatForbid() throws Exception {
        for (String request : List.of(
                "GET / HTTP/1.1\r\nHost: localhost",
                "GET /api/v1/models HTTP/1.1\r\nHost: localhost",
                "GET /nothing HTTP/1.1\r\nHost: localhost",
                "GET /%zz HTTP/1.1\r\nHost: localhost",
                "GET / HTTP/9.1\r\nHost: localhost")) {
            String answer = open.raw(request + "\r\nConnection: close\r\n\r\n", 2000);
            assertTrue(answer.contains("X-Content-Type-Options: nosniff"), request + "\n" + answer);
            assertTrue(answer.contains("frame-ancestors 'none'"), request);
            assertTrue(answer.contains("default-src 'none'; script-src 'self'"), request);
            assertTrue(answer.contains("Referrer-Policy: no-referrer"), request);
            assertFalse(answer.contains("Jetty"), answer);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "localhost, 200",
        "127.0.0.1:80, 200",
        "[::1]:9, 200",
        "evil.example, 403",
        "127.0.0.1.evil.example, 403",
        "localhost.evil.example:8080, 403",
        "1270.0.1, 403"
    })
    void onlyNamesOfThisMachineAreAnswered(String host, int status) throws Exception {
        for (String path : List.of("/", "/api/v1/health", "/api/v1/models")) {
            String answer =
                    open.raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n", 2000);
            assertTrue(answer.startsWith("HTTP/1.1 " + status), answer);
        }
    }

    @Test
    void pagesOfOthersAreRefused() throws Exception {
        String body = "{}";
        for (String header : List.of("Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site")) {
            String answer = open.raw(
                    "POST /api/v1/runs HTTP/1.1\r\nHost: localhost:" + open.port() + "\r\n" + header
                            + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" + body,
                    2000);
            assertTrue(answer.startsWith("HTTP/1.1 403"), answer);
            assertTrue(answer.contains("wrong_origin"), answer);
        }
        String own = open.raw(
                "POST /api/v1/runs HTTP/1.1\r\nHost: localhost:" + open.port() + "\r\nOrigin: http://localhost:"
                        + open.port()
                        + "\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
                        + body,
                2000);
        assertTrue(own.startsWith("HTTP/1.1 400"), own);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/../secret.txt",
                "/%2e%2e/secret.txt",
                "/..%2fsecret.txt",
                "/%252e%252e/secret.txt",
                "/assets/../../secret.txt",
                "/assets/..%5c..%5csecret.txt",
                "/..\\secret.txt",
                "/.%00./secret.txt",
                "/%c0%ae%c0%ae/secret.txt",
                "//secret.txt",
                "/link.txt",
                "/index.html;x",
                "/index%2ehtml",
                "/api/v1/../../secret.txt",
                "/api/v1/runs/..%2f..%2fsecret.txt",
                "/{{7*7}}",
                "/assets/"
            })
    void pathsThatHideSomethingAreNotThere(String path) throws Exception {
        String answer = open.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2000);
        // 400 where it is no path at all: above the root, or ill encoded.
        assertTrue(answer.startsWith("HTTP/1.1 404") || answer.startsWith("HTTP/1.1 400"), answer);
        assertFalse(answer.endsWith("secret"), answer);
        assertTrue(answer.contains("{\"error\":{\"code\":"), answer);
    }

    @Test
    void theFilesOfThePageAreThere() throws Exception {
        for (String path : List.of("/", "/index.html", "/assets/a-1_b.js")) {
            String answer = open.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2000);
            assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
        }
        assertTrue(open.raw("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2000)
                .startsWith("HTTP/1.1 405"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                "{\"model\":\"tiny\"}",
                "{\"model\":\"tiny\",\"text\":\"\"}",
                "{\"model\":\"tiny\",\"text\":7}",
                "{\"model\":\"tiny\",\"text\":null}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"ids\":[1]}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"text\":\"b\"}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"more\":1}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"changes\":\"head:0.0=0\"}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"changes\":[\"head:9.9=0\"]}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"changes\":[\"head:0.0=1e999\"]}",
                "{\"model\":\"tiny\",\"text\":\"a\",\"changes\":[\"head:0.0=NaN\"]}",
                "{\"model\":\"tiny\",\"ids\":[]}",
                "{\"model\":\"tiny\",\"ids\":[-1]}",
                "{\"model\":\"tiny\",\"ids\":[272]}",
                "{\"model\":\"tiny\",\"ids\":[1.5]}",
                "{\"model\":\"tiny\",\"ids\":[9223372036854775808]}",
                "{\"model\":\"tiny\",\"ids\":[1e308]}",
                "{\"model\":\"tiny\",\"ids\":[NaN]}",
                "{\"model\":\"tiny\",\"ids\":[\"1\"]}",
                "{\"model\":\"tiny\",\"text\":\"the the the the the the the the the the the the the the the the the the"
                        + " the the the the the the the the the the the the the the the the the the the the the the"
                        + " the the the the the the the the the the the the the the the the the the the the the the"
                        + " the the the the the the the the the the the the the the the the the the the the the\"}"
            })
    void bodiesThatAreNoRunAreOneClearRefusal(String body) throws Exception {
        var answer = open.post("runs", body);
        assertEquals(400, answer.statusCode(), answer.body());
        Json.Obj error = Json.parseObject("answer", answer.body()).object("error");
        assertFalse(error.text("message").isBlank() || error.text("remedy").isBlank(), answer.body());
        assertFalse(answer.body().contains("Exception"), answer.body());
    }

    @Test
    void unknownModelsAndPathsForModelsAreRefused() throws Exception {
        for (String name : List.of(
                "nobody", "../tiny", "/etc/passwd", folder.resolve("tiny").toString())) {
            var answer = open.post("runs", "{\"model\":\"" + name + "\",\"text\":\"a\"}");
            assertEquals(404, answer.statusCode(), answer.body());
            assertEquals("unknown_model", Served.code(answer));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "query=-1",
                "query=6",
                "query=2147483648",
                "query=9223372036854775808",
                "query=1e3",
                "query=%D9%A1",
                "query=1&query=2",
                "query=1&more=1",
                "query=NaN",
                "query=",
                "",
                "query=%ff"
            })
    void parametersOutOfRangeAreRefused(String query) throws Exception {
        String id = Served.id(open.run("the cat sat on"));
        open.get("runs/" + id + "/events");
        var answer = open.get("runs/" + id + "/row?of=0.0&" + query);
        assertEquals(400, answer.statusCode(), answer.body());
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "1e308", "-1", "Infinity", "0x1p3", "1d", "1e-400000", "%2B1", ""})
    void realNumbersOutOfRangeAreRefused(String temperature) throws Exception {
        String id = Served.id(open.run("the cat sat on"));
        open.get("runs/" + id + "/events");
        var answer = open.get("runs/" + id + "/predict?position=1&temperature=" + temperature);
        assertEquals(400, answer.statusCode(), answer.body());
    }

    @Test
    void largeBodiesAndHeadsAreRefused() throws Exception {
        var answer = open.post("runs", "{\"model\":\"tiny\",\"text\":\"" + "a".repeat(Site.BODY_BYTES) + "\"}");
        assertEquals(413, answer.statusCode());
        var text = open.post("runs", "{\"model\":\"tiny\",\"text\":\"" + "a".repeat(Site.TEXT_CHARACTERS + 1) + "\"}");
        assertEquals(413, text.statusCode());
        String head = open.raw(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "x".repeat(40_000) + "\r\nConnection: close\r\n\r\n",
                2000);
        assertTrue(head.startsWith("HTTP/1.1 431"), head);
        assertTrue(head.contains("too_large"), head);
        String deep = "[".repeat(100_000);
        assertEquals(400, open.post("runs", deep).statusCode());
    }

    @Test
    void aHeadThatComesByteByByteIsCutOff() throws Exception {
        long start = System.nanoTime();
        try (var socket = new Socket("127.0.0.1", open.port())) {
            var out = socket.getOutputStream();
            out.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: ".getBytes(StandardCharsets.US_ASCII));
            boolean cut = false;
            while (!cut && System.nanoTime() - start < 20_000_000_000L) {
                Thread.sleep(200);
                try {
                    out.write('x');
                    out.flush();
                    socket.setSoTimeout(1);
                    cut = socket.getInputStream().read() < 0;
                } catch (java.net.SocketTimeoutException e) {
                    // still there
                } catch (java.io.IOException e) {
                    cut = true;
                }
            }
            assertTrue(cut, "still open after 20 s");
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        assertTrue(seconds > 4, "cut off after " + seconds + " s");
    }
}
