package clearhead.bench;

import clearhead.nn.Linear;
import clearhead.nn.Recurrent;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Cell;
import clearhead.ops.Recurrence;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.train.Tape;
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
import java.util.Optional;
import java.util.Random;
import java.util.function.LongSupplier;

/// A recurrent layer, forward and with its gradients, and PyTorch's beside it, in turns.
///
/// Usage: `RecurrentBench [--threads N] [--rounds N] [--seconds S] [--python EXECUTABLE] [--only TEXT] [--clock cpu]`;
/// with `--python` it starts `bench/peers/recurrent_torch.py`. Medians over the rounds. `--clock cpu`, with one
/// thread, counts the thread's processor time, which other programs disturb less.
public final class RecurrentBench {
    private static final double WARM_UP_SECONDS = 6;
    private static final Case[] CASES = {
        new Case("LSTM", Cell.lstm(), 64, 64, 128, 128),
        new Case("LSTM", Cell.lstm(), 32, 128, 256, 256),
        new Case("LSTM", Cell.lstm(), 1, 512, 256, 256),
        new Case("LSTM", Cell.lstm(), 64, 64, 512, 512),
        new Case("GRU", Cell.gru(), 32, 128, 256, 256),
        new Case("RNN", Cell.rnn(), 32, 128, 256, 256)
    };

    private record Case(String kind, Cell cell, int sequences, int tokens, int in, int hidden) {
        /// Of the products: the input's and the recurrent one, and twice as much on the way back.
        double flops(boolean both) {
            double products = 2.0 * cell.gates() * hidden * (in + hidden) * sequences * tokens;
            return both ? 3 * products : products;
        }

        String line() {
            return "case %s %d %d %d %d".formatted(kind, sequences, tokens, in, hidden);
        }
    }

    private interface Runner extends AutoCloseable {
        /// @return seconds
        double run(boolean both, int count);

        @Override
        void close();
    }

    private RecurrentBench() {}

    public static void main(String[] args) {
        var options = new LinkedHashMap<String, String>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        int threads = Integer.parseInt(
                options.getOrDefault("--threads", "" + Runtime.getRuntime().availableProcessors()));
        int rounds = Integer.parseInt(options.getOrDefault("--rounds", "5"));
        double seconds = Double.parseDouble(options.getOrDefault("--seconds", "1"));
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
                if (c.line().contains(only)) {
                    peer.ifPresent(p -> p.begin(c, threads));
                    try (var ours = new Ours(c, backend, clock)) {
                        measure(c, ours, peer, rounds, seconds, false);
                        measure(c, ours, peer, rounds, seconds, true);
                    }
                }
            }
        }
        peer.ifPresent(Peer::close);
    }

    private static void measure(Case c, Runner ours, Optional<Peer> peer, int rounds, double seconds, boolean both) {
        int count = calibrate(ours, both, seconds);
        int peerCount = peer.map(p -> calibrate(p, both, seconds)).orElse(0);
        var mine = new double[rounds];
        var theirs = new double[rounds];
        var ratios = new double[rounds];
        for (int r = 0; r < rounds; r++) {
            mine[r] = ours.run(both, count) / count;
            if (peer.isPresent()) {
                theirs[r] = peer.get().run(both, peerCount) / peerCount;
                ratios[r] = theirs[r] / mine[r];
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%s, %d × %d tokens, %d to %d, %s: %.2f ms, %.0f GFLOP/s",
                c.kind,
                c.sequences,
                c.tokens,
                c.in,
                c.hidden,
                both ? "forward and backward" : "forward",
                median(mine) * 1e3,
                c.flops(both) / median(mine) * 1e-9);
        if (peer.isPresent()) {
            System.out.printf(
                    Locale.ROOT,
                    "; PyTorch %.2f ms; ratio %.2f (%.2f to %.2f)",
                    median(theirs) * 1e3,
                    median(ratios),
                    Arrays.stream(ratios).min().orElseThrow(),
                    Arrays.stream(ratios).max().orElseThrow());
        }
        System.out.println();
    }

    /// Warms up, and finds how many runs take about `seconds`.
    private static int calibrate(Runner runner, boolean both, double seconds) {
        double warm = 0;
        double last = 1;
        while (warm < WARM_UP_SECONDS) {
            last = runner.run(both, 1);
            warm += last;
        }
        return Math.max(1, (int) Math.round(seconds / last));
    }

    private static double median(double[] values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static final class Ours implements Runner {
        private final Arena arena = Arena.ofShared();
        private final Workspace activations = new Workspace();
        private final Workspace gradients = new Workspace();
        private final Backend backend;
        private final LongSupplier clock;
        private final Recurrent.OneWay layer;
        private final Tape tape;
        private final Sequences sequences;
        private final Tensor x;
        private final Tensor d;

        Ours(Case c, Backend backend, LongSupplier clock) {
            this.backend = backend;
            this.clock = clock;
            var random = new Random(1);
            int wide = c.cell.gates() * c.hidden;
            layer = new Recurrent.OneWay(
                    Linear.of(normal(random, 0.05, wide, c.in), normal(random, 0.05, wide)),
                    Recurrence.of(c.cell, normal(random, 0.05, wide, c.hidden), normal(random, 0.05, wide)));
            sequences = Sequences.equal(c.sequences, c.tokens);
            x = normal(random, 1, c.sequences * c.tokens, c.in);
            d = normal(random, 1, c.sequences * c.tokens, c.hidden);
            tape = new Tape(backend.ops(activations), backend, gradients);
            for (Tensor t : new Tensor[] {
                x,
                layer.input().weight(),
                layer.input().bias().orElseThrow(),
                layer.recurrence().weight(),
                layer.recurrence().bias().orElseThrow()
            }) {
                tape.watch(t, Tensor.zeros(arena, DType.F32, t.shape().dims()));
            }
        }

        private Tensor normal(Random random, double deviation, int... dims) {
            Tensor t = Tensor.zeros(arena, DType.F32, dims);
            for (long i = 0; i < t.size(); i++) {
                t.set(i, deviation * random.nextGaussian());
            }
            return t;
        }

        @Override
        public double run(boolean both, int count) {
            long begun = clock.getAsLong();
            for (int i = 0; i < count; i++) {
                if (both) {
                    tape.reset();
                    tape.backward(layer.forward(tape, sequences, x), d);
                } else {
                    activations.reset();
                    layer.forward(backend.ops(activations), sequences, x);
                }
            }
            return (clock.getAsLong() - begun) * 1e-9;
        }

        @Override
        public void close() {
            activations.close();
            gradients.close();
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
                return new Peer(new ProcessBuilder(python, "bench/peers/recurrent_torch.py", cpu ? "cpu" : "wall")
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
        public double run(boolean both, int count) {
            out.println((both ? "both " : "forward ") + count);
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
