package clearhead.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/// Finds vectors, golden files and corpora that are not part of this repository: the folder named by
/// the system property `shared`, by default `../shared` beside the repository. Where a file or folder
/// is missing, the test that asked for it is skipped with one printed line; with `CI=true` in the
/// environment it fails.
public final class SharedData {
    private static final Set<Path> REPORTED = ConcurrentHashMap.newKeySet();

    private SharedData() {}

    /// The folder that holds `vectors`, `golden` and `corpora`; it may not exist.
    public static Path root() {
        String shared = System.getProperty("shared");
        if (shared != null && !shared.isBlank()) {
            return Path.of(shared).toAbsolutePath().normalize();
        }
        return repository().resolve("../shared").normalize();
    }

    /// The root of this repository.
    public static Path repository() {
        String root = System.getProperty("root");
        if (root != null && !root.isBlank()) {
            return Path.of(root).toAbsolutePath().normalize();
        }
        Path here = Path.of("").toAbsolutePath();
        return Files.isDirectory(here.resolve("core/src"))
                ? here
                : here.resolve("..").normalize();
    }

    /// Whether `path` is there, without skipping or failing anything.
    public static boolean has(String path) {
        return Files.exists(root().resolve(path));
    }

    /// A file or folder below the shared folder, such as `vectors/onnx`. Skips the calling test where
    /// it is missing.
    public static Path path(String path) {
        Path wanted = root().resolve(path);
        if (!Files.exists(wanted)) {
            String line = "no shared data at " + wanted + " (set -Dshared=FOLDER)";
            if ("true".equals(System.getenv("CI"))) {
                Assertions.fail(line);
            }
            if (REPORTED.add(wanted)) {
                System.out.println("skipped: " + line);
            }
            Assumptions.abort(line);
        }
        return wanted;
    }
}
