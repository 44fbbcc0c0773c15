package clearhead.hub;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The bytes of an answer, piece by piece, none of them asked for before the last one is taken. Where nothing comes for
/// a while it gives up; the JDK's own time-out ends with the head of the answer.
final class Body implements HttpResponse.BodySubscriber<Body>, AutoCloseable {
    private sealed interface Event {
        record Piece(List<ByteBuffer> buffers) implements Event {}

        record Failure(Throwable cause) implements Event {}

        record End() implements Event {}
    }

    private final Duration stall;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private volatile Flow.@Nullable Subscription subscription;
    private volatile boolean closed;

    Body(Duration stall) {
        this.stall = stall;
    }

    @Override
    public CompletionStage<Body> getBody() {
        return CompletableFuture.completedStage(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        if (closed) {
            given.cancel();
        } else {
            given.request(1);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> item) {
        events.add(new Event.Piece(item));
    }

    @Override
    public void onError(Throwable throwable) {
        events.add(new Event.Failure(throwable));
    }

    @Override
    public void onComplete() {
        events.add(new Event.End());
    }

    /// The next piece, or nothing after the last.
    Optional<List<ByteBuffer>> next() throws IOException, InterruptedException {
        Event event = events.poll(stall.toMillis(), TimeUnit.MILLISECONDS);
        if (event == null) {
            close();
            throw new HttpTimeoutException("nothing came for " + stall.toMillis() / 1000.0 + " s");
        }
        return switch (event) {
            case Event.Piece(List<ByteBuffer> buffers) -> {
                Flow.Subscription from = subscription;
                if (from != null) {
                    from.request(1);
                }
                yield Optional.of(buffers);
            }
            case Event.Failure(Throwable cause) -> throw new IOException(reason(cause), cause);
            case Event.End() -> Optional.empty();
        };
    }

    private static String reason(Throwable cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    /// Lets the connection go, if there is more to come.
    @Override
    public void close() {
        closed = true;
        Flow.Subscription from = subscription;
        if (from != null) {
            from.cancel();
        }
    }
}
