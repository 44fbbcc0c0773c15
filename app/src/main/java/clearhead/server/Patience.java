package clearhead.server;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Request;

/// Closes connections whose request has begun but does not get on: the head of a request must be
/// there some seconds after its first byte. (A connection on which nothing comes at all ends by the
/// idle timeout.)
final class Patience implements Connection.Listener {
    private final long nanos;
    private final Map<Connection, Waiting> connections = new ConcurrentHashMap<>();

    /// A connection as it was last looked at.
    private static final class Waiting {
        private boolean busy;
        private long bytes;
        private long begun;
    }

    /// @param millis for the head of a request
    Patience(long millis) {
        nanos = millis * 1_000_000;
    }

    @Override
    public void onOpened(Connection connection) {
        connections.put(connection, new Waiting());
    }

    @Override
    public void onClosed(Connection connection) {
        connections.remove(connection);
    }

    void begin(Request request) {
        note(request, true);
    }

    void end(Request request) {
        note(request, false);
    }

    private void note(Request request, boolean busy) {
        Connection connection = request.getConnectionMetaData().getConnection();
        Waiting waiting = connections.get(connection);
        if (waiting != null) {
            synchronized (waiting) {
                waiting.busy = busy;
                waiting.bytes = connection.getBytesIn();
                waiting.begun = 0;
            }
        }
    }

    /// To be called every second or so.
    void look() {
        long now = System.nanoTime();
        connections.forEach((connection, waiting) -> {
            boolean late;
            synchronized (waiting) {
                boolean begun = !waiting.busy && connection.getBytesIn() != waiting.bytes;
                if (begun && waiting.begun == 0) {
                    waiting.begun = now;
                }
                late = begun && now - waiting.begun > nanos;
            }
            if (late) {
                connection.getEndPoint().close();
            }
        });
    }
}
