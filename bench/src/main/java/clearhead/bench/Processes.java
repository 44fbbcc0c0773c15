package clearhead.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// Programs that are run to their end.
final class Processes {
    private Processes() {}

    /// @return its exit status
    static int run(Path folder, List<String> command) throws IOException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .inheritIO()
                .start();
        return await(process);
    }

    static int await(Process process) throws IOException {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
