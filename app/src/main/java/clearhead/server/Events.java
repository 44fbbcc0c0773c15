package clearhead.server;

import clearhead.io.JsonWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/// Server-sent events. Writing throws when the caller has left.
final class Events implements AutoCloseable {
    private final OutputStream out;

    Events(OutputStream out) {
        this.out = out;
    }

    void send(String event, Consumer<JsonWriter> data) throws IOException {
        var text = new StringWriter();
        try (var json = JsonWriter.to(text, false)) {
            data.accept(json);
        }
        write("event: " + event + "\ndata: " + text + "\n\n");
    }

    /// A comment, to find out whether somebody still listens.
    void ping() throws IOException {
        write(": ping\n\n");
    }

    private synchronized void write(String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
