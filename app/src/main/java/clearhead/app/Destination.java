package clearhead.app;

import clearhead.io.AtomicFile;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/// Where `--json FILE` and `--csv FILE` write to; `-` is standard output.
record Destination(String name) {

    /// What `--json` and `--csv` say.
    record Both(Optional<Destination> json, Optional<Destination> csv) {

        /// Whether standard output belongs to one of them, and not to text for people.
        boolean quiet() {
            return json.filter(Destination::isStandardOutput).isPresent()
                    || csv.filter(Destination::isStandardOutput).isPresent();
        }
    }

    static Both both(Optional<String> json, Optional<String> csv) {
        if (json.equals(csv) && json.isPresent()) {
            throw new UsageException("--json and --csv cannot both go to " + json.get());
        }
        return new Both(json.map(Destination::new), csv.map(Destination::new));
    }

    boolean isStandardOutput() {
        return name.equals("-");
    }

    /// Writes all at once.
    ///
    /// @param out standard output
    void write(PrintWriter out, Content content) {
        try {
            if (isStandardOutput()) {
                var unclosed = new java.io.FilterWriter(out) {
                    @Override
                    public void close() throws IOException {
                        flush();
                    }
                };
                content.write(unclosed);
                out.flush();
                return;
            }
            AtomicFile.write(Path.of(name), stream -> {
                try (Writer writer = new OutputStreamWriter(stream, StandardCharsets.UTF_8)) {
                    content.write(writer);
                }
            });
        } catch (UncheckedIOException e) {
            throw e;
        } catch (IOException e) {
            throw failed(e);
        } catch (RuntimeException e) {
            // A writer of JSON wraps what went wrong below it.
            throw e.getCause() instanceof IOException cause ? failed(cause) : e;
        }
    }

    private UncheckedIOException failed(IOException e) {
        return new UncheckedIOException("cannot write " + name + ": " + e.getMessage(), e);
    }

    /// What is written.
    @FunctionalInterface
    interface Content {
        void write(Writer to) throws IOException;
    }
}
