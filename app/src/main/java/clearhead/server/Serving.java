package clearhead.server;

import clearhead.inspect.Interventions;
import clearhead.inspect.Run;
import clearhead.model.Model;
import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tokenizer.Special;
import clearhead.view.Prompt;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/// What `clearhead serve` starts.
///
/// @param models files and folders; the first is the page's default
/// @param arithmetic of quantized weights
/// @param key empty for none, which only a server on this machine may have
/// @param memory bytes of runs kept at most
/// @param queue runs that may wait
/// @param page folder of the built page
/// @param readyText what the page shows first
public record Serving(
        List<Path> models,
        Arithmetic arithmetic,
        String host,
        int port,
        Optional<String> key,
        long memory,
        int queue,
        Path page,
        String readyText) {
    /// Shortest key that is accepted.
    public static final int KEY_CHARACTERS = 16;

    /// How often the ready text is run to get the kernels compiled, at most, and for how long.
    private static final int WARM_RUNS = 30;

    private static final long WARM_NANOS = 4_000_000_000L;

    /// @throws IllegalArgumentException if it cannot be served; the message says why
    public Serving {
        if (port < 0 || port > 65_535) {
            throw new IllegalArgumentException("--port " + port + ": a port is a number from 0 to 65535");
        }
        if (key.isPresent() && !key.get().matches("[!-~]{" + KEY_CHARACTERS + ",200}")) {
            throw new IllegalArgumentException("the API key must have " + KEY_CHARACTERS
                    + " to 200 characters, all of them printable ASCII and none a space");
        }
        if (!Door.isLocal(host) && key.isEmpty()) {
            throw new IllegalArgumentException("--host " + host + " lets other machines in; give an API key, too:"
                    + " --api-key KEY, or the environment variable CLEARHEAD_API_KEY");
        }
        requireHost(host);
        if (memory < 1 << 20) {
            throw new IllegalArgumentException("--memory must be at least 1 MB");
        }
    }

    /// Serves until the process is told to end.
    ///
    /// @param up told the port when the server answers, and whether there is a page
    public void run(BiConsumer<Integer, Boolean> up) throws Exception {
        var site = new Site(load(), new Runs(memory, queue), readyText);
        try (var server = new PageServer(site, host, port, key, page)) {
            try {
                server.start();
            } catch (IOException e) {
                throw new IOException(
                        "port " + port + " on " + host + " cannot be had ("
                                + (e.getCause() == null ? e : e.getCause()).getMessage()
                                + "); choose another with --port, or --port 0 for any that is free",
                        e);
            }
            // Told to end, the server has done all that it was asked: exit code 0, not that of a signal.
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    server.close();
                } catch (Exception e) {
                    // It ends anyway.
                }
                Runtime.getRuntime().halt(0);
            }));
            up.accept(server.port(), server.hasPage());
            Thread.ofPlatform()
                    .daemon()
                    .name("warm")
                    .priority(Thread.MIN_PRIORITY)
                    .start(() -> warm(site));
            server.join();
        }
    }

    private static void requireHost(String host) {
        try {
            InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(
                    "--host " + host + ": there is no such address; use 127.0.0.1, or 0.0.0.0 for all of this machine");
        }
    }

    private List<Hosted> load() {
        Backend backend = Backends.choose(Backends.threads(), arithmetic);
        var hosted = new ArrayList<Hosted>();
        try {
            for (Path path : models) {
                Model model = Model.load(path, backend);
                model.requireDecoder();
                hosted.add(new Hosted(model, unused(model.name(), hosted)));
            }
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
        return List.copyOf(hosted);
    }

    /// The name, with a number where two models have the same.
    private static String unused(String name, List<Hosted> others) {
        for (int n = 1; ; n++) {
            String tried = n == 1 ? name : name + "-" + n;
            if (others.stream().noneMatch(h -> h.name().equals(tried))) {
                return tried;
            }
        }
    }

    /// Runs the ready text, so that it is there when the page opens, and then a few times more until
    /// the kernels are compiled or somebody has work to do.
    private static void warm(Site site) {
        Hosted hosted = site.models().getFirst();
        if (hosted.tokenizer().isEmpty()) {
            return;
        }
        try {
            Prompt prompt = Prompt.ofText(site.readyText(), hosted.tokenizer().get(), Special.ADD)
                    .checked(hosted.model());
            Held ready =
                    site.runs().start(new Spec(hosted, site.readyText(), prompt, Interventions.NONE, "", new int[0]));
            while (ready.state() == Held.State.QUEUED || ready.state() == Held.State.RUNNING) {
                ready.await(ready.state(), ready.layer(), 1000);
            }
            long end = System.nanoTime() + WARM_NANOS;
            for (int n = 0;
                    n < WARM_RUNS && System.nanoTime() < end && site.runs().idle();
                    n++) {
                hosted.with(ops -> {
                    try (Run run = Run.of(hosted.model().transformer(), ops, prompt.ids())) {
                        return Findings.of(run);
                    }
                });
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            // The page will say it: the ready text is too long for the model, or the model is damaged.
        }
    }
}
