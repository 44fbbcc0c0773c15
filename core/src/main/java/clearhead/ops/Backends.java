package clearhead.ops;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/// Chooses a backend, once, at the start of a program; the choice is passed down as a value.
public final class Backends {
    private Backends() {}

    /// All backends there are, the preferred first, usable or not.
    public static List<BackendProvider> all() {
        return ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed())
                .toList();
    }

    /// The preferred backend that can run here, on all cores, unless the system properties
    /// `clearhead.backend` (a name), `clearhead.threads` and `clearhead.arithmetic` (`exact` or `fast`)
    /// say otherwise. Quantized weights are multiplied fast.
    public static Backend choose() {
        return choose(threads());
    }

    /// The same, on so many threads.
    public static Backend choose(int threads) {
        return choose(threads, arithmetic());
    }

    /// The same, on so many threads and with this arithmetic.
    public static Backend choose(int threads, Arithmetic arithmetic) {
        String wanted = System.getProperty("clearhead.backend");
        return wanted == null ? best(threads, arithmetic) : named(wanted, threads, arithmetic);
    }

    /// How quantized weights are multiplied unless somebody chooses: fast, or the system property
    /// `clearhead.arithmetic`.
    public static Arithmetic arithmetic() {
        return Arithmetic.of(System.getProperty("clearhead.arithmetic", "fast"));
    }

    /// How many threads may compute at once: all cores, or the system property `clearhead.threads`.
    public static int threads() {
        return Integer.getInteger("clearhead.threads", Runtime.getRuntime().availableProcessors());
    }

    /// The preferred backend that can run here, with exact arithmetic.
    public static Backend best(int threads) {
        return best(threads, Arithmetic.EXACT);
    }

    /// The preferred backend that can run here.
    public static Backend best(int threads, Arithmetic arithmetic) {
        return all().stream()
                .filter(p -> p.obstacles().isEmpty())
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no backend can run here"))
                .create(threads, arithmetic);
    }

    /// The backend of this name, with exact arithmetic.
    ///
    /// @throws IllegalArgumentException if there is none, or it cannot run here
    public static Backend named(String name, int threads) {
        return named(name, threads, Arithmetic.EXACT);
    }

    /// The backend of this name.
    ///
    /// @throws IllegalArgumentException if there is none, or it cannot run here
    public static Backend named(String name, int threads, Arithmetic arithmetic) {
        for (BackendProvider p : all()) {
            if (p.name().equals(name)) {
                if (!p.obstacles().isEmpty()) {
                    throw new IllegalArgumentException(
                            "backend " + name + " cannot run here: " + String.join("; ", p.obstacles()));
                }
                return p.create(threads, arithmetic);
            }
        }
        throw new IllegalArgumentException("no backend named " + name + "; there are "
                + all().stream().map(BackendProvider::name).toList());
    }
}
