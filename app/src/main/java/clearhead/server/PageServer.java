package clearhead.server;

import clearhead.io.JsonWriter;
import clearhead.io.ModelFileException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/// The HTTP server: the API under `/api/v1/`, the page everywhere else.
public final class PageServer implements AutoCloseable {
    private static final String API = "/api/v1/";
    private static final System.Logger LOG = System.getLogger(PageServer.class.getName());

    private final Site site;
    private final List<Route> routes = Routes.all();
    private final Pages pages;
    private final Optional<byte[]> keyHash;
    private final Server server;
    private final ServerConnector connector;

    /// @param key what calls must carry as `Authorization: Bearer …`; empty for none
    /// @param page folder of the built page
    PageServer(Site site, String host, int port, Optional<String> key, Path page) {
        this.site = site;
        pages = new Pages(page);
        keyHash = key.map(PageServer::hash);
        var pool = new QueuedThreadPool();
        pool.setVirtualThreadsExecutor(VirtualThreads.getDefaultVirtualThreadsExecutor());
        server = new Server(pool);
        var http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setRequestHeaderSize(16 << 10);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(host);
        connector.setPort(port);
        connector.setIdleTimeout(60_000);
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                answer(request, response);
                callback.succeeded();
                return true;
            }
        });
    }

    /// Begins to answer.
    void start() throws Exception {
        server.start();
    }

    int port() {
        return connector.getLocalPort();
    }

    void join() throws InterruptedException {
        server.join();
    }

    private void answer(Request request, Response response) {
        headers(response);
        String path = Request.getPathInContext(request);
        try {
            if (!path.startsWith(API)) {
                pages.answer(path, request, response);
                return;
            }
            String under = path.substring(API.length());
            Refusal unknown = Refusal.of(404, "unknown_path", "There is nothing here.", "See " + API + "openapi.json.");
            for (Route route : routes) {
                Optional<Map<String, String>> variables = route.match(under);
                if (variables.isEmpty()) {
                    continue;
                }
                if (!route.method().equals(request.getMethod())) {
                    unknown = Refusal.of(
                            405,
                            "wrong_method",
                            "This path is for " + route.method() + ".",
                            "Use " + route.method() + ".");
                    continue;
                }
                if (!route.open()) {
                    requireKey(request);
                }
                route.handler().handle(new Call(site, route, variables.get(), request, response));
                return;
            }
            throw unknown;
        } catch (Refusal e) {
            refuse(response, e);
        } catch (IllegalArgumentException e) {
            refuse(response, Refusal.bad(String.valueOf(e.getMessage()), "Change the request."));
        } catch (ModelFileException e) {
            // Only a body is read as a file is; a model's own files were read at the start.
            refuse(response, Refusal.bad(String.valueOf(e.getMessage()), "Change the request."));
        } catch (java.io.IOException e) {
            // The caller has left.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception | Error e) {
            LOG.log(System.Logger.Level.ERROR, "answering " + request.getMethod() + " failed", e);
            refuse(response, Refusal.of(500, "failed", "The server failed: " + e, "Please report it."));
        }
    }

    private static void headers(Response response) {
        var headers = response.getHeaders();
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put(
                "Content-Security-Policy",
                "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self'"
                        + " blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        headers.put(HttpHeader.CACHE_CONTROL, "no-store");
    }

    private void requireKey(Request request) {
        if (keyHash.isEmpty()) {
            return;
        }
        String given = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        byte[] hash = hash(given != null && given.startsWith("Bearer ") ? given.substring(7) : "");
        if (!MessageDigest.isEqual(hash, keyHash.get())) {
            throw Refusal.of(
                    401, "key_needed", "The server wants its API key.", "Send it as Authorization: Bearer KEY.");
        }
    }

    private static byte[] hash(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void refuse(Response response, Refusal why) {
        if (response.isCommitted()) {
            return;
        }
        response.setStatus(why.status);
        if (why.retryAfter > 0) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, why.retryAfter);
        }
        var bytes = new ByteArrayOutputStream();
        try (var w = JsonWriter.to(bytes, false)) {
            error(w, why);
        }
        Pages.send(response, "application/json", ByteBuffer.wrap(bytes.toByteArray()));
    }

    static void error(JsonWriter w, Refusal why) {
        w.beginObject().name("error").beginObject();
        w.field("code", why.code).field("message", why.getMessage()).field("remedy", why.remedy);
        w.endObject().endObject();
    }

    @Override
    public void close() throws Exception {
        server.stop();
        site.runs().close();
        site.models().forEach(Hosted::close);
    }
}
