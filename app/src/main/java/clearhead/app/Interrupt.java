package clearhead.app;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Lets a command end cleanly on Ctrl-C: asks it to stop, and holds the process until it has.
///
/// ```java
/// try (var interrupt = Interrupt.callOnce(generation::cancel)) { … }
/// ```
final class Interrupt implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 5;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    private Interrupt(Runnable stop) {
        hook = new Thread(
                () -> {
                    stop.run();
                    try {
                        boolean ended = done.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
                        if (!ended) {
                            System.err.println("clearhead: interrupted");
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /// @param stop called from another thread when the process is asked to end
    static Interrupt callOnce(Runnable stop) {
        return new Interrupt(stop);
    }

    /// The command has ended, by itself or because it was asked to.
    @Override
    public void close() {
        done.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is ending already, which is when the hook is running
        }
    }
}
