package clearhead.server;

import clearhead.model.Model;
import clearhead.ops.Backends;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/// What `clearhead serve` starts.
///
/// @param models files and folders; the first is the page's default
/// @param memory bytes of runs kept at most
/// @param queue runs that may wait
/// @param page folder of the built page
/// @param readyText what the page shows first
public record Serving(
        List<Path> models,
        String host,
        int port,
        Optional<String> key,
        long memory,
        int queue,
        Path page,
        String readyText) {

    /// Serves until the process is told to end.
    ///
    /// @param up told the port when the server answers
    public void run(IntConsumer up) throws Exception {
        var hosted = new ArrayList<Hosted>();
        for (Path path : models) {
            hosted.add(new Hosted(Model.load(path, Backends.choose())));
        }
        var site = new Site(List.copyOf(hosted), new Runs(memory, queue), readyText);
        try (var server = new PageServer(site, host, port, key, page)) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    server.close();
                } catch (Exception e) {
                    // It ends anyway.
                }
            }));
            server.start();
            up.accept(server.port());
            server.join();
        }
    }
}
