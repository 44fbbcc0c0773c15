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
        },
        footer = {
            "",
            "Other machines are let in by --host, which needs an API key. The key may also be in the",
            "environment variable CLEARHEAD_API_KEY, where no list of processes shows it. Use a proxy with",
            "TLS where the network is not your own."
        })
final class ServeCommand implements Callable<Integer> {
    private static final int CARRIERS = Math.max(16, 4 * Runtime.getRuntime().availableProcessors());

    private static final String READY =
            "The king had a daughter who was so beautiful that the king himself wondered whenever the daughter smiled.";

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            description = "A name, folder or file; several may be given, the first is shown first. Default: tales.")
    private List<String> models = new ArrayList<>();

    @Option(
            names = "--arithmetic",
            paramLabel = "exact|fast",
            defaultValue = ModelOption.ARITHMETIC,
            description = ModelOption.ARITHMETIC_HELP)
    private ModelOption.Arithmetic arithmetic = ModelOption.Arithmetic.fast;

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
            description = "What every call must carry (16 characters or more); needed for any host but this machine.")
    private Optional<String> key = Optional.empty();

    @Option(
            names = "--memory",
            paramLabel = "MB",
            defaultValue = "1024",
            description = "Megabytes of runs kept at most; the longest unused go first. Default: ${DEFAULT-VALUE}.")
    private long memory = 1024;

    @Option(
            names = "--queue",
            paramLabel = "N",
            defaultValue = "64",
            description = "Runs that may wait; more are told to come back. Default: ${DEFAULT-VALUE}.")
    private int queue = 64;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        // Handlers run on virtual threads, of which some compute: without more carriers than cores, these would keep
        // the
        // others from answering.
        setDefault("jdk.virtualThreadScheduler.parallelism", String.valueOf(CARRIERS));
        setDefault("jdk.virtualThreadScheduler.maxPoolSize", "256");
        // The HTTP library would say that nobody reads its log.
        setDefault("slf4j.internal.verbosity", "ERROR");
        if (models.isEmpty()) {
            models.add(ModelOption.BUNDLED);
        }
        if (memory < 1 || memory > Long.MAX_VALUE >> 20) {
            throw new UsageException("--memory " + memory + ": give megabytes, at least 1");
        }
        if (queue < 1) {
            throw new UsageException("--queue " + queue + ": at least one run must be able to wait");
        }
        List<Path> paths = models.stream().map(OpenModel::find).toList();
        Path page = Home.folder().resolve("web").resolve("dist");
        Serving serving;
        try {
            serving = new Serving(paths, arithmetic.of(), host, port, key(), memory << 20, queue, page, READY);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
        var line = spec.commandLine();
        serving.run((at, hasPage) -> {
            String shown = host.contains(":") ? "[" + host + "]" : host;
            line.getOut().println("Clearhead is at http://" + shown + ":" + at + "/");
            line.getOut().flush();
            if (!hasPage) {
                line.getErr()
                        .println("clearhead: the page is not built; the API works. Install Node 20.19 or newer with npm"
                                + " (https://nodejs.org) and start again, or use a release archive, which carries it");
                line.getErr().flush();
            }
        });
        return 0;
    }

    private Optional<String> key() {
        return key.or(() -> Optional.ofNullable(System.getenv("CLEARHEAD_API_KEY")))
                .filter(k -> !k.isEmpty());
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }
}
