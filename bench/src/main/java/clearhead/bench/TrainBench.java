package clearhead.bench;

import clearhead.model.Architecture;
import clearhead.model.Config;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.train.AdamW;
import clearhead.train.Learner;
import clearhead.train.Parameters;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.LongSupplier;

/// Tokens a second of whole training steps (forward, backward, clipping, AdamW), and PyTorch's beside
/// them, in turns.
///
/// Usage: `TrainBench [--threads N] [--rounds N] [--seconds S] [--python EXECUTABLE] [--only TEXT] [--clock cpu]`; with
/// `--python` it starts `bench/peers/train_torch.py`. The figures are medians over the rounds. `--clock cpu`, with
/// one thread, counts the thread's processor time, which other programs disturb less.
public final class TrainBench {
    private static final double WARM_UP_SECONDS = 12;
    private static final Case[] CASES = {
        new Case("nanoGPT char: 4 layers, 4 heads, 128 wide", "gpt2", 65, 4, 4, 4, 32, 512, 12, 64),
        new Case("tales: 6 layers, 4 heads, 192 wide", "llama", 3072, 6, 4, 2, 48, 512, 12, 256),
        new Case("6 layers, 8 heads, 256 wide", "llama", 4096, 6, 8, 4, 32, 688, 12, 256),
    };

    private record Case(
            String name,
            String kind,
            int vocab,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int hidden,
            int batch,
            int context) {

        int tokens() {
            return batch * context;
        }

        Architecture architecture() {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("model_type", kind);
            fields.put("vocab_size", vocab);
            fields.put("tie_word_embeddings", true);
            if (kind.equals("gpt2")) {
                fields.putAll(Map.of(
                        "n_positions", context,
                        "n_embd", heads * headDim,
                        "n_layer", layers,
                        "n_head", heads,
                        "n_inner", hidden));
            } else {
                fields.putAll(Map.of(
                        "max_position_embeddings", context,
                        "hidden_size", heads * headDim,
                        "num_hidden_layers", layers,
                        "num_attention_heads", heads,
                        "num_key_value_heads", kvHeads,
                        "head_dim", headDim,
                        "intermediate_size", hidden));
            }
            return Architecture.of(Config.of("bench", fields));
        }

        String line() {
            return "case %s %d %d %d %d %d %d %d %d"
                    .formatted(kind, vocab, layers, heads, kvHeads, headDim, hidden, batch, context);
        }
    }

    /// Something that takes training steps.
    private interface Runner extends AutoCloseable {
        /// @return seconds
        double steps(int count);

        @Override
        void close();
    }

    private TrainBench() {}

    public static void main(String[] args) throws IOException {
        var options = new LinkedHashMap<String, String>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        int threads = Integer.parseInt(
                options.getOrDefault("--threads", "" + Runtime.getRuntime().availableProcessors()));
        int rounds = Integer.parseInt(options.getOrDefault("--rounds", "5"));
        double seconds = Double.parseDouble(options.getOrDefault("--seconds", "2"));
        String only = options.getOrDefault("--only", "");
        boolean cpu = options.getOrDefault("--clock", "").equals("cpu");
        if (cpu && threads != 1) {
            throw new IllegalArgumentException("--clock cpu needs --threads 1");
        }
        LongSupplier clock = cpu ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime : System::nanoTime;
        Optional<Peer> peer = Optional.ofNullable(options.get("--python")).map(p -> Peer.start(p, cpu));
        try (Backend backend = Backends.named("vector", threads)) {
            System.out.println(
                    backend.description() + peer.map(p -> "; " + p.version).orElse(""));
            for (Case c : CASES) {
                if (c.name.contains(only)) {
                    measure(c, backend, peer, threads, rounds, seconds, clock);
                }
            }
        }
        peer.ifPresent(Peer::close);
    }

