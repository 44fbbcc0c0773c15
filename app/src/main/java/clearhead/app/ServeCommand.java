package clearhead.app;

import clearhead.server.Serving;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        description = {
            "Serves the page: every number of a run, from the bytes to the next word.",
            "",
            "Open the address that it prints in a browser of this machine. Ctrl-C ends it."
        })
final class ServeCommand implements Callable<Integer> {
    private static final String READY =
            "The king had a daughter who was so beautiful that the king himself wondered whenever the daughter smiled.";

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            description = "A name, folder or file; several may be given, the first is shown first. Default: tales.")
    private List<String> models = new ArrayList<>();

    @Option(
            names = "--host",
            paramLabel = "H",
            defaultValue = "127.0.0.1",
            description = "Address to listen on. Default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(
            names = "--port",
            paramLabel = "P",
            defaultValue = "8080",
            description = "Port; 0 takes a free one. Default: ${DEFAULT-VALUE}.")
    private int port = 8080;

    @Option(
            names = "--api-key",
            paramLabel = "K",
            description = "What every call must carry; needed for any host but this machine.")
    private Optional<String> key = Optional.empty();

    @Option(
            names = "--memory",
            paramLabel = "MB",
            defaultValue = "2048",
            description = "Megabytes of runs kept at most. Default: ${DEFAULT-VALUE}.")
    private long memory = 2048;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (models.isEmpty()) {
            models.add(ModelOption.BUNDLED);
        }
        List<Path> paths = models.stream().map(OpenModel::find).toList();
        Path page = Home.folder().resolve("web").resolve("dist");
        var out = spec.commandLine().getOut();
        new Serving(paths, host, port, key, memory << 20, 16, page, READY).run(at -> {
            out.println("Clearhead is at http://" + host + ":" + at + "/");
            out.flush();
        });
        return 0;
    }
}
