package clearhead.server;

import clearhead.inspect.Parity;
import clearhead.inspect.Run;

/// A finished run in use: it is not evicted before this is closed.
final class Lease implements AutoCloseable {
    private final Runs runs;
    private final Held held;
    private boolean open = true;

    Lease(Runs runs, Held held) {
        this.runs = runs;
        this.held = held;
    }

    Run run() {
        return held.result().run();
    }

    Spec spec() {
        return held.spec;
    }

    Hosted hosted() {
        return held.spec.hosted();
    }

    String id() {
        return held.id;
    }

    /// That the run took.
    double seconds() {
        return held.result().seconds();
    }

    Findings findings() {
        return held.result().findings();
    }

    /// Of all heads together.
    Parity parity() {
        return findings().parity();
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            runs.release(held);
        }
    }
}
