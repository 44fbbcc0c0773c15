package clearhead.server;

import clearhead.model.Model;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Tokenizer;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.function.Function;

/// A model that the server shows, and memory to compute on.
final class Hosted implements AutoCloseable {
    /// Calls that compute at the same time; each holds a workspace.
    private static final int AT_ONCE = 4;

    private final Model model;
    private final ConcurrentLinkedDeque<Workspace> free = new ConcurrentLinkedDeque<>();
    private final Semaphore turns = new Semaphore(AT_ONCE, true);

    Hosted(Model model) {
        this.model = model;
    }

    Model model() {
        return model;
    }

    String name() {
        return model.name();
    }

    Optional<Tokenizer> tokenizer() {
        return model.hasTokenizer() ? Optional.of(model.tokenizer()) : Optional.empty();
    }

    /// Computes something; waits for a turn.
    <T> T with(Function<Ops, T> body) throws InterruptedException {
        turns.acquire();
        Workspace workspace = free.isEmpty() ? new Workspace() : free.pop();
        try {
            return body.apply(model.backend().ops(workspace));
        } finally {
            workspace.reset();
            free.push(workspace);
            turns.release();
        }
    }

    @Override
    public void close() {
        free.forEach(Workspace::close);
        model.close();
        model.backend().close();
    }
}
