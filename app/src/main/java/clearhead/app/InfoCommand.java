package clearhead.app;

import clearhead.ops.Backend;
import clearhead.ops.BackendProvider;
import clearhead.ops.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        description = "Says which JDK, processor features and backend are in use, and why others are" + " not.")
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

    @Override
    public Integer call() {
        var out = spec.commandLine().getOut();
        Runtime jvm = Runtime.getRuntime();
        out.println("version     clearhead " + Version.NUMBER);
        out.println("jdk         " + Runtime.version() + ", " + System.getProperty("java.vm.vendor") + ", "
                + System.getProperty("java.home"));
        out.println("system      " + System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                + System.getProperty("os.arch"));
        Processor processor = Processor.read();
        out.println("processor   " + processor.name() + ", " + jvm.availableProcessors() + " cores for this process");
        out.println("features    " + String.join(" ", processor.features()));
        out.printf("memory      heap up to %.1f GiB; tensors live outside it%n", jvm.maxMemory() / (double) (1 << 30));
        out.println("models      " + Home.models());
        boolean chosen = false;
        for (BackendProvider provider : Backends.all()) {
            List<String> obstacles = provider.obstacles();
            String state;
            if (!obstacles.isEmpty()) {
                state = "not usable: " + String.join("; ", obstacles);
            } else {
                try (Backend backend = provider.create(jvm.availableProcessors())) {
                    state = (chosen ? "usable, not preferred: " : "in use: ") + backend.description();
                }
                chosen = true;
            }
            out.printf("backend     %-10s %s%n", provider.name(), state);
        }
        out.println("arithmetic  exact: float32 activations on dequantized weights");
        return 0;
    }

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
