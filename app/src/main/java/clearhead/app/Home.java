package clearhead.app;

import java.nio.file.Path;

/// Where Clearhead is installed: the folder of the launcher.
final class Home {
    private Home() {}

    static Path folder() {
        return Path.of(System.getProperty("clearhead.home", "."));
    }

    /// The folder of the bundled models.
    static Path models() {
        return folder().resolve("models");
    }
}
