package clearhead.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/// What the machine has left.
public final class Memory {
    private Memory() {}

    /// Bytes that a program may still take without swapping, where the system says so.
    public static OptionalLong available() {
        Path meminfo = Path.of("/proc/meminfo");
        if (Files.isReadable(meminfo)) {
            try {
                for (String line : Files.readAllLines(meminfo)) {
                    if (line.startsWith("MemAvailable:")) {
                        String kilobytes = line.replaceAll("[^0-9]", "");
                        return OptionalLong.of(Long.parseLong(kilobytes) * 1024);
                    }
                }
            } catch (IOException | NumberFormatException e) {
                return OptionalLong.empty();
            }
        }
        return OptionalLong.empty();
    }

    /// Refuses in one line what will not fit.
    ///
    /// @param what named in the message, such as `model tales`
    /// @param remedy what to do instead
    /// @throws IllegalStateException if the machine says that it has less
    public static void require(String what, long bytes, String remedy) {
        OptionalLong available = available();
        if (available.isPresent() && bytes > available.getAsLong()) {
            throw new IllegalStateException(what + " needs " + text(bytes) + " of memory, "
                    + text(available.getAsLong()) + " are free; " + remedy);
        }
    }

    /// `98 MB`, `1.3 GB`.
    public static String text(long bytes) {
        if (bytes < 10_000_000) {
            return String.format(java.util.Locale.ROOT, "%.1f MB", bytes / 1e6);
        }
        return bytes < 1_000_000_000
                ? String.format(java.util.Locale.ROOT, "%.0f MB", bytes / 1e6)
                : String.format(java.util.Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
