package clearhead.server;

import clearhead.io.Json;
import clearhead.model.Model;
import clearhead.ops.Backends;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A server on a free port, and what calls it.
final class Served implements AutoCloseable {
    static final String KEY = "0123456789abcdef-key";

    final Site site;
    final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final PageServer server;

    Served(Path model, String backend, Runs runs, Optional<String> key, Path page) throws Exception {
        var hosted = new Hosted(
                Model.load(model, backend.equals("reference") ? Backends.named("reference", 1) : Backends.choose()));
        site = new Site(List.of(hosted), runs, "the cat sat on the mat");
        server = new PageServer(site, "127.0.0.1", 0, key, page);
        server.start();
    }

    /// The bundled model.
    static Path tales() {
        return Path.of(System.getProperty("root", "..")).resolve("models").resolve("tales");
    }

    int port() {
        return server.port();
    }

    HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + "/api/v1/" + path));
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(to(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return client.send(
                to(path).POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    /// Starts a run of a text.
    HttpResponse<String> run(String text) throws IOException, InterruptedException {
        String model = site.models().getFirst().name();
        return post("runs", "{\"model\":\"" + model + "\",\"text\":\"" + text + "\"}");
    }

    static String id(HttpResponse<String> started) {
        return Json.parseObject("run", started.body()).text("id");
    }

    static String code(HttpResponse<String> refused) {
        return Json.parseObject("refusal", refused.body()).object("error").text("code");
    }

    /// Sends bytes as they are and reads what comes until the server closes or `millis` have passed without a byte.
    String raw(String request, int millis) throws IOException {
        try (var socket = new Socket("127.0.0.1", port())) {
            socket.setSoTimeout(millis);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            var answer = new StringBuilder();
            var part = new byte[4096];
            try {
                int read;
                while ((read = socket.getInputStream().read(part)) > 0) {
                    answer.append(new String(part, 0, read, StandardCharsets.ISO_8859_1));
                }
            } catch (java.net.SocketTimeoutException e) {
                // It keeps the connection.
            } catch (java.net.SocketException e) {
                answer.append("[reset]");
            }
            return answer.toString();
        }
    }

    @Override
    public void close() throws Exception {
        client.close();
        server.close();
    }
}
