package clearhead.server;

import clearhead.inspect.Parity;
import clearhead.inspect.Run;
import clearhead.nn.ForwardPass;
import clearhead.nn.Probe;
import clearhead.ops.Ops;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/// The runs that the server keeps, within a budget of memory. One is computed at a time, with all
/// cores; a bounded number wait; the longest unused are given up when memory is needed.
final class Runs implements AutoCloseable {
    /// Query rows of every head that the parity figure compares.
    private static final int PARITY_ROWS = 16;

    private final long budget;
    private final int queueLimit;
    private final Map<String, Held> held = new HashMap<>();
    private final ArrayDeque<Held> queue = new ArrayDeque<>();
    private final Thread worker;
    private long bytes;
    private long clock;
    private boolean closed;

    Runs(long budget, int queueLimit) {
        this.budget = budget;
        this.queueLimit = queueLimit;
        worker = Thread.ofPlatform().daemon().name("runs").start(this::work);
    }

    /// The run of a spec: the one that is there, or a new one in the queue.
    Held start(Spec spec) {
        String id = spec.id();
        long needs = estimate(spec);
        if (needs > budget) {
            throw Refusal.of(
                    413,
                    "too_long",
                    "A run of " + spec.prompt().ids().length + " tokens keeps about " + (needs >> 20)
                            + " MB; the server keeps at most " + (budget >> 20) + " MB of runs.",
                    "Take a shorter text, or start the server with a larger --memory.");
        }
        synchronized (this) {
            Held there = held.get(id);
            if (there != null && there.state() != Held.State.FAILED) {
                there.used = ++clock;
                return there;
            }
            if (queue.size() >= queueLimit) {
                throw Refusal.busy("The server has " + queue.size() + " runs waiting.", 1 + queue.size() / 4);
            }
            var fresh = new Held(id, spec);
            fresh.used = ++clock;
            held.put(id, fresh);
            queue.add(fresh);
            notifyAll();
            return fresh;
        }
    }

    synchronized Optional<Held> find(String id) {
        Held there = held.get(id);
        if (there != null) {
            there.used = ++clock;
        }
        return Optional.ofNullable(there);
    }

    /// The finished run, kept until the lease is closed.
    synchronized Lease lease(String id) {
        Held there = find(id).orElseThrow(() -> Refusal.of(
                404,
                "unknown_run",
                "The server has no run " + printable(id) + ".",
                "Make it again from its text: POST runs."));
        switch (there.state()) {
            case DONE -> {}
            case FAILED -> throw there.refusal() == null ? new IllegalStateException() : there.refusal();
            case QUEUED, RUNNING ->
                throw Refusal.of(
                        409,
                        "not_done",
                        "The run " + id + " is not done yet.",
                        "Wait for it: GET runs/" + id + "/events.");
        }
        there.leases++;
        return new Lease(this, there);
    }

    private static String printable(String id) {
        return id.matches("[0-9a-f]{16}") ? id : "of that name";
    }

    synchronized void release(Held there) {
        there.leases--;
        notifyAll();
    }

    /// Memory that the runs keep now.
    synchronized long bytes() {
        return bytes;
    }

    /// About what a run keeps: see [Run].
    private static long estimate(Spec spec) {
        var model = spec.hosted().model().transformer();
        var heads = model.blocks().getFirst().attention().spec();
        long token = 4L
                * model.layers()
                * (model.dim() + (long) heads.headDim() * (2L * heads.heads() + 2L * heads.kvHeads()) + heads.heads());
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
        long start = System.nanoTime();
        try {
            if (next.abandoned()) {
                throw new CancellationException();
            }
            makeRoom(estimate(next.spec));
            next.running(0);
            Run run = next.spec.hosted().with(ops -> run(next, ops));
            double seconds = (System.nanoTime() - start) / 1e9;
            Parity parity = parity(run);
            synchronized (this) {
                bytes += run.bytes();
            }
            next.done(run, parity, seconds);
        } catch (CancellationException e) {
            fail(
                    next,
                    Refusal.of(
                            409,
                            "cancelled",
                            "The run was given up: everybody who waited for it has left.",
                            "Start it again."));
        } catch (Refusal e) {
            fail(next, e);
        } catch (IllegalArgumentException e) {
            fail(next, Refusal.bad(String.valueOf(e.getMessage()), "Change the text or the interventions."));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            fail(next, Refusal.of(503, "stopping", "The server is stopping.", "Start it again."));
        } catch (RuntimeException | Error e) {
            fail(
                    next,
                    Refusal.of(
                            500,
                            "failed",
                            "The run failed: " + e.getMessage(),
                            "Try another text; if it stays, report it."));
        }
    }

    private Run run(Held next, Ops ops) {
        Spec spec = next.spec;
        var model = spec.hosted().model().transformer();
        int[] ids = spec.prompt().ids();
        Probe probe = spec.changes().isEmpty() ? Probe.NONE : spec.changes().probe(model, ops, ids, spec.other());
        Run run = Run.of(model, ops, spec.changes().ids(ids), probe, (done, of) -> {
            next.running(done);
            return !next.abandoned();
        });
        double[] logits = run.logits(ops, run.tokens() - 1);
        for (double logit : logits) {
            if (!Double.isFinite(logit)) {
                run.close();
                spec.hosted().model().forward(ForwardPass.of(ops, ids).lastLogits());
                throw Refusal.of(
                        422,
                        "not_finite",
                        "The model's logits are no finite numbers on this text.",
                        "Look at the weights of the model, or at the changes.");
            }
        }
        return run;
    }

    private static Parity parity(Run run) {
        Parity all = null;
        for (int layer = 0; layer < run.model().layers(); layer++) {
            for (int head = 0; head < run.pattern(layer).spec().heads(); head++) {
                Parity one = run.parity(layer, head, PARITY_ROWS);
                all = all == null ? one : all.and(one);
            }
        }
        if (all == null) {
            throw new IllegalStateException("a model without heads");
        }
        return all;
    }

    private void fail(Held next, Refusal why) {
        synchronized (this) {
            held.remove(next.id, next);
        }
        next.failed(why);
    }

    /// Gives up runs that nobody uses, the longest unused first, until `needs` more fit.
    private synchronized void makeRoom(long needs) throws InterruptedException {
        long patience = System.nanoTime() + 30_000_000_000L;
        while (bytes + needs > budget) {
            Optional<Held> oldest = held.values().stream()
                    .filter(h -> h.state() == Held.State.DONE && h.leases == 0)
                    .min(Comparator.comparingLong(h -> h.used));
            if (oldest.isEmpty()) {
                if (System.nanoTime() > patience) {
                    throw Refusal.busy("All memory for runs is in use.", 5);
                }
                wait(500);
                continue;
            }
            Held gone = oldest.get();
            held.remove(gone.id);
            bytes -= gone.run().bytes();
            gone.run().close();
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            worker.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