    private static void measure(
            Case c, Backend backend, Optional<Peer> peer, int threads, int rounds, double seconds, LongSupplier clock) {
        peer.ifPresent(p -> p.begin(c, threads));
        try (var ours = new Ours(c, backend, clock)) {
            var speeds = new double[rounds];
            var peers = new double[rounds];
            var ratios = new double[rounds];
            int count = calibrate(ours, seconds);
            int peerCount = peer.map(p -> calibrate(p, seconds)).orElse(0);
            for (int r = 0; r < rounds; r++) {
                speeds[r] = (double) count * c.tokens() / ours.steps(count);
                if (peer.isPresent()) {
                    peers[r] = (double) peerCount * c.tokens() / peer.get().steps(peerCount);
                    ratios[r] = speeds[r] / peers[r];
                }
            }
            System.out.printf(
                    Locale.ROOT, "%s, batch %d × %d: %,.0f tokens/s", c.name, c.batch, c.context, median(speeds));
            if (peer.isPresent()) {
                System.out.printf(
                        Locale.ROOT,
                        "; PyTorch %,.0f; ratio %.2f (%.2f to %.2f)",
                        median(peers),
                        median(ratios),
                        Arrays.stream(ratios).min().orElseThrow(),
                        Arrays.stream(ratios).max().orElseThrow());
            }
            System.out.println();
        }
    }

    /// Warms up until the compiler has made its last versions of the kernels, which on two busy cores takes seconds,
    /// and finds
    /// how many steps take about `seconds`.
    private static int calibrate(Runner runner, double seconds) {
        double warm = 0;
        double last = 1;
        int count = 0;
        while (warm < Math.max(WARM_UP_SECONDS, 2 * seconds)) {
            last = runner.steps(1);
            warm += last;
            count++;
        }
        return Math.max(1, (int) Math.round(seconds / Math.min(last, warm / count)));
    }

    private static double median(double[] values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static final class Ours implements Runner {
        private final Arena arena = Arena.ofShared();
        private final Backend backend;
        private final LongSupplier clock;
        private final Parameters parameters;
        private final Learner learner;
        private final AdamW optimizer = new AdamW(0.9, 0.95, 1e-8, 0.01, 1);
        private final int[] inputs;
        private final int[] targets;
        private final Sequences sequences;
        private int step;

        Ours(Case c, Backend backend, LongSupplier clock) {
            this.clock = clock;
            this.backend = backend;
            Architecture architecture = c.architecture();
            parameters = Parameters.of(arena, DType.F32, architecture);
            parameters.start(1);
            learner = new Learner(backend, parameters.model(architecture, arena), parameters);
            var random = new Random(1);
            inputs = random.ints(c.tokens(), 0, c.vocab).toArray();
            targets = random.ints(c.tokens(), 0, c.vocab).toArray();
            sequences = Sequences.equal(c.batch, c.context);
        }

        @Override
        public double steps(int count) {
            long begun = clock.getAsLong();
            double loss = 0;
            for (int i = 0; i < count; i++) {
                loss = learner.learn(inputs, targets, sequences, 1.0 / inputs.length);
                optimizer.step(backend.updates(), parameters, ++step, 1e-3);
            }
            if (!Double.isFinite(loss)) {
                throw new IllegalStateException("the loss is no longer a number");
            }
            return (clock.getAsLong() - begun) * 1e-9;
        }

        @Override
        public void close() {
            learner.close();
            arena.close();
        }
    }

    private static final class Peer implements Runner {
        private final Process process;
        private final BufferedReader in;
        private final PrintWriter out;
        private final String version;

        private Peer(Process process) throws IOException {
            this.process = process;
            this.in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            this.out = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
            this.version = String.valueOf(in.readLine());
        }

        static Peer start(String python, boolean cpu) {
            try {
                return new Peer(new ProcessBuilder(python, "bench/peers/train_torch.py", cpu ? "cpu" : "wall")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void begin(Case c, int threads) {
            out.println("threads " + threads);
            out.println(c.line());
        }

        @Override
        public double steps(int count) {
            out.println("steps " + count);
            try {
                return Double.parseDouble(String.valueOf(in.readLine()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            process.destroy();
        }
    }
}
