package clearhead.hub;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// How the hub is reached and where its files are kept; by the environment variables of Hugging Face's own client.
///
/// @param endpoint of the hub, without a slash at its end
/// @param cache the folder of `models--org--name`
/// @param token sent to the endpoint and to nobody else
/// @param offline whether nothing may be asked for
/// @param links whether a snapshot holds links to blobs; else the files themselves
/// @param patience how long one waits, and how often it is tried again
/// @param parallel files at a time
public record HubSettings(
        URI endpoint,
        Path cache,
        Optional<Token> token,
        boolean offline,
        boolean links,
        Patience patience,
        int parallel) {

    private static final String HUGGING_FACE = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
    private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)}|(\\w+))");
    private static final long LARGEST_TOKEN_FILE = 10_000;

    /// What says who asks. It prints as stars.
    public record Token(String secret) {
        private static final Pattern VISIBLE = Pattern.compile("[!-~]{1,4096}");

        public Token {
            if (!VISIBLE.matcher(secret).matches()) {
                throw new ModelFileException("HF_TOKEN", "wanted a token of visible ASCII characters, found others");
            }
        }

        @Override
        public final String toString() {
            return "***";
        }
    }

    /// @param answer how long a connection and the head of an answer may take
    /// @param stall how long nothing may come in the middle of a file
    /// @param pause before the second attempt; doubled before each further one
    /// @param attempts in a row that may fail
    public record Patience(Duration answer, Duration stall, Duration pause, int attempts) {
        public static final Patience DEFAULT =
                new Patience(Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(1), 5);
    }

    /// Those of this process. A system property of the same name goes before an environment variable.
    public static HubSettings current() {
        return of(name -> {
            String property = System.getProperty(name);
            return property == null ? System.getenv(name) : property;
        });
    }

    /// @param variables gives an environment variable, or null
    public static HubSettings of(Function<String, @Nullable String> variables) {
        var environment = new Environment(variables);
        Path home = environment
                .path("HF_HOME")
                .orElseGet(() -> environment
                        .path("XDG_CACHE_HOME")
                        .orElse(environment.userHome().resolve(".cache"))
                        .resolve("huggingface"));
        Path cache = environment
                .path("HF_HUB_CACHE")
                .or(() -> environment.path("HUGGINGFACE_HUB_CACHE"))
                .orElse(home.resolve("hub"));
        Optional<Token> token =
                environment.truth("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? Optional.empty() : token(environment, home);
        return new HubSettings(
                endpoint(environment.text("HF_ENDPOINT").orElse(HUGGING_FACE)),
                cache.toAbsolutePath().normalize(),
                token,
                environment.text("HF_HUB_OFFLINE").isPresent()
                        ? environment.truth("HF_HUB_OFFLINE")
                        : environment.truth("TRANSFORMERS_OFFLINE"),
                !environment.truth("HF_HUB_DISABLE_SYMLINKS"),
                new Patience(
                        environment.seconds("HF_HUB_ETAG_TIMEOUT", Patience.DEFAULT.answer),
                        environment.seconds("HF_HUB_DOWNLOAD_TIMEOUT", Patience.DEFAULT.stall),
                        Patience.DEFAULT.pause,
                        Patience.DEFAULT.attempts),
                4);
    }

    private static URI endpoint(String text) {
        String bare = text.replaceFirst("/+$", "");
        try {
            var uri = new URI(bare);
            String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
            boolean good = (scheme.equals("https") || scheme.equals("http"))
                    && uri.getHost() != null
                    && uri.getRawUserInfo() == null
                    && uri.getRawQuery() == null
                    && uri.getRawFragment() == null;
            if (good) {
                return uri;
            }
        } catch (URISyntaxException _) {
            // said below
        }
        throw new ModelFileException(
                "HF_ENDPOINT", "wanted an address such as " + HUGGING_FACE + ", found \"" + bare + '"');
    }

    private static Optional<Token> token(Environment environment, Path home) {
        Optional<String> given = environment.text("HF_TOKEN").or(() -> environment.text("HUGGING_FACE_HUB_TOKEN"));
        if (given.isPresent()) {
            return given.map(Token::new);
        }
        Path file = environment.path("HF_TOKEN_PATH").orElse(home.resolve("token"));
        try {
            if (Files.isRegularFile(file) && Files.size(file) <= LARGEST_TOKEN_FILE) {
                String text = Files.readString(file, StandardCharsets.UTF_8).strip();
                return text.isEmpty() ? Optional.empty() : Optional.of(new Token(text));
            }
        } catch (IOException e) {
            throw new ModelFileException(file, "holds the token and cannot be read", e);
        }
        return Optional.empty();
    }

    /// Whether an address is the endpoint's own: same scheme, host and port.
    boolean isEndpoint(URI uri) {
        return endpoint.getScheme().equalsIgnoreCase(uri.getScheme())
                && endpoint.getHost().equalsIgnoreCase(String.valueOf(uri.getHost()))
                && port(endpoint) == port(uri);
    }

    private static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }

    /// Reads variables as the Python client does: `~` and `$NAME` are expanded in paths.
    private record Environment(Function<String, @Nullable String> variables) {

        Optional<String> text(String name) {
            String value = variables.apply(name);
            return value == null || value.isBlank() ? Optional.empty() : Optional.of(value.strip());
        }

        boolean truth(String name) {
            return text(name)
                    .map(value -> TRUE.contains(value.toUpperCase(Locale.ROOT)))
                    .orElse(false);
        }

        Path userHome() {
            return Path.of(text("HOME").orElse(System.getProperty("user.home", ".")));
        }

        Optional<Path> path(String name) {
            return text(name).map(value -> {
                String whole = value.equals("~") || value.startsWith("~/") ? userHome() + value.substring(1) : value;
                Matcher matcher = VARIABLE.matcher(whole);
                String expanded = matcher.replaceAll(found -> {
                    String variable = found.group(1) == null ? found.group(2) : found.group(1);
                    return Matcher.quoteReplacement(text(variable).orElse(found.group()));
                });
                try {
                    return Path.of(expanded);
                } catch (java.nio.file.InvalidPathException e) {
                    throw new ModelFileException(name, "wanted a folder, found \"" + expanded + '"', e);
                }
            });
        }

        Duration seconds(String name, Duration otherwise) {
            return text(name)
                    .filter(value -> value.matches("[0-9]{1,6}"))
                    .map(Integer::parseInt)
                    .filter(seconds -> seconds > 0)
                    .map(Duration::ofSeconds)
                    .orElse(otherwise);
        }
    }
}
