package clearhead.fuzz;

import clearhead.io.ModelFileException;
import clearhead.tokenizer.TokenizerException;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/// What Jazzer calls with bytes of its choice. A file that is refused gives one of the exceptions
/// of files; anything else is a finding, and so is memory beyond what the file's size justifies.
public final class Target {
    /// What reading any file may allocate.
    private static final long ANY_FILE = 8 << 20;

    private static final long MOST_NANOS = 5_000_000_000L;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static Reader reader = Reader.GGUF;
    private static Path file = Path.of("");

    private Target() {}

    /// @param arguments the name of a [Reader], and the folder for its file
    public static void fuzzerInitialize(String[] arguments) {
        reader = Reader.valueOf(arguments[0]);
        file = Path.of(arguments[1], "fuzzed" + reader.ending());
    }

    public static void fuzzerTestOneInput(byte[] bytes) {
        try {
            Files.write(file, bytes);
            long allowed = ANY_FILE + (long) bytes.length * reader.bytesPerByte();
            long cost = cost();
            // Classes that are loaded on the way cost too, the first time.
            for (int again = 0; again < 3 && cost > allowed; again++) {
                cost = cost();
            }
            if (cost > allowed) {
                throw new IllegalStateException(bytes.length + " bytes cost " + cost + " of memory");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Bytes that reading the file allocates on this thread.
    private static long cost() throws IOException {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        long start = THREADS.getCurrentThreadCpuTime();
        try {
            reader.read(file);
        } catch (ModelFileException | TokenizerException _) {
            // refused
        }
        // The processor's time: a busy machine is no finding.
        if (THREADS.getCurrentThreadCpuTime() - start > MOST_NANOS) {
            throw new IllegalStateException("took more than five seconds");
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
