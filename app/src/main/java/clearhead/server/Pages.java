package clearhead.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;

/// The files of the built page. They are listed once: a path that is not in the list does not exist,
/// so nothing outside the folder can be named.
final class Pages {
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html;charset=utf-8",
            "txt", "text/plain;charset=utf-8",
            "js", "text/javascript;charset=utf-8",
            "css", "text/css;charset=utf-8",
            "svg", "image/svg+xml",
            "json", "application/json",
            "png", "image/png",
            "woff2", "font/woff2");

    private final Map<String, byte[]> files = new ConcurrentHashMap<>();

    Pages(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
                    .toList()) {
                files.put("/" + folder.relativize(file).toString().replace('\\', '/'), Files.readAllBytes(file));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /// Whether there is a page.
    boolean there() {
        return files.containsKey("/index.html");
    }

    void answer(String path, Request request, Response response) {
        String name = path.equals("/") ? "/index.html" : path;
        byte[] bytes = files.get(name);
        if (bytes == null) {
            throw files.isEmpty()
                    ? Refusal.of(
                            404,
                            "no_page",
                            "The page is not built; the API under /api/v1/ works.",
                            "Install Node 20.19 or newer with npm, and start `clearhead serve` again: it builds the"
                                    + " page.")
                    : Refusal.of(404, "unknown_path", "There is nothing here.", "The page is at /.");
        }
        if (!request.getMethod().equals("GET") && !request.getMethod().equals("HEAD")) {
            throw Refusal.of(405, "wrong_method", "The page is read by GET.", "Use GET.");
        }
        if (name.startsWith("/assets/")) {
            // Their names change with their contents.
            response.getHeaders().put(HttpHeader.CACHE_CONTROL, "max-age=31536000, immutable");
        } else {
            response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-cache");
        }
        response.setStatus(200);
        String ending = name.substring(name.lastIndexOf('.') + 1);
        send(response, TYPES.getOrDefault(ending, "application/octet-stream"), ByteBuffer.wrap(bytes));
    }

    static void send(Response response, String type, ByteBuffer bytes) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.remaining());
        try (var out = Content.Sink.asOutputStream(response)) {
            out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        } catch (IOException e) {
            // The caller has left.
        }
    }
}
