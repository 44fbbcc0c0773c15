package clearhead.hub;

import clearhead.io.Json;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// A hub on this machine that speaks Hugging Face's protocol: small files from the endpoint, large ones by a redirect
/// to another
/// address, as from a content network. Behaviours of single files can be replaced by worse ones.
public final class FakeHub implements AutoCloseable {
    public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    public static final String REPO = "org/tiny";

    /// A request as it came.
    ///
    /// @param cdn whether it went to the other address
    record Seen(boolean cdn, String method, String path, Optional<String> range, Optional<String> authorization) {}

    /// What is done in place of the right thing.
    @FunctionalInterface
    interface Trick {
        /// @return whether the request is answered
        boolean answer(HttpExchange exchange) throws IOException;
    }

    /// What a file's bytes go through; `null` ranges are whole files.
    private final Map<String, byte[]> files = new LinkedHashMap<>();

    private final Set<String> large = ConcurrentHashMap.newKeySet();
    final Map<String, Trick> tricks = new ConcurrentHashMap<>(); // "GET /path" or "cdn /path"
    final ConcurrentLinkedQueue<Seen> seen = new ConcurrentLinkedQueue<>();
    private final HttpServer server;
    private final HttpServer cdn;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    public FakeHub() throws IOException {
        server = start(this::hub);
        cdn = start(this::cdn);
    }

    private HttpServer start(com.sun.net.httpserver.HttpHandler handler) throws IOException {
        var made = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        made.createContext("/", exchange -> {
            try (exchange) {
                handler.handle(exchange);
            }
        });
        made.setExecutor(threads);
        made.start();
        return made;
    }

    public FakeHub file(String name, byte[] bytes) {
        files.put(name, bytes);
        return this;
    }

    public FakeHub file(String name, String text) {
        return file(name, text.getBytes(StandardCharsets.UTF_8));
    }

    FakeHub large(String name, byte[] bytes) {
        large.add(name);
        return file(name, bytes);
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    String cdnAddress() {
        return "http://127.0.0.1:" + cdn.getAddress().getPort();
    }

    static String resolve(String file) {
        return "/" + REPO + "/resolve/" + COMMIT + "/" + file;
    }

    static String listing() {
        return "/api/models/" + REPO + "/revision/main";
    }

    private byte[] bytes(String name) {
        return Objects.requireNonNull(files.get(name), name);
    }

    String hash(String name) {
        byte[] bytes = bytes(name);
        return large.contains(name)
                ? hex("SHA-256", bytes)
                : hex("SHA-1", ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII), bytes);
    }

    static String hex(String algorithm, byte[]... parts) {
        try {
            var digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    List<String> paths(String method) {
        return seen.stream()
                .filter(s -> s.method.equals(method))
                .map(Seen::path)
                .toList();
    }

    private boolean tricked(HttpExchange exchange, boolean toCdn) throws IOException {
        String path = exchange.getRequestURI().getPath();
        seen.add(new Seen(
                toCdn,
                exchange.getRequestMethod(),
                path,
                Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range")),
                Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))));
        Trick trick = tricks.get((toCdn ? "cdn" : exchange.getRequestMethod()) + " " + path);
        return trick != null && trick.answer(exchange);
    }

    private void hub(HttpExchange exchange) throws IOException {
        if (tricked(exchange, false)) {
            return;
        }
        String path = exchange.getRequestURI().getPath();
        String prefix = "/" + REPO + "/resolve/" + COMMIT + "/";
        if (path.startsWith("/api/models/")) {
            if (!path.startsWith("/api/models/" + REPO + "/revision/")) {
                error(exchange, 404, "RepoNotFound");
            } else if (!path.endsWith("/main") && !path.endsWith("/" + COMMIT)) {
                error(exchange, 404, "RevisionNotFound");
            } else {
                send(exchange, list().getBytes(StandardCharsets.UTF_8));
            }
        } else if (path.startsWith(prefix) && files.containsKey(path.substring(prefix.length()))) {
            resolve(exchange, path.substring(prefix.length()));
        } else {
            error(exchange, 404, "EntryNotFound");
        }
    }

    private void resolve(HttpExchange exchange, String name) throws IOException {
        exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
        if (large.contains(name)) {
            exchange.getResponseHeaders().set("X-Linked-Etag", '"' + hash(name) + '"');
            exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(bytes(name).length));
            redirect(exchange, cdnAddress() + "/blob/" + name + "?signature=x");
        } else {
            exchange.getResponseHeaders().set("ETag", '"' + hash(name) + '"');
            send(exchange, bytes(name));
        }
    }

    private void cdn(HttpExchange exchange) throws IOException {
        if (!tricked(exchange, true)) {
            send(exchange, bytes(exchange.getRequestURI().getPath().substring("/blob/".length())));
        }
    }

    static void redirect(HttpExchange exchange, String to) throws IOException {
        exchange.getResponseHeaders().set("Location", to);
        exchange.sendResponseHeaders(302, -1);
    }

    static void error(HttpExchange exchange, int status, String code) throws IOException {
        exchange.getResponseHeaders().set("X-Error-Code", code);
        exchange.sendResponseHeaders(status, -1);
    }

    /// All or the range asked for.
    static void send(HttpExchange exchange, byte[] whole) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (from > 0) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + from + "-" + (whole.length - 1) + "/" + whole.length);
        }
        byte[] part = Arrays.copyOfRange(whole, from, whole.length);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", String.valueOf(part.length));
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, part.length == 0 ? -1 : part.length);
        write(exchange, part);
    }

    /// A declared length, of which only so much comes before the connection ends.
    static void cut(HttpExchange exchange, byte[] whole, int bytes) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (from > 0) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + from + "-" + (whole.length - 1) + "/" + whole.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, whole.length - from);
        write(exchange, Arrays.copyOfRange(whole, from, Math.min(whole.length, from + bytes)));
    }

    static void write(HttpExchange exchange, byte[] bytes) throws IOException {
        OutputStream body = exchange.getResponseBody();
        body.write(bytes);
        body.flush();
    }

    private String list() {
        var siblings = new ArrayList<Map<String, Object>>();
        for (String name : files.keySet()) {
            Map<String, Object> sibling = new LinkedHashMap<>();
            sibling.put("rfilename", name);
            sibling.put("size", bytes(name).length);
            if (large.contains(name)) {
                sibling.put("blobId", hex("SHA-1", name.getBytes(StandardCharsets.UTF_8)));
                sibling.put("lfs", Map.of("sha256", hash(name), "size", bytes(name).length, "pointerSize", 134));
            } else {
                sibling.put("blobId", hash(name));
            }
            siblings.add(sibling);
        }
        return Json.object(Map.of("id", REPO, "sha", COMMIT, "private", false, "siblings", siblings))
                .toText(false);
    }

    @Override
    public void close() {
        server.stop(0);
        cdn.stop(0);
        threads.shutdownNow();
    }
}
