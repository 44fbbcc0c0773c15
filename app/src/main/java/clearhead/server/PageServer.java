package clearhead.server;

import clearhead.io.JsonWriter;
import clearhead.io.ModelFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/// The HTTP server: the API under `/api/v1/`, the page everywhere else.
public final class PageServer implements AutoCloseable {
    static final String API = "/api/v1/";
    private static final System.Logger LOG = System.getLogger(PageServer.class.getName());

    private static final int HEADER_BYTES = 16 << 10;
    private static final int CONNECTIONS = 1000;
    private static final long IDLE_MILLIS = 60_000;
    private static final long HEAD_MILLIS = 5_000;

    /// Calls that may wait for a turn to compute.
    private static final int WAITING = 512;

    private static final long PATIENCE_MILLIS = 30_000;

    private final Site site;
    private final List<Route> routes = Routes.all();
    private final Pages pages;
    private final Door door;
    private final Turns turns =
            new Turns(Math.max(4, Runtime.getRuntime().availableProcessors()), WAITING, PATIENCE_MILLIS);
    private final Patience patience = new Patience(HEAD_MILLIS);
    private final Server server;
    private final ServerConnector connector;
    private boolean closed;

    /// @param key what calls must carry as `Authorization: Bearer …`; empty for none
    /// @param page folder of the built page
    PageServer(Site site, String host, int port, Optional<String> key, Path page) {
        this.site = site;
        pages = new Pages(page);
        door = new Door(host, key);
        var pool = new QueuedThreadPool();
        pool.setName("http");
        pool.setDaemon(true);
        pool.setVirtualThreadsExecutor(VirtualThreads.getDefaultVirtualThreadsExecutor());
        server = new Server(pool);
        server.setStopTimeout(2_000);
        var http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setRequestHeaderSize(HEADER_BYTES);
        // All paths come to us, who answer 404 to strange ones.
        http.setUriCompliance(UriCompliance.UNSAFE);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(host);
        connector.setPort(port);
        connector.setIdleTimeout(IDLE_MILLIS);
        connector.setAcceptQueueSize(256);
        connector.addBean(patience);
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(CONNECTIONS, connector));
        server.setErrorHandler(PageServer::refuseMalformed);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                patience.begin(request);
                try {
                    answer(request, response);
                } finally {
                    patience.end(request);
                }
                callback.succeeded();
                return true;
            }
        });
    }

    /// Begins to answer.
    ///
    /// @throws IOException if the host or port cannot be had; the message says why
    void start() throws Exception {
        server.start();
        lookLater();
    }

    private void lookLater() {
        connector.getScheduler().schedule(this::look, 1, TimeUnit.SECONDS);
    }

    private void look() {
        patience.look();
        if (connector.isRunning()) {
            lookLater();
        }
    }

    int port() {
        return connector.getLocalPort();
    }

    /// Whether the page is there, beside the API.
    boolean hasPage() {
        return pages.there();
    }

    void join() throws InterruptedException {
        server.join();
    }

    private void answer(Request request, Response response) {
        Door.headers(response);
        String path = request.getHttpURI().getPath();
        try {
            door.requireHost(request.getHeaders());
            if (path == null || !Door.isPlain(path)) {
                throw Refusal.of(404, "unknown_path", "There is nothing here.", "The page is at /.");
            }
            if (path.startsWith(API)) {
                api(path.substring(API.length()), request, response);
            } else {
                pages.answer(path, request, response);
            }
        } catch (Refusal e) {
            refuse(response, e);
        } catch (IllegalArgumentException | ModelFileException e) {
            // Only a body is read as a file is; a model's own files were read at the start.
            refuse(response, Refusal.bad(String.valueOf(e.getMessage()), "Change the request."));
        } catch (IOException e) {
            // The caller has left.
        } catch (InterruptedException e) {
            refuse(response, Runs.stopping());
        } catch (OutOfMemoryError e) {
            refuse(response, Refusal.busy("The server has no memory left for this.", 5));
        } catch (Exception | Error e) {
            log(request.getMethod(), e);
            refuse(response, Refusal.of(500, "failed", "The server failed: " + e, "Please report it."));
        }
    }

    /// Where in the program it happened, without its message, which may quote the text.
    private static void log(String method, Throwable e) {
        var lines = new StringBuilder(
                "answering " + method + " failed: " + e.getClass().getName());
        for (StackTraceElement frame : e.getStackTrace()) {
            if (frame.getClassName().startsWith("clearhead.")) {
                lines.append("\n    at ").append(frame);
            }
        }
        LOG.log(System.Logger.Level.ERROR, lines.toString());
    }

    private void api(String under, Request request, Response response) throws Exception {
        door.requireOwnPage(request.getHeaders());
        Refusal unknown = Refusal.of(404, "unknown_path", "There is nothing here.", "See " + API + "openapi.json.");
        for (Route route : routes) {
            Optional<Map<String, String>> variables = route.match(under);
            if (variables.isEmpty()) {
                continue;
            }
            if (!route.method().equals(request.getMethod())) {
                unknown = Refusal.of(
                        405, "wrong_method", "This path is for " + route.method() + ".", "Use " + route.method() + ".");
                response.getHeaders().put(HttpHeader.ALLOW, route.method());
                continue;
            }
            response.getHeaders().remove(HttpHeader.ALLOW);
            if (!route.open()) {
                door.requireKey(request.getHeaders());
            }
            if (route.waits()) {
                route.handler().handle(new Call(site, route, variables.get(), request, response, () -> {}));
                return;
            }
            try (Turns.Turn turn = turns.take()) {
                route.handler().handle(new Call(site, route, variables.get(), request, response, turn::close));
            }
            return;
        }
        door.requireKey(request.getHeaders());
        throw unknown;
    }

    private static void refuse(Response response, Refusal why) {
        if (response.isCommitted()) {
            return;
        }
        response.setStatus(why.status);
        if (why.retryAfter > 0) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, why.retryAfter);
        }
        if (why.status == HttpStatus.UNAUTHORIZED_401) {
            response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        }
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        Pages.send(response, "application/json", ByteBuffer.wrap(bytes(why)));
    }

    private static byte[] bytes(Refusal why) {
        var bytes = new ByteArrayOutputStream();
        try (var w = JsonWriter.to(bytes, false)) {
            error(w, why);
        }
        return bytes.toByteArray();
    }

    /// What is no HTTP, or has too long a head, in our words.
    private static boolean refuseMalformed(Request request, Response response, Callback callback) {
        int status = response.getStatus() >= 400 ? response.getStatus() : 400;
        Door.headers(response);
        Refusal why = Refusal.of(
                status,
                status == 414 || status == 431 ? "too_large" : "bad_request",
                "The request cannot be read: " + HttpStatus.getMessage(status) + ".",
                "Send HTTP/1.1 with a head of at most " + HEADER_BYTES + " bytes.");
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.write(true, ByteBuffer.wrap(bytes(why)), callback);
        return true;
    }

    static void error(JsonWriter w, Refusal why) {
        w.beginObject().name("error").beginObject();
        w.field("code", why.code).field("message", why.getMessage()).field("remedy", why.remedy);
        w.endObject().endObject();
    }

    /// Ends what runs, tells who waits, and closes the models.
    @Override
    public void close() throws Exception {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        connector.shutdown();
        site.runs().close();
        server.stop();
        site.models().forEach(Hosted::close);
    }
}
