package clearhead.ops.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A fixed pool of threads for the inside of one operation. The caller works too. A worker that
/// finds nothing to do spins for some tens of microseconds, so that the next operation of a pass
/// starts within one or two, and then parks.
///
/// Work is cut into tasks by shape alone, never by the number of threads: who runs a task does not
/// change what it computes. Several callers may share a pool; one operation runs at a time. A call
/// from inside a task runs its tasks on the spot.
public final class Workers implements AutoCloseable {
    private static final long SPIN_NANOS = 40_000;
    private static final int SPINS_BETWEEN_CLOCKS = 64;

    /// One piece of an operation.
    @FunctionalInterface
    public interface Task {
        /// @param task from 0 to the number of tasks, each once, in any order and on any thread
        void run(int task);
    }

    /// One piece of an operation that needs scratch memory.
    @FunctionalInterface
    public interface SlotTask {
        /// @param task from 0 to the number of tasks, each once, in any order and on any thread
        /// @param slot from 0 to the number of threads; no two tasks that run at the same time have
        ///     the same. It may choose scratch memory, never what is computed
        void run(int task, int slot);
    }

    private final ReentrantLock turn = new ReentrantLock();
    private final Worker[] workers;
    private volatile @Nullable Job current;
    private volatile boolean closed;

    /// @param threads how many threads compute at once, the caller included
    public Workers(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a pool needs at least 1 thread, got " + threads);
        }
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /// Threads that compute at once, the caller included.
    public int threads() {
        return workers.length + 1;
    }

    /// Runs `body` for every task from 0 to `tasks` and returns when all are done. What a task
    /// writes is visible to the caller afterwards. If tasks throw, the others that have not begun
    /// are skipped and the first exception is thrown here.
    public void run(int tasks, Task body) {
        runSlots(tasks, (task, slot) -> body.run(task));
    }

    /// [#run] for tasks that need scratch memory of their own.
    public void runSlots(int tasks, SlotTask body) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        if (tasks <= 1 || workers.length == 0 || isInside()) {
            for (int i = 0; i < tasks; i++) {
                body.run(i, 0);
            }
            return;
        }
        turn.lock();
        try {
            var job = new Job(tasks, body, Thread.currentThread());
            current = job;
            for (int i = 0; i < workers.length && i < tasks - 1; i++) {
                workers[i].wake();
            }
            job.work(0);
            job.await();
            current = null;
            Throwable failure = job.failure;
            if (failure != null) {
                throw Workers.<RuntimeException>unchecked(failure);
            }
        } finally {
            turn.unlock();
        }
    }

    private boolean isInside() {
        return turn.isHeldByCurrentThread() || (Thread.currentThread() instanceof Worker w && w.pool() == this);
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <E extends Throwable> E unchecked(Throwable t) throws E {
        throw (E) t;
    }

    /// Ends the threads; an operation that is running ends first.
    @Override
    public void close() {
        if (isInside()) {
            throw new IllegalStateException("a task cannot close the pool it runs on");
        }
        turn.lock();
        try {
            closed = true;
            for (Worker w : workers) {
                LockSupport.unpark(w);
            }
        } finally {
            turn.unlock();
        }
        boolean interrupted = false;
        for (Worker w : workers) {
            while (w.isAlive()) {
                try {
                    w.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int slot;
        private volatile boolean parked;

        /// @param slot from 1; the caller is 0
        Worker(int slot) {
            super("clearhead-worker-" + slot);
            this.slot = slot;
            setDaemon(true);
        }

        Workers pool() {
            return Workers.this;
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            @Nullable Job seen = null;
            while (!closed) {
                Job job = next(seen);
                if (job != null) {
                    job.work(slot);
                    seen = job;
                }
            }
        }

        /// The next job; none when the pool is being closed.
        private @Nullable Job next(@Nullable Job seen) {
            long deadline = System.nanoTime() + SPIN_NANOS;
            do {
                for (int i = 0; i < SPINS_BETWEEN_CLOCKS; i++) {
                    Job job = current;
                    if (job != null && job != seen) {
                        return job;
                    }
                    Thread.onSpinWait();
                }
            } while (System.nanoTime() < deadline);
            // A caller publishes its job and then looks at `parked`; here `parked` is written and
            // then the job looked at: one of the two sees the other.
            parked = true;
            try {
                while (!closed) {
                    Job job = current;
                    if (job != null && job != seen) {
                        return job;
                    }
                    LockSupport.park(Workers.this);
                    // A pending interrupt would make every park return at once.
                    Thread.interrupted();
                }
                return null;
            } finally {
                parked = false;
            }
        }
    }

    /// One call of [Workers#run].
    private static final class Job {
        private static final VarHandle NEXT;
        private static final VarHandle DONE;

        static {
            try {
                var lookup = MethodHandles.lookup();
                NEXT = lookup.findVarHandle(Job.class, "next", int.class);
                DONE = lookup.findVarHandle(Job.class, "done", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final int tasks;
        private final SlotTask body;
        private final Thread caller;
        private volatile int next;
        private volatile int done;
        private volatile boolean callerParked;
        private volatile @Nullable Throwable failure;

        Job(int tasks, SlotTask body, Thread caller) {
            this.tasks = tasks;
            this.body = body;
            this.caller = caller;
        }

        void work(int slot) {
            int mine = 0;
            while (true) {
                int task = next < tasks ? (int) NEXT.getAndAdd(this, 1) : tasks;
                if (task >= tasks) {
                    break;
                }
                if (failure == null) {
                    try {
                        body.run(task, slot);
                    } catch (Throwable t) {
                        fail(t);
                    }
                }
                mine++;
            }
            if (mine > 0 && (int) DONE.getAndAdd(this, mine) + mine == tasks && callerParked) {
                LockSupport.unpark(caller);
            }
        }

        private synchronized void fail(Throwable t) {
            if (failure == null) {
                failure = t;
            }
        }

        void await() {
            long deadline = System.nanoTime() + SPIN_NANOS;
            while (done != tasks) {
                for (int i = 0; i < SPINS_BETWEEN_CLOCKS && done != tasks; i++) {
                    Thread.onSpinWait();
                }
                if (System.nanoTime() >= deadline) {
                    awaitParked();
                }
            }
        }

        private void awaitParked() {
            boolean interrupted = false;
            callerParked = true;
            while (done != tasks) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
            if (interrupted) {
                caller.interrupt();
            }
        }
    }
}
