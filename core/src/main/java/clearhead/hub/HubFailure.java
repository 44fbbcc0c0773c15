package clearhead.hub;

import java.io.IOException;
import java.time.Duration;

/// An answer that may be another one a little later: too many requests, or a server in trouble.
final class HubFailure extends IOException {
    private static final long serialVersionUID = 1L;

    private final Duration wait;

    /// @param wait what the server asks for; zero if it does not say
    HubFailure(String message, Duration wait) {
        super(message);
        this.wait = wait;
    }

    Duration pause() {
        return wait;
    }
}
