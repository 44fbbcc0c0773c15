package clearhead.server;

import clearhead.io.Json;
import clearhead.io.JsonWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Fields;

/// One request of the API: its parameters, checked, and the answer.
final class Call {
    private static final long BODY_NANOS = 30_000_000_000L;
    private static final long ASK_NANOS = 250_000_000L;

    /// How long a call waits for a run that is on its way.
    private static final long RUN_MILLIS = 30_000;

    private final Site site;
    private final Route route;
    private final Map<String, String> variables;
    private final Map<String, String> parameters;
    private final Request request;
    private final Response response;
    private final Runnable turnOver;
    private CompletableFuture<Void> interim = CompletableFuture.completedFuture(null);
    private long asked = System.nanoTime();

    /// Checks the parameters of the query: each known, given once, in its range.
    ///
    /// @param turnOver what to do when it only waits from now on
    Call(Site site, Route route, Map<String, String> variables, Request request, Response response, Runnable turnOver) {
        this.site = site;
        this.route = route;
        this.variables = variables;
        this.request = request;
        this.response = response;
        this.turnOver = turnOver;
        Fields given;
        try {
            given = Request.extractQueryParameters(request, StandardCharsets.UTF_8);
        } catch (RuntimeException e) {
            throw Refusal.bad("The query cannot be read.", "Encode it as a URL's query, in UTF-8.");
        }
        Set<String> known =
                route.parameters().stream().map(Parameter::name).collect(Collectors.toCollection(TreeSet::new));
        for (Fields.Field field : given) {
            if (!known.contains(field.getName())) {
                throw Refusal.bad(
                        "There is no parameter \"" + shown(field.getName()) + "\" here.",
                        known.isEmpty() ? "Give none." : "Those of this path are " + String.join(", ", known) + ".");
            }
            if (field.getValues().size() > 1) {
                throw Refusal.bad("The parameter \"" + field.getName() + "\" is given twice.", "Give it once.");
            }
        }
        parameters = route.parameters().stream()
                .collect(Collectors.toMap(Parameter::name, p -> p.check(given.getValue(p.name()))));
    }

    /// The server's models and runs.
    Site site() {
        return site;
    }

    /// A variable of the path.
    String variable(String name) {
        return String.valueOf(variables.get(name));
    }

    String text(String parameter) {
        return String.valueOf(parameters.get(parameter));
    }

    int integer(String parameter) {
        return Integer.parseInt(text(parameter));
    }

    long whole(String parameter) {
        return Long.parseLong(text(parameter));
    }

    double real(String parameter) {
        return Double.parseDouble(text(parameter));
    }

    /// A whole number from 0 to `count` − 1.
    int below(String parameter, int count) {
        int value = integer(parameter);
        if (value < 0 || value >= count) {
            throw Refusal.bad(
                    "The parameter \"" + parameter + "\" is " + value + ", but there are " + count + " here.",
                    "Give " + parameter + ": a whole number from 0 to " + (count - 1) + ".");
        }
        return value;
    }

    /// The finished run of the path's `{run}`; waits for one that is on its way.
    Lease run() {
        return run(variable("run"));
    }

    /// The finished run of this name.
    Lease run(String id) {
        Runs runs = site.runs();
        if (runs.find(id).filter(r -> r.state() != Held.State.DONE).isPresent()) {
            turnOver.run();
        }
        try {
            return runs.lease(id, RUN_MILLIS);
        } catch (InterruptedException e) {
            throw Runs.stopping();
        }
    }

    /// The body: one JSON object, of at most [Site#BODY_BYTES], with the fields that the route names.
    Json.Obj body() throws IOException {
        Json.Obj body;
        try {
            body = Json.parseObject("body", utf8(bytes()));
        } catch (CharacterCodingException e) {
            throw Refusal.bad("The body is not UTF-8.", "Send JSON in UTF-8.");
        } catch (RuntimeException e) {
            if (e instanceof Refusal) {
                throw e;
            }
            String why = String.valueOf(e.getMessage()).replaceAll(": enable .*", "");
            throw Refusal.bad("The body is no JSON object: " + why, "Send " + route.body() + ".");
        }
        if (!route.fields().isEmpty()) {
            check(body);
        }
        return body;
    }

