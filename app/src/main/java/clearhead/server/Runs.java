package clearhead.server;

import clearhead.inspect.Run;
import clearhead.io.ModelFileException;
import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/// The runs that the server keeps, within a budget of memory. One is computed at a time, with all
/// cores; a bounded number wait; the longest unused are given up when memory is needed.
final class Runs implements AutoCloseable {
    /// Why runs failed is remembered of so many.
    private static final int FAILURES = 256;

    /// A workspace that grew beyond this is given back to the machine after the run.
    private static final long KEPT_BYTES = 256L << 20;

    /// Bytes of heap that the name of a token takes, about.
    private static final long LABEL_BYTES = 300;

    /// How long a run waits for memory that others use.
    private static final long PATIENCE_NANOS = 30_000_000_000L;

    private static final long GRACE_NANOS = 3_000_000_000L;

    private final long budget;
    private final int queueLimit;
    private final long graceNanos;
    private final Map<String, Held> held = new HashMap<>();
    private final Map<String, Refusal> failures = new LinkedHashMap<>();
    private final ArrayDeque<Held> queue = new ArrayDeque<>();
    private final Thread worker;
    private Workspace workspace = new Workspace();
    private long bytes;
    private long clock;
    private double usualSeconds = 0.1;
    private boolean closed;

    /// @param budget bytes of runs kept at most
    /// @param queueLimit runs that may wait
    Runs(long budget, int queueLimit) {
        this(budget, queueLimit, GRACE_NANOS);
    }

    /// @param graceNanos for so long after somebody asked for it, a run is not given up
    Runs(long budget, int queueLimit, long graceNanos) {
        this.graceNanos = graceNanos;
        this.budget = budget;
        this.queueLimit = queueLimit;
        worker = Thread.ofPlatform().daemon().name("runs").start(this::work);
    }

    long budget() {
        return budget;
    }

    int queueLimit() {
        return queueLimit;
    }

    /// The run of a spec: the one that is there, or a new one in the queue.
    Held start(Spec spec) {
        String id = spec.id();
        long needs = estimate(spec);
        if (needs > budget) {
            throw Refusal.of(
                    413,
                    "too_long",
                    "A run of " + spec.prompt().ids().length + " tokens keeps about " + ((needs >> 20) + 1)
                            + " MB; the server keeps at most " + (budget >> 20) + " MB of runs.",
                    "Take a shorter text, or start the server with a larger --memory.");
        }
        synchronized (this) {
            Held there = held.get(id);
            if (there != null && there.ask()) {
                there.used = ++clock;
                return there;
            }
            if (closed) {
                throw stopping();
            }
            if (queue.size() >= queueLimit) {
                queue.removeIf(this::dropped);
            }
            if (queue.size() >= queueLimit) {
                throw Refusal.busy("The server has " + queue.size() + " runs waiting.", (int)
                        Math.clamp(Math.ceil(usualSeconds * queue.size() / 2), 1, 30));
            }
            failures.remove(id);
            var fresh = new Held(id, spec, graceNanos);
            fresh.used = ++clock;
            held.put(id, fresh);
            queue.add(fresh);
            notifyAll();
            return fresh;
        }
    }

    /// Whether nobody waits for it any more; if so, it is failed.
    private boolean dropped(Held waiting) {
        if (waiting.giveUp()) {
            fail(waiting, cancelled());
            return true;
        }
        return false;
    }

    synchronized Optional<Held> find(String id) {
        Held there = held.get(id);
        if (there != null) {
            there.used = ++clock;
        }
        return Optional.ofNullable(there);
    }

    /// Why there is no such run: it failed, or nobody started it.
    synchronized Refusal missing(String id) {
        Refusal why = failures.get(id);
        return why != null
                ? why
                : Refusal.of(
                        404,
                        "unknown_run",
                        "The server does not have this run (any more).",
                        "Make it again from its text: POST runs.");
    }

    /// The finished run, kept until the lease is closed; waits for one that is on its way, such as one that was evicted
    /// and that somebody else has asked for again.
    ///
    /// @param millis to wait at most
    Lease lease(String id, long millis) throws InterruptedException {
        Held there = find(id).orElseThrow(() -> missing(id));
        there.stay();
        try {
            long end = System.nanoTime() + millis * 1_000_000;
            while (true) {
                Held.State state = there.state();
                switch (state) {
                    case DONE -> {
                        return lease(there);
                    }
                    case FAILED -> throw there.refusal();
                    case QUEUED, RUNNING -> {
                        long left = (end - System.nanoTime()) / 1_000_000;
                        if (left <= 0) {
                            throw Refusal.of(
                                    409,
                                    "not_done",
                                    "The run " + id + " is not done yet.",
                                    "Wait for it: GET runs/" + id + "/events.");
                        }
                        there.await(state, there.layer(), left);
                    }
                }
            }
        } finally {
            there.leave();
        }
    }

    /// The finished run, kept until the lease is closed.
    Lease lease(String id) throws InterruptedException {
        return lease(id, 0);
    }

    /// The same of a run that was found before: it may have been evicted since.
    synchronized Lease lease(Held there) {
        if (held.get(there.id) != there) {
            throw missing(there.id);
        }
        there.used = ++clock;
        there.leases++;
        return new Lease(this, there);
    }

    synchronized void release(Held there) {
        there.leases--;
        if (closed && there.leases == 0) {
            evict(there);
        }
        notifyAll();
    }

    /// Memory that the runs keep now.
    synchronized long bytes() {
        return bytes;
    }

    /// How many are kept, waiting or running.
    synchronized int size() {
        return held.size();
    }

    /// Whether nobody waits.
    synchronized boolean idle() {
        return queue.isEmpty();
    }

