package clearhead.ops.cpu.vector;

import java.util.concurrent.atomic.AtomicIntegerArray;

/// Lets tasks that add into the same memory do so in the order of their numbers, so that the sums
/// have one order whatever the number of threads. Whoever waits has computed already, and waits for
/// tasks with lower numbers only; as tasks are begun in order, the lowest never waits.
final class Turns {
    private static final int SPINS = 1 << 10;

    private final AtomicIntegerArray done;
    private volatile boolean failed;

    Turns(int places) {
        done = new AtomicIntegerArray(places);
    }

    /// Returns when `before` tasks have called [#end] for this place.
    void await(int place, int before) {
        for (int spins = 0; done.getAcquire(place) != before; spins++) {
            if (failed) {
                throw new IllegalStateException("another part of this operation failed");
            }
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    void end(int place) {
        done.setRelease(place, done.getPlain(place) + 1);
    }

    /// Whoever waits for the task that failed would wait for ever.
    void fail() {
        failed = true;
    }
}
