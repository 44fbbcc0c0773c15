package clearhead.ops;

import java.util.List;

/// Offers a [Backend], found by [java.util.ServiceLoader]; says why it cannot be used here.
public interface BackendProvider {
    String name();

    /// Higher is preferred.
    int priority();

    /// Why this backend cannot run here, each with the remedy; empty if it can.
    List<String> obstacles();

    /// A backend of exact arithmetic.
    default Backend create(int threads) {
        return create(threads, Arithmetic.EXACT);
    }

    /// @param threads how many threads may compute at once
    /// @param arithmetic of quantized weights; a backend that has only exact products takes that
    Backend create(int threads, Arithmetic arithmetic);
}