    /// About what a run keeps: see [Run]. With changes, z stands beside the pattern's own.
    private static long estimate(Spec spec) {
        var model = spec.hosted().model().transformer();
        long token = 4L * model.dim() + LABEL_BYTES + Run.TILE_BYTES;
        for (int layer : model.attentionLayers()) {
            var heads = model.attention(layer).spec();
            long z = spec.changes().isEmpty() ? 0 : heads.heads();
            token += 4L
                    * (model.dim()
                            + (long) heads.headDim() * (2L * heads.heads() + 2L * heads.kvHeads() + z)
                            + heads.heads());
        }
        return Math.multiplyExact(token, (long) spec.prompt().ids().length);
    }

    private void work() {
        while (true) {
            Held next;
            synchronized (this) {
                while (queue.isEmpty() && !closed) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        return;
                    }
                }
                if (closed) {
                    return;
                }
                next = queue.remove();
            }
            compute(next);
        }
    }

    private void compute(Held next) {
        try {
            proceed(next);
            makeRoom(estimate(next.spec));
            next.running(0);
            long start = System.nanoTime();
            Run run = run(next, next.spec.hosted().model().backend().ops(workspace));
            double seconds = (System.nanoTime() - start) / 1e9;
            long kept = run.bytes() + LABEL_BYTES * run.tokens();
            var result = new Held.Result(run, Findings.of(run), seconds, kept);
            synchronized (this) {
                bytes += kept;
                usualSeconds += 0.2 * ((System.nanoTime() - start) / 1e9 - usualSeconds);
                next.done(result);
            }
        } catch (CancellationException e) {
            fail(next, isClosed() ? stopping() : cancelled());
        } catch (Refusal e) {
            fail(next, e);
        } catch (IllegalArgumentException | ModelFileException e) {
            // Of the text, the changes, or a weight that is no number: the message names it.
            fail(next, Refusal.of(422, "refused", text(e), "Change the text, the changes or the model."));
        } catch (InterruptedException e) {
            fail(next, stopping());
        } catch (OutOfMemoryError e) {
            fail(
                    next,
                    Refusal.of(
                            503,
                            "out_of_memory",
                            "The machine has no memory left for this run.",
                            "Take a shorter text, or start the server with a smaller --memory."));
        } catch (RuntimeException | Error e) {
            fail(next, Refusal.of(500, "failed", "The run failed: " + text(e), "If it stays so, please report it."));
        } finally {
            workspace.reset();
            if (workspace.reserved() > KEPT_BYTES) {
                workspace.close();
                workspace = new Workspace();
            }
        }
    }

    private static String text(Throwable e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private void proceed(Held next) {
        if (isClosed() || next.giveUp()) {
            throw new CancellationException();
        }
    }

    private Run run(Held next, Ops ops) {
        Spec spec = next.spec;
        var model = spec.hosted().model().transformer();
        int[] ids = spec.prompt().ids();
        Probe probe = spec.changes().isEmpty() ? Probe.NONE : spec.changes().probe(model, ops, ids, spec.other());
        Run run = Run.of(model, ops, spec.changes().ids(ids), probe, (done, of) -> {
            proceed(next);
            next.running(done);
            return true;
        });
        try {
            for (double logit : run.logits(ops, run.tokens() - 1)) {
                if (!Double.isFinite(logit)) {
                    // Names the weight, where one is the cause.
                    spec.hosted().model().forward(ForwardPass.of(ops, ids).lastLogits());
                    throw Refusal.of(
                            422,
                            "not_finite",
                            "With these changes, the logits are no finite numbers.",
                            "Take smaller factors, or fewer changes.");
                }
            }
        } catch (RuntimeException | Error e) {
            run.close();
            throw e;
        }
        return run;
    }

    private void fail(Held next, Refusal why) {
        synchronized (this) {
            // Another may have taken its place after it was given up. What may go well the next time is forgotten.
            if (held.remove(next.id, next) && why.status != 409 && why.status != 429) {
                failures.put(next.id, why);
                if (failures.size() > FAILURES) {
                    failures.remove(failures.keySet().iterator().next());
                }
            }
            next.failed(why);
        }
    }

    static Refusal cancelled() {
        return Refusal.of(
                409,
                "cancelled",
                "The run was given up: everybody who waited for it has left.",
                "Start it again: POST runs.");
    }

    static Refusal stopping() {
        return Refusal.of(503, "stopping", "The server is stopping.", "Start it again with `clearhead serve`.");
    }

    /// Gives up runs that nobody uses, the longest unused first, until `needs` more fit.
    private synchronized void makeRoom(long needs) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (bytes + needs > budget) {
            if (closed) {
                throw new CancellationException();
            }
            @Nullable
            Held oldest = held.values().stream()
                    .filter(h -> h.state() == Held.State.DONE && h.leases == 0 && !h.hasListeners())
                    .min(Comparator.comparingLong(h -> h.used))
                    .orElse(null);
            if (oldest != null) {
                evict(oldest);
            } else if (System.nanoTime() > end) {
                throw Refusal.busy("All memory for runs is in use.", 5);
            } else {
                wait(500);
            }
        }
    }

    private void evict(Held gone) {
        held.remove(gone.id, gone);
        bytes -= gone.result().bytes();
        gone.result().run().close();
    }

    /// Ends what runs, and gives up what nobody uses.
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            Held waiting;
            while ((waiting = queue.poll()) != null) {
                fail(waiting, stopping());
            }
            notifyAll();
        }
        try {
            worker.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            held.values().stream()
                    .filter(h -> h.state() == Held.State.DONE && h.leases == 0)
                    .toList()
                    .forEach(this::evict);
        }
        if (!worker.isAlive()) {
            workspace.close();
        }
    }
}
