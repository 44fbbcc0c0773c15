package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.measure.Times;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Limits;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/// Speed of fused attention against PyTorch and ONNX Runtime, on the same inputs, in turns: one round is
/// a fraction of a second of passes on each side, of which the fastest counts; a shape's ratio is the
/// median over the rounds. The outputs of all sides are compared. At the end the bars.
///
/// ```
/// bench/run AttentionBench [--torch PYTHON] [--only forward,both,decode,extras,lambda,train] [--lengths 512,1024]
///     [--dims 64,128] [--threads 1,2] [--rounds 5] [--seconds 0.3] [--results FILE] [--no-onnx] [--cpu]
///     [--memory [--heads 1,16]]
/// ```
///
/// `--torch` names a Python with torch. `bench/run --avx2` keeps us and PyTorch to 256 bits. `--cpu` counts
/// the processor time of one thread on all sides instead of the time of day. `--memory` measures what 32k tokens
/// need instead of time. `--results` appends one line of JSON a shape.
public final class AttentionBench {
    /// A cache of 16 such processors would hold it.
    private static final int READ_FLOATS = 64 << 20;

    /// Before the first figure of all.
    private static final double WARM_UP_SECONDS = 4;

    private static final int WARM_UP_STRETCHES = 6;

    /// A stretch that takes more than this much of the fastest before it is not faster.
    private static final double SAME = 0.97;

    private final Options options;
    private final LongSupplier clock;
    private final Map<Integer, Double> peaks = new LinkedHashMap<>();
    private final Map<Integer, Double> readings = new LinkedHashMap<>();

    private boolean warm;

    private AttentionBench(Options options) {
        this.options = options;
        boolean cpu = options.has("--cpu");
        clock = cpu ? () -> ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System::nanoTime;
    }

    public static void main(String[] arguments) throws IOException {
        var options = new Options(arguments);
        System.out.println("processor: " + processor() + ", "
                + Runtime.getRuntime().availableProcessors() + " cores for this process");
        if (options.has("--memory")) {
            AttentionMemory.print(options.numbers("--heads", List.of(1, 16)));
            return;
        }
        new AttentionBench(options).run();
    }

    private void run() throws IOException {
        var all = new ArrayList<Measured>();
        List<Integer> threads = options.has("--cpu") ? List.of(1) : options.numbers("--threads", threads());
        int bits;
        try (var peers = new Peers();
                Backend probe = Backends.named("vector", 1)) {
            System.out.println("ours:      " + probe.description().replaceAll(", \\d+ threads?$", ""));
            bits = probe.limits().vectorBits();
            peers.start(options, bits, clock);
            for (String group : options.words("--only", AttentionCases.GROUPS)) {
                for (int n : threads) {
                    try (Backend backend = Backends.named("vector", n)) {
                        for (AttentionCases.Case c : cases(group)) {
                            measure(backend, n, c, peers.all, all);
                        }
                    }
                }
            }
        }
        peaks.forEach((n, peak) -> System.out.printf(
                Locale.ROOT, "peak of fused multiply-adds, %d threads: %.0f GFLOP/s%n", n, peak * 1e-9));
        readings.forEach(
                (n, rate) -> System.out.printf(Locale.ROOT, "reading, %d threads: %.1f GB/s%n", n, rate * 1e-9));
        String by = options.has("--cpu") ? ", processor time of one thread" : "";
        System.out.println("Bars, " + processor() + ", our vectors of " + bits + " bits" + by + ":");
        Bars.lines(all, bits).forEach(System.out::println);
    }

    private List<AttentionCases.Case> cases(String group) {
        return AttentionCases.of(
                group,
                options.numbers("--lengths", List.of(512, 1024, 2048, 4096, 8192)),
                options.numbers("--dims", List.of(64, 128)));
    }

    private static List<Integer> threads() {
        int cores = Runtime.getRuntime().availableProcessors();
        return cores == 1 ? List.of(1) : List.of(1, 2);
    }

    private void measure(Backend backend, int threads, AttentionCases.Case what, List<Peer> peers, List<Measured> all)
            throws IOException {
        List<Peer> others =
                what.other().isEmpty() ? peers : List.of(new Rival(what.other().get(), backend, clock));
        Measured m = measure(backend, threads, what, others);
        all.add(m);
        System.out.println(m.line());
        append(m);
    }

