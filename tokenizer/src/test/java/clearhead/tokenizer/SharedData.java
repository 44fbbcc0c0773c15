package clearhead.tokenizer;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/// The folder with vectors and corpora that is not part of the repository.
public final class SharedData {

    private SharedData() {}

    public static Path path(String relative) {
        Path shared = Path.of(System.getProperty("shared", "../../shared"));
        Path path = shared.resolve(relative);
        if (!Files.exists(path)) {
            if ("true".equals(System.getenv("CI"))) {
                throw new IllegalStateException("missing: " + path + "; give -Dshared=DIR");
            }
            System.out.println("skipped: " + path + " is missing");
            assumeTrue(false, "missing " + path);
        }
        return path;
    }
}
