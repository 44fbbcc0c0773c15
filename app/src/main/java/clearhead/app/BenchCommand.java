package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.measure.Times;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Times attention, or products with weights, on this machine: medians, their range, and the fraction of the"
                    + " peak that this machine reaches in the same run.",
            "",
            "The peak is that of fused multiply-adds (two operations each): ten independent chains on registers, in the"
                    + " kernels' own vectors, on every thread, measured again before each figure; the highest counts."
                    + " Decoding, and the product of one token, are bound by memory: their measure is the rate at which"
                    + " the same threads sum 256 MiB. Causal attention is credited with half the operations of full."
                    + " Takes about a minute on an idle machine."
        })
final class BenchCommand implements Callable<Integer> {
    private static final List<String> SUBJECTS = List.of("attention", "matmul");

    @Parameters(paramLabel = "attention|matmul", description = "What is timed.")
    private String subject = "";

    @Option(names = "--threads", paramLabel = "N", description = "Measure on one thread and on N. Default: all cores.")
    private Optional<Integer> threads = Optional.empty();

    @Option(
            names = "--lengths",
            paramLabel = "T",
            split = ",",
            description =
                    "Tokens of the attention shapes. Default: 512,1024,2048,4096; without vector kernels" + " 64,128.")
    private List<Integer> lengths = List.of();

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description =
                    "Time each figure for about so long, and three passes at least. Default:" + " ${DEFAULT-VALUE}.")
    private double seconds = 0.3;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write every time in full precision (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        check();
        PrintWriter out = spec.commandLine().getOut();
        Optional<Destination> destination =
                Destination.both(json, Optional.empty()).json();
        var speeds = new Speeds(seconds, progress());
        String name;
        String description;
        int most = threads.orElse(Backends.threads());
        try (Backend one = Backends.choose(1)) {
            name = one.name();
            description = one.description().replaceAll(", \\d+ threads?$", "");
            measure(speeds, one, 1);
            if (most > 1 && !Speeds.isScalar(one)) {
                try (Backend all = Backends.choose(most)) {
                    measure(speeds, all, most);
                }
            }
        }
        clearProgress();
        var backend = new Chosen(name, description);
        if (destination.filter(Destination::isStandardOutput).isEmpty()) {
            print(out, speeds, backend);
        }
        destination.ifPresent(d -> d.write(out, to -> write(to, speeds, backend)));
        return 0;
    }

    /// The backend that was measured.
    private record Chosen(String name, String description) {}

    private void check() {
        if (!SUBJECTS.contains(subject)) {
            throw new UsageException("bench wants attention or matmul, found " + subject);
        }
        if (threads.isPresent() && (threads.get() < 1 || threads.get() > 1024)) {
            throw new UsageException("--threads wants 1 to 1024, found " + threads.get());
        }
        for (int tokens : lengths) {
            if (tokens < 1 || tokens > 32768) {
                throw new UsageException("--lengths wants 1 to 32768 tokens, found " + tokens);
            }
        }
        if (!(seconds >= 0 && seconds <= 600)) {
            throw new UsageException("--seconds wants 0 to 600, found " + seconds);
        }
    }

    private void measure(Speeds speeds, Backend backend, int on) {
        if (subject.equals("matmul")) {
            speeds.matmul(backend, on);
        } else if (lengths.isEmpty()) {
            speeds.attention(backend, on, Speeds.isScalar(backend) ? List.of(64, 128) : List.of(512, 1024, 2048, 4096));
        } else {
            speeds.attention(backend, on, lengths);
        }
    }

    private void print(PrintWriter out, Speeds speeds, Chosen backend) {
        out.println("processor  " + InfoCommand.Processor.read().name() + ", "
                + Runtime.getRuntime().availableProcessors() + " cores for this process");
        out.println("backend    " + backend.name() + ": " + backend.description());
        limits(out, "peak", "GFLOP/s", speeds.peaks());
        limits(out, "reading", "GB/s", speeds.readings());
        out.println();
        out.println("Medians [slowest to fastest pass], " + (subject.equals("attention") ? "batch 1, 16 heads, " : "")
                + "float32.");
        String kind = "";
        for (Speeds.Figure f : speeds.figures()) {
            if (!f.kind().equals(kind)) {
                kind = f.kind();
                out.println(kind);
            }
            Times t = f.seconds();
            String of = f.bytes() > 0
                    ? format("%6.1f GB/s, %3.0f %% of reading", f.gigabytes(), 100 * speeds.ofReading(f))
                    : format("%3.0f %% of peak", 100 * speeds.ofPeak(f));
            out.println(format(
                    "  %-38s %d %-7s %9.3f ms %7.1f GFLOP/s [%.1f to %.1f, %d passes], %s",
                    f.name(),
                    f.threads(),
                    f.threads() == 1 ? "thread" : "threads",
                    t.median() * 1e3,
                    f.gflops(),
                    f.operations() / t.slowest() * 1e-9,
                    f.operations() / t.fastest() * 1e-9,
                    t.sorted().length,
                    of));
        }
    }

    private static void limits(PrintWriter out, String name, String unit, Map<Integer, List<Double>> samples) {
        samples.forEach((threads, values) -> {
            var sorted = new Times(values.stream().mapToDouble(v -> v * 1e-9).toArray());
            out.println(format(
                    "%-10s %.1f %s on %d %s; highest of %d measurements, median %.1f, lowest %.1f",
                    name,
                    sorted.slowest(),
                    unit,
                    threads,
                    threads == 1 ? "thread" : "threads",
                    values.size(),
                    sorted.median(),
                    sorted.fastest()));
        });
    }

    private void write(Writer to, Speeds speeds, Chosen backend) {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject().field("command", "bench").field("subject", subject);
            w.field("processor", InfoCommand.Processor.read().name());
            w.field("cores", Runtime.getRuntime().availableProcessors());
            w.field("backend", backend.name()).field("description", backend.description());
            limits(w, "peaks", "operations_per_second", speeds.peaks());
            limits(w, "readings", "bytes_per_second", speeds.readings());
            w.name("figures").beginArray();
            for (Speeds.Figure f : speeds.figures()) {
                w.beginObject().field("kind", f.kind()).field("name", f.name());
                f.sizes().forEach(w::field);
                w.field("threads", f.threads()).field("operations", f.operations());
                w.field("median", f.seconds().median());
                w.name("seconds").value(f.seconds().sorted());
                w.field("gflops", f.gflops()).field("of_peak", speeds.ofPeak(f));
                if (f.bytes() > 0) {
                    w.field("bytes", f.bytes()).field("of_reading", speeds.ofReading(f));
                }
                w.endObject();
            }
            w.endArray().endObject();
        }
    }

    private static void limits(JsonWriter w, String name, String field, Map<Integer, List<Double>> samples) {
        w.name(name).beginArray();
        samples.forEach((threads, values) -> {
            double[] all = values.stream().mapToDouble(v -> v).toArray();
            w.beginObject().field("threads", threads).field(field, new Times(all).slowest());
            w.name("measurements").value(all).endObject();
        });
        w.endArray();
    }

    /// One line on standard error that is written over.
    private Consumer<String> progress() {
        if (!Terminal.current().color()) {
            return words -> {};
        }
        PrintWriter err = spec.commandLine().getErr();
        return words -> {
            err.print("\r\u001b[K" + words + " ");
            err.flush();
        };
    }

    private void clearProgress() {
        if (Terminal.current().color()) {
            PrintWriter err = spec.commandLine().getErr();
            err.print("\r\u001b[K");
            err.flush();
        }
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
