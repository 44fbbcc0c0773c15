package clearhead.app;

import clearhead.hub.Hub;
import clearhead.hub.HubName;
import clearhead.hub.HubSettings;
import clearhead.io.ModelFileException;
import java.io.PrintWriter;
import java.nio.file.Path;

/// The hub, as commands see it.
final class ModelHub {
    private ModelHub() {}

    /// The path of a model of the hub; downloads what is missing and says so on standard error.
    ///
    /// @param name `hf:org/name[@revision][:file]`
    static Path find(String name) {
        return open(Main.utf8(Main.errors())).find(name(name));
    }

    static Hub open(PrintWriter err) {
        var settings = HubSettings.current();
        return new Hub(settings, new PullProgress(err, PullProgress.onTerminal()));
    }

    /// A name that is wrong is wrong usage.
    static HubName name(String text) {
        try {
            return HubName.parse(text);
        } catch (ModelFileException e) {
            throw new UsageException(e.getMessage());
        }
    }
}
