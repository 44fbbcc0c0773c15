package clearhead.server;

import clearhead.inspect.Run;
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

    /// What a finished run is.
    ///
    /// @param seconds that it took
    /// @param bytes that it keeps in memory, what is in the heap included
    record Result(Run run, Findings findings, double seconds, long bytes) {}

    final String id;
    final Spec spec;
    final long since = System.nanoTime();
    private final long graceNanos;
    private State state = State.QUEUED;
    private int layer;
    private int listeners;
    private boolean hadListeners;
    private boolean givenUp;
    private long asked = System.nanoTime();
    private @Nullable Result result;
    private @Nullable Refusal refusal;

    /// How many use it; guarded by the store.
    int leases;
    /// When it was last used; guarded by the store.
    long used;

    /// @param graceNanos for so long after somebody asked for it, it is not given up: they may be about to listen
    Held(String id, Spec spec, long graceNanos) {
        this.id = id;
        this.spec = spec;
        this.graceNanos = graceNanos;
    }

    synchronized State state() {
        return state;
    }

    /// Layers that are done.
    synchronized int layer() {
        return layer;
    }

    synchronized Result result() {
        if (result == null) {
            throw new IllegalStateException("the run " + id + " is not done");
        }
        return result;
    }

    synchronized Refusal refusal() {
        return refusal == null ? Refusal.bad("The run failed.", "Start it again.") : refusal;
    }

    synchronized void running(int done) {
        state = State.RUNNING;
        layer = done;
        notifyAll();
    }

    synchronized void done(Result finished) {
        result = finished;
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

    synchronized void listen() {
        hadListeners = true;
        stay();
    }

    /// Waits as a listener does, but its leaving alone is no reason to give the run up.
    synchronized void stay() {
        listeners++;
    }

    synchronized void leave() {
        listeners--;
    }

    /// Whether somebody is still being told of it.
    synchronized boolean hasListeners() {
        return listeners > 0;
    }

    /// Somebody else wants it, too.
    ///
    /// @return false if it has been given up
    synchronized boolean ask() {
        asked = System.nanoTime();
        return !givenUp;
    }

    /// Gives it up for good if somebody listened, all have gone and nobody has just asked for it.
    synchronized boolean giveUp() {
        givenUp |= hadListeners && listeners == 0 && System.nanoTime() - asked > graceNanos;
        return givenUp;
    }
}
