package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        description = "Says which JDK, processor features and backend are in use, and why others are not; with a"
                + " MODEL, what that is and needs, without loading it.")
final class InfoCommand implements Callable<Integer> {
    private static final Set<String> TOLD = Set.of(
            "sse4_2",
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx512f",
            "avx512bw",
            "avx512vl",
            "avx512_vnni",
            "avx512_bf16",
            "avx_vnni",
            "amx_bf16",
            "amx_int8",
            "asimd",
            "sve",
            "bf16",
            "i8mm");

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the same (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "A model, as --model of other commands takes it.")
    private Optional<String> model = Optional.empty();

    @Override
    public Integer call() {
        if (model.isPresent()) {
            InfoModel.print(spec, model.get(), json.map(Destination::new));
            return 0;
        }
        var out = spec.commandLine().getOut();
        Map<String, String> facts = facts();
        List<State> states = states();
        Optional<Destination> to = json.map(Destination::new);
        to.ifPresent(t -> t.write(out, writer -> write(facts, states, writer)));
        if (to.filter(Destination::isStandardOutput).isPresent()) {
            return 0;
        }
        facts.forEach((name, value) -> out.printf("%-11s %s%n", name, value));
        for (State s : states) {
            String use = s.used() ? "in use: " : s.usable() ? "usable, not preferred: " : "not usable: ";
            out.printf("%-11s %-10s %s%s%n", "backend", s.name(), use, s.words());
        }
        return 0;
    }

    private static Map<String, String> facts() {
        Runtime jvm = Runtime.getRuntime();
        Processor processor = Processor.read();
        var facts = new LinkedHashMap<String, String>();
        facts.put("version", "clearhead " + Version.NUMBER);
        facts.put(
                "jdk",
                String.join(
                        ", ",
                        Runtime.version().toString(),
                        System.getProperty("java.vm.vendor"),
                        System.getProperty("java.home")));
        facts.put(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
        facts.put("processor", processor.name() + ", " + jvm.availableProcessors() + " cores for this process");
        facts.put("features", String.join(" ", processor.features()));
        facts.put(
                "memory",
                String.format(
                        Locale.ROOT,
                        "heap up to %.1f GiB; tensors live outside it",
                        jvm.maxMemory() / (double) (1 << 30)));
        facts.put("models", Home.models().toString());
        facts.put(
                "arithmetic",
                Backends.arithmetic().word() + ": " + Backends.arithmetic().meaning());
        return facts;
    }

    private static List<State> states() {
        String chosen;
        try (Backend backend = Backends.choose()) {
            chosen = backend.name();
        }
        var states = new ArrayList<State>();
        for (BackendProvider provider : Backends.all()) {
            List<String> obstacles = provider.obstacles();
            boolean used = provider.name().equals(chosen);
            String words = String.join("; ", obstacles);
            if (obstacles.isEmpty()) {
                try (Backend backend = provider.create(Backends.threads())) {
                    words = backend.description();
                }
            }
            states.add(new State(provider.name(), obstacles.isEmpty(), used, words));
        }
        return states;
    }

    private static void write(Map<String, String> facts, List<State> states, Writer to) {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject().field("command", "info");
            facts.forEach(w::field);
            w.name("backends").beginArray();
            for (State s : states) {
                w.beginObject().field("name", s.name()).field("usable", s.usable());
                w.field("in_use", s.used()).field(s.usable() ? "description" : "obstacles", s.words());
                w.endObject();
            }
            w.endArray().endObject();
        }
    }

    /// One backend here.
    ///
    /// @param words its description, or why it is not usable
    private record State(String name, boolean usable, boolean used, String words) {}

    /// Name and features of the processor, from /proc/cpuinfo where there is one.
    record Processor(String name, List<String> features) {
        static Processor read() {
            String name = "unknown";
            var features = new TreeSet<String>();
            Path cpuinfo = Path.of("/proc/cpuinfo");
            if (Files.isReadable(cpuinfo)) {
                try {
                    for (String line : Files.readAllLines(cpuinfo)) {
                        int colon = line.indexOf(':');
                        if (colon < 0) {
                            continue;
                        }
                        String key = line.substring(0, colon).strip();
                        String value = line.substring(colon + 1).strip();
                        if (key.equals("model name")) {
                            name = value;
                        } else if (key.equals("flags") || key.equals("Features")) {
                            for (String flag : value.split(" ")) {
                                if (TOLD.contains(flag)) {
                                    features.add(flag);
                                }
                            }
                        }
                    }
                } catch (IOException e) {
                    name = "unknown (" + e.getMessage() + ")";
                }
            }
            if (features.isEmpty()) {
                features.add("not known on this system");
            }
            return new Processor(name, List.copyOf(features));
        }
    }
}