    private Measured measure(Backend backend, int threads, AttentionCases.Case what, List<Peer> peers)
            throws IOException {
        AttentionWork work = what.work();
        var ratios = new LinkedHashMap<String, Times>();
        var theirs = new LinkedHashMap<String, Times>();
        var differences = new LinkedHashMap<String, Double>();
        var left = new LinkedHashMap<String, String>();
        double seconds = options.number("--seconds", 0.3);
        int rounds = (int) options.number("--rounds", 5);
        try (var arena = Arena.ofShared();
                var workspace = new Workspace()) {
            var inputs = work.inputs(arena, 1);
            AttentionWork.Pass pass = work.on(backend, workspace, arena, inputs);
            float[] ours = pass.run().out().toFloats();
            var here = new ArrayList<Peer>();
            for (Peer peer : peers) {
                String obstacle = peer.obstacle(work);
                if (!obstacle.isEmpty()) {
                    left.put(peer.name(), obstacle);
                    continue;
                }
                peer.take(work, inputs, threads);
                if (peer.computesTheSame()) {
                    differences.put(peer.name(), largestDifference(ours, peer.output()));
                }
                peer.fastest(seconds);
                here.add(peer);
            }
            // Last, and after a first look at the limits: other callers of the same code undo compiled code.
            Optional<Tensor> memory = what.group().equals("decode")
                    ? Optional.of(Tensor.zeros(arena, DType.F32, READ_FLOATS))
                    : Optional.empty();
            limits(backend.limits(), threads, memory);
            warmUp(pass, seconds);
            double[] times = new double[rounds];
            double[][] others = new double[here.size()][rounds];
            double[][] quotients = new double[here.size()][rounds];
            for (int round = 0; round < rounds; round++) {
                limits(backend.limits(), threads, memory);
                settle();
                times[round] = Times.of(pass::run, seconds, 1, clock).fastest();
                for (int p = 0; p < here.size(); p++) {
                    settle();
                    others[p][round] = here.get(p).fastest(seconds);
                    quotients[p][round] = others[p][round] / times[round];
                }
            }
            for (int p = 0; p < here.size(); p++) {
                theirs.put(here.get(p).name(), new Times(others[p]));
                ratios.put(here.get(p).name(), new Times(quotients[p]));
                here.get(p).release();
            }
            var t = new Times(times);
            return new Measured(
                    what,
                    threads,
                    t,
                    ratios,
                    theirs,
                    differences,
                    left,
                    work.operations() / t.median() / peaks.getOrDefault(threads, Double.NaN),
                    work.cacheBytes() / t.median() / readings.getOrDefault(threads, Double.NaN));
        }
    }

    /// Until compilers have done what they will: a stretch is no longer faster than those before.
    private void warmUp(AttentionWork.Pass pass, double seconds) {
        double best =
                Times.of(pass::run, warm ? seconds : WARM_UP_SECONDS, 2, clock).fastest();
        warm = true;
        for (int stretch = 0; stretch < WARM_UP_STRETCHES; stretch++) {
            double next = Times.of(pass::run, seconds, 2, clock).fastest();
            if (next > SAME * best) {
                return;
            }
            best = Math.min(best, next);
        }
    }

    /// Threads of the side before stop spinning.
    private static void settle() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// @param memory to read; empty where reading is no bound
    private void limits(Limits limits, int threads, Optional<Tensor> memory) {
        peaks.merge(threads, limits.operations(clock), Math::max);
        memory.ifPresent(m -> readings.merge(threads, limits.reading(m, clock), Math::max));
    }

    private static double largestDifference(float[] a, float[] b) {
        if (a.length != b.length) {
            throw new IllegalStateException("outputs of " + a.length + " and of " + b.length + " elements");
        }
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            double difference = Math.abs((double) a[i] - b[i]);
            largest = difference <= largest ? largest : difference;
        }
        return largest;
    }

    private void append(Measured m) throws IOException {
        Optional<String> file = options.word("--results");
        if (file.isPresent()) {
            try (Writer to = Files.newBufferedWriter(
                    Path.of(file.get()),
                    StandardCharsets.UTF_8,
                    java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND)) {
                to.write(m.json() + "\n");
            }
        }
    }

    static String processor() throws IOException {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        if (Files.isReadable(cpuinfo)) {
            for (String line : Files.readAllLines(cpuinfo)) {
                if (line.startsWith("model name")) {
                    return line.substring(line.indexOf(':') + 1).strip();
                }
            }
        }
        return System.getProperty("os.arch");
    }

    /// The other sides, started once.
    private static final class Peers implements AutoCloseable {
        final List<Peer> all = new ArrayList<>();

        void start(Options options, int bits, LongSupplier clock) throws IOException {
            if (options.word("--torch").isPresent()) {
                all.add(new TorchAttention(options.word("--torch").get(), bits, options.has("--cpu")));
            }
            if (!options.has("--no-onnx")) {
                all.add(new OnnxAttention(clock));
            }
            for (Peer peer : all) {
                System.out.println("peer:      " + peer.description());
            }
        }

        @Override
        public void close() {
            all.forEach(Peer::close);
        }
    }
}