    private void check(Json.Obj body) {
        Map<String, Field> known = route.fields().stream().collect(Collectors.toMap(Field::name, f -> f));
        String names = route.fields().stream().map(Field::name).collect(Collectors.joining(", "));
        body.fields().forEach((name, value) -> {
            Field field = known.get(name);
            if (field == null) {
                throw Refusal.bad("There is no field \"" + shown(name) + "\" here.", "The fields are " + names + ".");
            }
            if (!(value instanceof Json.Null) && !field.type().fits(value)) {
                throw Refusal.bad(
                        "The field \"" + name + "\" is not " + field.type().words + ".",
                        "Give " + name + ": " + field.meaning() + ".");
            }
        });
        for (Field field : route.fields()) {
            if (field.needed() && !body.has(field.name())) {
                throw Refusal.bad(
                        "The field \"" + field.name() + "\" is missing.",
                        "Give " + field.name() + ": " + field.meaning() + ".");
            }
        }
    }

    /// Reads the body within [#BODY_NANOS], so that nobody holds a thread by sending byte by byte.
    private byte[] bytes() throws IOException {
        long end = System.nanoTime() + BODY_NANOS;
        var all = new ByteArrayOutputStream();
        var part = new byte[1 << 14];
        try (InputStream in = Content.Source.asInputStream(request)) {
            int read;
            while ((read = in.read(part)) >= 0) {
                all.write(part, 0, read);
                if (all.size() > Site.BODY_BYTES) {
                    throw Refusal.of(
                            413, "too_large", "The body is larger than " + Site.BODY_BYTES + " bytes.", "Send less.");
                }
                if (System.nanoTime() > end) {
                    throw Refusal.of(408, "too_slow", "The body took too long to come.", "Send it at once.");
                }
            }
        }
        return all.toByteArray();
    }

    private static String utf8(byte[] bytes) throws CharacterCodingException {
        return StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(bytes))
                .toString();
    }

    /// What somebody sent, short enough to be shown.
    private static String shown(String text) {
        return text.length() > 40 ? text.substring(0, 40) + "…" : text;
    }

    /// Whether the caller asked for JSON where there is a binary form, too.
    boolean wantsJson() {
        String accept = request.getHeaders().get(HttpHeader.ACCEPT);
        return accept != null && accept.contains("application/json");
    }

    /// Whether somebody still waits for the answer: every quarter of a second an interim answer, 102,
    /// is sent, which callers pass over and which fails once they have left.
    synchronized boolean stays() {
        long now = System.nanoTime();
        if (interim.isDone()
                && now - asked > ASK_NANOS
                && request.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_1_1) {
            if (interim.isCompletedExceptionally()) {
                return false;
            }
            asked = now;
            interim = response.writeInterim(HttpStatus.PROCESSING_102, HttpFields.EMPTY);
        }
        return !interim.isCompletedExceptionally();
    }

    void json(Consumer<JsonWriter> body) {
        json(200, body);
    }

    void json(int status, Consumer<JsonWriter> body) {
        var bytes = new ByteArrayOutputStream();
        try (var writer = JsonWriter.to(bytes, false)) {
            body.accept(writer);
        }
        send(status, "application/json", ByteBuffer.wrap(bytes.toByteArray()));
    }

    /// Little-endian float32.
    void floats(float[] values) {
        var bytes = ByteBuffer.allocate(Math.multiplyExact(values.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        send(200, "application/octet-stream", bytes);
    }

    private void send(int status, String type, ByteBuffer bytes) {
        synchronized (this) {
            interim.exceptionally(left -> null).join();
        }
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.remaining());
        try (var out = Content.Sink.asOutputStream(response)) {
            out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        } catch (IOException e) {
            // The caller has left.
        }
    }

    /// Begins a stream of server-sent events. What is computed from now on must borrow operations
    /// from [Hosted].
    Events events() {
        turnOver.run();
        response.setStatus(200);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        return new Events(Content.Sink.asOutputStream(response));
    }
}
