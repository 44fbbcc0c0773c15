package clearhead.server;

import clearhead.model.Model;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Tokenizer;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/// A model that the server shows, and threads and memory to compute on. Operations run on platform
/// threads: kernels keep scratch memory for each thread, of which there may only be few.
final class Hosted implements AutoCloseable {
    /// Calls that compute at the same time; each holds a workspace.
    private static final int AT_ONCE = 4;

    /// Of these, calls that may take long.
    private static final int LONG_ONES = 2;

    private static final int WAITING = 128;

    /// A workspace that grew beyond this is given back to the machine after use.
    private static final long KEPT_BYTES = 128L << 20;

    private final Model model;
    private final String name;
    private final ArrayDeque<Workspace> free = new ArrayDeque<>();
    private final Turns turns = new Turns(AT_ONCE, WAITING, 30_000);
    private final Turns longTurns = new Turns(LONG_ONES, WAITING, 60_000);
    private final ExecutorService threads;

    Hosted(Model model) {
        this(model, model.name());
    }

    /// @param name what the API calls it
    Hosted(Model model, String name) {
        this.model = model;
        this.name = name;
        threads = Executors.newFixedThreadPool(
                AT_ONCE, Thread.ofPlatform().daemon().name("compute-", 0).factory());
    }

    Model model() {
        return model;
    }

    String name() {
        return name;
    }

    Optional<Tokenizer> tokenizer() {
        return model.hasTokenizer() ? Optional.of(model.tokenizer()) : Optional.empty();
    }

    /// Computes something short, such as the logits at a position; waits for a turn.
    ///
    /// @throws Refusal 429 if too many wait
    <T> T with(Function<Ops, T> body) throws InterruptedException {
        try (Turns.Turn turn = turns.take()) {
            return compute(body);
        }
    }

    /// Computes something that may take seconds or minutes, such as a sweep: never all turns go to
    /// such calls.
    <T> T atLength(Function<Ops, T> body) throws InterruptedException {
        try (Turns.Turn rare = longTurns.take();
                Turns.Turn turn = turns.take()) {
            return compute(body);
        }
    }

    private <T> T compute(Function<Ops, T> body) throws InterruptedException {
        Future<T> result = threads.submit(() -> borrow(body));
        try {
            return result.get();
        } catch (InterruptedException e) {
            // It ends by itself; what it reads must stay until then.
            awaitEnd(result);
            throw e;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    private static void awaitEnd(Future<?> result) {
        boolean interrupted = true;
        while (true) {
            try {
                result.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException e) {
                break;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private <T> T borrow(Function<Ops, T> body) {
        Workspace workspace;
        synchronized (free) {
            workspace = free.isEmpty() ? new Workspace() : free.pop();
        }
        try {
            return body.apply(model.backend().ops(workspace));
        } finally {
            if (workspace.reserved() > KEPT_BYTES) {
                workspace.close();
            } else {
                workspace.reset();
                synchronized (free) {
                    free.push(workspace);
                }
            }
        }
    }

    @Override
    public void close() {
        threads.shutdown();
        boolean ended;
        try {
            ended = threads.awaitTermination(5, java.util.concurrent.TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            ended = false;
        }
        if (!ended) {
            // Something still reads the model: the end of the process frees it.
            return;
        }
        synchronized (free) {
            free.forEach(Workspace::close);
        }
        model.close();
        model.backend().close();
    }
}
