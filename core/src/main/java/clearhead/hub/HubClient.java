package clearhead.hub;

import clearhead.io.ModelFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// Asks the hub. Redirects are followed by hand, so that the token goes to the endpoint and to nobody else. Proxies are
/// those
/// that the JDK is told of.
final class HubClient implements AutoCloseable {
    /// Where it is large, a listing has some 200 bytes a file.
    static final int LARGEST_LISTING = 16 << 20;

    private static final int MOST_REDIRECTS = 10;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final Set<Integer> LATER = Set.of(408, 429, 500, 502, 503, 504);

    private final HubSettings settings;
    private final HttpClient http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1) // each file gets a connection, and a window, of its own
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(settings.patience().answer())
                .build();
    }

    /// An answer, after all redirects.
    ///
    /// @param headers of the last one
    /// @param commit which commit the hub answered for
    /// @param etag of the file, as the hub has it
    /// @param size of the file, as the hub has it
    record Answer(
            int status,
            HttpHeaders headers,
            Body body,
            Optional<String> commit,
            Optional<String> etag,
            OptionalLong size)
            implements AutoCloseable {
        OptionalLong length() {
            return number(headers, "Content-Length");
        }

        @Override
        public void close() {
            body.close();
        }
    }

    /// What the server says of a revision.
    Listing listing(HubName name) throws IOException, InterruptedException {
        URI uri = uri("/api/models/" + name.repo() + "/revision/" + escaped(name.revision()) + "?blobs=true");
        try (Answer answer = send("GET", uri, Optional.empty(), name.text())) {
            if (answer.status != 200) {
                throw Refusal.of(settings, name, Optional.empty(), answer.status, answer.headers);
            }
            return Listing.read(name.text(), text(name.text(), answer.body));
        }
    }

    private static String text(String source, Body body) throws IOException, InterruptedException {
        var bytes = new ByteArrayOutputStream();
        for (Optional<List<ByteBuffer>> piece = body.next(); piece.isPresent(); piece = body.next()) {
            for (ByteBuffer buffer : piece.get()) {
                if (bytes.size() + buffer.remaining() > LARGEST_LISTING) {
                    throw new ModelFileException(
                            source, "its listing has more than " + LARGEST_LISTING + " bytes; more are not taken");
                }
                var part = new byte[buffer.remaining()];
                buffer.get(part);
                bytes.writeBytes(part);
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ModelFileException(source, "its listing is no UTF-8; is HF_ENDPOINT a hub?", e);
        }
    }

    /// What the server says of a file at a commit.
    Answer head(HubName name, String commit, String file) throws IOException, InterruptedException {
        return file("HEAD", name, commit, file, Optional.empty());
    }

    /// A file at a commit.
    ///
    /// @param from the first byte wanted
    Answer get(HubName name, String commit, String file, long from) throws IOException, InterruptedException {
        return file("GET", name, commit, file, from == 0 ? Optional.empty() : Optional.of("bytes=" + from + "-"));
    }

    private Answer file(String method, HubName name, String commit, String file, Optional<String> range)
            throws IOException, InterruptedException {
        URI uri = uri("/" + name.repo() + "/resolve/" + commit + "/" + path(file));
        Answer answer = send(method, uri, range, name.text() + ": " + file);
        boolean good = answer.status == 200 || REDIRECTS.contains(answer.status);
        good |= range.isPresent() && (answer.status == 206 || answer.status == 416);
        if (!good) {
            answer.close();
            throw Refusal.of(settings, name, Optional.of(file), answer.status, answer.headers);
        }
        return answer;
    }

    private Answer send(String method, URI first, Optional<String> range, String source)
            throws IOException, InterruptedException {
        URI uri = first;
        Optional<String> commit = Optional.empty();
        Optional<String> linked = Optional.empty();
        OptionalLong size = OptionalLong.empty();
        for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            HttpResponse<Body> response = http.send(
                    request(method, uri, range),
                    _ -> new Body(settings.patience().stall()));
            HttpHeaders headers = response.headers();
            commit = commit.or(() -> headers.firstValue("X-Repo-Commit"));
            linked = linked.or(() -> headers.firstValue("X-Linked-Etag"));
            size = size.isPresent() ? size : number(headers, "X-Linked-Size");
            int status = response.statusCode();
            Optional<URI> next = REDIRECTS.contains(status) ? target(source, uri, headers) : Optional.empty();
            boolean known = method.equals("HEAD") && linked.isPresent() && next.isPresent();
            if (next.isEmpty() || (known && !settings.isEndpoint(next.get()))) {
                return answer(response, source, commit, linked, size);
            }
            response.body().close();
            uri = next.get();
        }
        throw new ModelFileException(
                source, "the server redirects without end (more than " + MOST_REDIRECTS + " times)");
    }

    private static Answer answer(
            HttpResponse<Body> response,
            String source,
            Optional<String> commit,
            Optional<String> linked,
            OptionalLong size)
            throws HubFailure {
        HttpHeaders headers = response.headers();
        int status = response.statusCode();
        if (LATER.contains(status)) {
            response.body().close();
            Duration wait =
                    Duration.ofSeconds(Math.clamp(number(headers, "Retry-After").orElse(0), 0, 3600));
            throw new HubFailure("the server answers " + status + (status == 429 ? " (too many requests)" : ""), wait);
        }
        String encoding = headers.firstValue("Content-Encoding").orElse("identity");
        if (!encoding.equalsIgnoreCase("identity") && status < 300) {
            response.body().close();
            throw new ModelFileException(
                    source,
                    "the server sends it compressed (" + encoding + "), which was not asked for and is not taken");
        }
        OptionalLong known = size;
        if (size.isEmpty() && status == 200) {
            known = number(headers, "Content-Length");
        }
        return new Answer(status, headers, response.body(), commit, linked.or(() -> headers.firstValue("ETag")), known);
    }

    private HttpRequest request(String method, URI uri, Optional<String> range) {
        var request = HttpRequest.newBuilder(uri)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .timeout(settings.patience().answer())
                .header("User-Agent", "clearhead")
                .header("Accept-Encoding", "identity");
        range.ifPresent(value -> request.header("Range", value));
        if (settings.isEndpoint(uri)) {
            settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token.secret()));
        }
        return request.build();
    }

    /// Where a redirect leads.
    private static Optional<URI> target(String source, URI from, HttpHeaders headers) {
        Optional<String> location = headers.firstValue("Location");
        if (location.isEmpty()) {
            return Optional.empty();
        }
        try {
            URI uri = from.resolve(new URI(location.get()));
            String scheme = String.valueOf(uri.getScheme());
            boolean downgraded = "https".equalsIgnoreCase(from.getScheme()) && !scheme.equalsIgnoreCase("https");
            boolean web = scheme.equalsIgnoreCase("https") || scheme.equalsIgnoreCase("http");
            if (web && !downgraded && uri.getHost() != null && uri.getRawUserInfo() == null) {
                return Optional.of(uri);
            }
        } catch (URISyntaxException _) {
            // said below
        }
        throw new ModelFileException(
                source,
                "the server redirects to \"" + location.get()
                        + "\"; wanted an address of http or https without a user's"
                        + " name, and never from https to http");
    }

    private static OptionalLong number(HttpHeaders headers, String name) {
        Optional<String> value = headers.firstValue(name).filter(v -> v.matches("[0-9]{1,18}"));
        return value.isPresent() ? OptionalLong.of(Long.parseLong(value.get())) : OptionalLong.empty();
    }

    private URI uri(String pathAndQuery) {
        return URI.create(settings.endpoint() + pathAndQuery);
    }

    private static String path(String file) {
        return String.join(
                "/", List.of(file.split("/")).stream().map(HubClient::escaped).toList());
    }

    private static String escaped(String part) {
        var text = new StringBuilder();
        for (byte b : part.getBytes(StandardCharsets.UTF_8)) {
            boolean plain = (b >= 'a' && b <= 'z')
                    || (b >= 'A' && b <= 'Z')
                    || (b >= '0' && b <= '9')
                    || "-_.~".indexOf(b) >= 0;
            if (plain) {
                text.append((char) b);
            } else {
                text.append(String.format(java.util.Locale.ROOT, "%%%02X", b));
            }
        }
        return text.toString();
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
