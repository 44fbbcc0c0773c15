package clearhead.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Response;

/// Who may come in, and what every answer tells a browser to forbid.
final class Door {
    /// Names of this machine. A page of another site whose name was made to point here still sends its own name.
    private static final Set<String> HERE = Set.of("localhost", "127.0.0.1", "[::1]", "::1");

    /// Paths need no other characters; what is encoded hides something.
    private static final Pattern PLAIN = Pattern.compile("/[A-Za-z0-9._/-]*");

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
                    + " font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none';"
                    + " form-action 'none'; frame-ancestors 'none'";

    private final boolean local;
    private final Optional<byte[]> keyHash;

    /// @param host that the server listens on
    Door(String host, Optional<String> key) {
        local = isLocal(host);
        keyHash = key.map(Door::hash);
    }

    /// Whether only this machine reaches a server that listens there.
    static boolean isLocal(String host) {
        return HERE.contains(host.toLowerCase(Locale.ROOT)) || host.matches("127(\\.[0-9]{1,3}){3}");
    }

    /// Whether the path hides nothing: no encoded character, no empty or dotted part.
    static boolean isPlain(String path) {
        return PLAIN.matcher(path).matches()
                && !path.contains("//")
                && !("/" + path + "/").contains("/../")
                && !("/" + path + "/").contains("/./");
    }

    static void headers(Response response) {
        HttpFields.Mutable headers = response.getHeaders();
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("X-Frame-Options", "DENY");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put("Cross-Origin-Resource-Policy", "same-origin");
        headers.put("Cross-Origin-Opener-Policy", "same-origin");
        headers.put("Content-Security-Policy", POLICY);
        headers.put(HttpHeader.CACHE_CONTROL, "no-store");
    }

    /// Refuses a request that was sent to another name than this machine's.
    void requireHost(HttpFields headers) {
        if (!local) {
            // The key, which no browser sends by itself, protects these.
            return;
        }
        String host = headers.get(HttpHeader.HOST);
        if (host == null || !isLocal(name(host))) {
            throw Refusal.of(
                    403,
                    "wrong_host",
                    "The server answers only to the names of this machine.",
                    "Open it at http://127.0.0.1: and its port, or start it with --host and --api-key.");
        }
    }

    private static String name(String authority) {
        int colon = authority.lastIndexOf(':');
        return colon > authority.lastIndexOf(']') ? authority.substring(0, colon) : authority;
    }

    /// Refuses what the page of another site makes a browser send.
    void requireOwnPage(HttpFields headers) {
        String origin = headers.get(HttpHeader.ORIGIN);
        String host = headers.get(HttpHeader.HOST);
        String site = headers.get("Sec-Fetch-Site");
        boolean foreign = origin != null
                && !(origin.equalsIgnoreCase("http://" + host) || origin.equalsIgnoreCase("https://" + host));
        if (foreign || (site != null && (site.equals("cross-site") || site.equals("same-site")))) {
            throw Refusal.of(
                    403, "wrong_origin", "The API answers only to its own page.", "Open the page of this server.");
        }
    }

    /// Refuses a request without the key, if there is one.
    void requireKey(HttpFields headers) {
        if (keyHash.isEmpty()) {
            return;
        }
        HttpField given = headers.getField(HttpHeader.AUTHORIZATION);
        String value = given == null || given.getValue() == null ? "" : given.getValue();
        boolean bearer = value.regionMatches(true, 0, "Bearer ", 0, 7);
        // Hashes are of one length, so that the time taken tells nothing of the key.
        if (!MessageDigest.isEqual(hash(bearer ? value.substring(7).strip() : ""), keyHash.get())) {
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
}
