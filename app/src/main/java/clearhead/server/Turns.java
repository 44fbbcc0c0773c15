package clearhead.server;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// Bounds how many calls compute at a time and how many wait for that; the others are refused at
/// once.
final class Turns {
    private final Semaphore free;
    private final AtomicInteger waiting = new AtomicInteger();
    private final int waitingLimit;
    private final long patienceMillis;

    /// @param atOnce calls at a time
    /// @param waitingLimit calls that may wait
    /// @param patienceMillis how long one waits at most
    Turns(int atOnce, int waitingLimit, long patienceMillis) {
        free = new Semaphore(atOnce, true);
        this.waitingLimit = waitingLimit;
        this.patienceMillis = patienceMillis;
    }

    /// Waits for a turn, or refuses.
    Turn take() throws InterruptedException {
        if (!free.tryAcquire()) {
            if (waiting.incrementAndGet() > waitingLimit) {
                waiting.decrementAndGet();
                throw Refusal.busy("The server has too much to do.", 2);
            }
            try {
                if (!free.tryAcquire(patienceMillis, TimeUnit.MILLISECONDS)) {
                    throw Refusal.busy("The server has had no time for this.", 5);
                }
            } finally {
                waiting.decrementAndGet();
            }
        }
        return new Turn(free);
    }

    /// A turn; others may have it once it is closed.
    static final class Turn implements AutoCloseable {
        private final Semaphore free;
        private boolean held = true;

        private Turn(Semaphore free) {
            this.free = free;
        }

        @Override
        public synchronized void close() {
            if (held) {
                held = false;
                free.release();
            }
        }
    }
}
