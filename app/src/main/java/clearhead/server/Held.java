package clearhead.server;

import clearhead.inspect.Parity;
import clearhead.inspect.Run;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// A run in the store: waiting, running, done or failed.
final class Held {
    /// Where a run is.
    enum State {
        QUEUED,
        RUNNING,
        DONE,
        FAILED
    }

    final String id;
    final Spec spec;
    final long since = System.nanoTime();
    private final AtomicInteger listeners = new AtomicInteger();
    private State state = State.QUEUED;
    private int layer;
    private boolean hadListeners;
    private @Nullable Run run;
    private @Nullable Parity parity;
    private @Nullable Refusal refusal;
    private double seconds;
    int leases;
    long used;

    Held(String id, Spec spec) {
        this.id = id;
        this.spec = spec;
    }

    synchronized State state() {
        return state;
    }

    synchronized int layer() {
        return layer;
    }

    synchronized double seconds() {
        return seconds;
    }

    synchronized Run run() {
        if (run == null) {
            throw new IllegalStateException("the run " + id + " is not done");
        }
        return run;
    }

    synchronized Parity parity() {
        if (parity == null) {
            throw new IllegalStateException("the run " + id + " is not done");
        }
        return parity;
    }

    synchronized @Nullable Refusal refusal() {
        return refusal;
    }

    synchronized void running(int done) {
        state = State.RUNNING;
        layer = done;
        notifyAll();
    }

    synchronized void done(Run finished, Parity of, double took) {
        run = finished;
        parity = of;
        seconds = took;
        state = State.DONE;
        notifyAll();
    }

    synchronized void failed(Refusal why) {
        refusal = why;
        state = State.FAILED;
        notifyAll();
    }

    /// Waits until something has changed since, or some time has passed.
    synchronized void await(State was, int wasLayer, long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        while (state == was && layer == wasLayer) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return;
            }
            wait(left);
        }
    }

    void listen() {
        synchronized (this) {
            hadListeners = true;
        }
        listeners.incrementAndGet();
    }

    void leave() {
        listeners.decrementAndGet();
    }

    /// Whether somebody listened and all have gone.
    synchronized boolean abandoned() {
        return hadListeners && listeners.get() == 0;
    }
}
