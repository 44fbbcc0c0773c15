package clearhead.hub;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Locale;
import javax.net.ssl.SSLException;

/// Counts failures in a row, waits longer after each, and gives up after the last.
final class Attempts {
    /// What a server may ask us to wait.
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);

    /// So many bytes are worth a fresh count: a connection that is cut again and again still gets there.
    private static final long PROGRESS = 1 << 20;

    /// What is tried.
    @FunctionalInterface
    interface Attempt<T> {
        T make() throws IOException, InterruptedException;
    }

    private final String source;
    private final HubSettings.Patience patience;
    private final Progress progress;
    private int failed;
    private long came;

    Attempts(String source, HubSettings.Patience patience, Progress progress) {
        this.source = source;
        this.patience = patience;
        this.progress = progress;
    }

    <T> T until(Attempt<T> attempt) throws InterruptedException {
        while (true) {
            try {
                return attempt.make();
            } catch (IOException e) {
                failed(e);
            }
        }
    }

    void came(long bytes) {
        came += bytes;
        if (came >= PROGRESS) {
            failed = 0;
            came = 0;
        }
    }

    /// Waits for the next attempt.
    ///
    /// @throws ModelFileException if there is none
    void failed(IOException e) throws InterruptedException {
        failed++;
        came = 0;
        int most = isHopeless(e) ? 1 : e instanceof ConnectException ? 2 : patience.attempts();
        if (failed >= most) {
            String tries = failed == 1 ? "" : " (" + failed + " attempts)";
            throw new ModelFileException(source, reason(e, patience) + tries + "; run it again to go on", e);
        }
        Duration pause = patience.pause().multipliedBy(1L << Math.min(failed - 1, 10));
        if (e instanceof HubFailure failure && failure.pause().compareTo(pause) > 0) {
            pause = failure.pause();
        }
        pause = pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
        progress.note(source + ": " + reason(e, patience)
                + String.format(Locale.ROOT, "; again in %.1f s", pause.toMillis() / 1e3));
        Thread.sleep(pause);
    }

    private static boolean isHopeless(IOException e) {
        return e instanceof SSLException || e.getCause() instanceof SSLException;
    }

    private static String reason(IOException e, HubSettings.Patience patience) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException) {
                return "the server's name is not known here (no network?)";
            }
        }
        return switch (e) {
            case HttpConnectTimeoutException _ ->
                "no connection within " + patience.answer().toSeconds() + " s";
            case HttpTimeoutException timeout
            when String.valueOf(timeout.getMessage()).startsWith("nothing") -> String.valueOf(timeout.getMessage());
            case HttpTimeoutException _ ->
                "no answer within " + patience.answer().toSeconds() + " s";
            case ConnectException _ -> "the server cannot be reached";
            case SSLException _ -> "no secure connection: " + e.getMessage();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }
}
