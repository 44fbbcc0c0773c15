package clearhead.ops;

import java.util.List;

/// Offers a [Backend], found by [java.util.ServiceLoader]; says why it cannot be used here.
public interface BackendProvider {
    String name();

    /// Higher is preferred.
    int priority();

    /// Why this backend cannot run here, each with the remedy; empty if it can.
    List<String> obstacles();

    /// @param threads how many threads may compute at once
    Backend create(int threads);
}
