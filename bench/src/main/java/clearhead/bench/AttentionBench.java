package clearhead.bench;

import clearhead.ops.AttentionSpec;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.KvView;
import clearhead.ops.Mask;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/// Speed and memory of fused attention, alternating with PyTorch in one run when a Python with torch
/// is named. Credit is 4·T²·D·H operations forward and 14 forward and backward, half for causal.
///
/// ```
/// AttentionBench [--threads 2] [--rounds 5] [--torch PYTHON] [--only PREFIX] [--memory] [--cpu]
/// ```
///
/// `--cpu` counts the processor time of one thread on both sides instead of the time of day, for a
/// machine that others use as well.
public final class AttentionBench {
    private record Shape(
            String name,
            int batch,
            int heads,
            int kvHeads,
            int queries,
            int context,
            int dim,
            boolean causal,
            boolean backward) {
        double operations() {
            double pairs = (double) queries * context;
            if (causal && queries > 1) {
                pairs /= 2;
            }
            return (backward ? 14 : 4) * pairs * dim * heads * batch;
        }
    }

    private static final List<Shape> SHAPES = new ArrayList<>();

    static {
        for (boolean backward : new boolean[] {false, true}) {
            String what = backward ? "both " : "forward ";
            SHAPES.add(new Shape(what + "train 64x12 h4 d32", 12, 4, 4, 64, 64, 32, true, backward));
            SHAPES.add(new Shape(what + "train 256x16 h8 d32", 16, 8, 8, 256, 256, 32, true, backward));
            SHAPES.add(new Shape(what + "train 256x16 h8/4 d32", 16, 8, 4, 256, 256, 32, true, backward));
            for (int dim : new int[] {64, 128}) {
                for (boolean causal : new boolean[] {false, true}) {
                    String name = what + "2048 h4 d" + dim + (causal ? " causal" : " full");
                    SHAPES.add(new Shape(name, 1, 4, 4, 2048, 2048, dim, causal, backward));
                }
            }
        }
        SHAPES.add(new Shape("decode 32k h32/4 d128", 1, 32, 4, 1, 32768, 128, true, false));
        SHAPES.add(new Shape("decode 8k h8/8 d64", 1, 8, 8, 1, 8192, 64, true, false));
    }

    private AttentionBench() {}

    public static void main(String[] arguments) throws IOException {
        List<String> args = Arrays.asList(arguments);
        boolean cpu = args.contains("--cpu");
        int threads = cpu ? 1 : Integer.parseInt(option(args, "--threads").orElse("2"));
        int rounds = Integer.parseInt(option(args, "--rounds").orElse("5"));
        String only = option(args, "--only").orElse("");
        try (Backend backend = Backends.named("vector", threads)) {
            System.out.println(backend.description());
            if (args.contains("--memory")) {
                memory(backend);
                return;
            }
            Optional<Peer> peer = Optional.empty();
            if (option(args, "--torch").isPresent()) {
                peer = Optional.of(new Peer(option(args, "--torch").get(), threads, cpu));
            }
            for (Shape shape : SHAPES) {
                if (shape.name.startsWith(only)) {
                    measure(backend, peer, shape, rounds, cpu);
                }
            }
            peer.ifPresent(Peer::close);
        }
    }

    private static Optional<String> option(List<String> args, String name) {
        int at = args.indexOf(name);
        return at >= 0 && at + 1 < args.size() ? Optional.of(args.get(at + 1)) : Optional.empty();
    }

    private static void measure(Backend backend, Optional<Peer> peer, Shape shape, int rounds, boolean cpu)
            throws IOException {
        try (var arena = Arena.ofShared();
                var workspace = new Workspace()) {
            Runnable pass = pass(backend, arena, workspace, shape);
            long warm = now(true);
            double once = 1;
            for (int passes = 0; passes < 12 || now(true) - warm < 2_000_000_000L; passes++) {
                once = Math.min(once, time(pass, 1, cpu));
            }
            int repeats = (int) Math.clamp(0.1 / once, 3, 300);
            double[] ours = new double[rounds];
            double[] theirs = new double[rounds];
            double[] ratios = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                ours[round] = time(pass, repeats, cpu);
                if (peer.isPresent()) {
                    theirs[round] = peer.get().time(shape, repeats);
                    ratios[round] = theirs[round] / ours[round];
                }
            }
            Arrays.sort(ours);
            Arrays.sort(theirs);
            Arrays.sort(ratios);
            double best = ours[0];
            double bytes = 8.0 * shape.batch * shape.kvHeads * shape.context * shape.dim;
            System.out.printf(
                    "%-32s %9.3f ms %7.1f GFLOP/s %6.1f GB/s",
                    shape.name, best * 1e3, shape.operations() / best / 1e9, bytes / best / 1e9);
            if (peer.isPresent()) {
                System.out.printf(
                        "   torch %9.3f ms %7.1f GFLOP/s   ratio %.2f (median %.2f)",
                        theirs[0] * 1e3, shape.operations() / theirs[0] / 1e9, theirs[0] / best, ratios[rounds / 2]);
            }
            System.out.println();
        }
    }

    private static double time(Runnable pass, int repeats, boolean cpu) {
        double best = Double.MAX_VALUE;
        for (int i = 0; i < repeats; i++) {
            long start = now(cpu);
            pass.run();
            best = Math.min(best, (now(cpu) - start) * 1e-9);
        }
        return best;
    }

    private static long now(boolean cpu) {
        return cpu ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
    }

    private static Runnable pass(Backend backend, Arena arena, Workspace workspace, Shape shape) {
        var random = new Random(1);
        var rows = Sequences.equal(shape.batch, shape.queries);
        int tokens = rows.tokens();
        Tensor query = gaussian(arena, random, tokens, shape.heads, shape.dim);
        Tensor dOut = gaussian(arena, random, tokens, shape.heads, shape.dim);
        int keys = shape.batch * shape.context;
        Tensor key = gaussian(arena, random, keys, shape.kvHeads, shape.dim);
        Tensor value = gaussian(arena, random, keys, shape.kvHeads, shape.dim);
        var contexts = Sequences.equal(shape.batch, shape.context);
        var packed = new KvView.Packed(key, value, contexts);
        Mask mask = shape.causal ? Mask.CAUSAL : Mask.BIDIRECTIONAL;
        var spec = new AttentionSpec(shape.heads, shape.kvHeads, shape.dim, 1 / Math.sqrt(shape.dim), mask);
        var ops = backend.ops(workspace);
        if (shape.queries == 1) {
            int pages = Math.ceilDiv(shape.context, KvView.PAGE);
            int[][] table = new int[1][pages];
            Arrays.setAll(table[0], p -> p);
            var cache = new KvView.Paged(
                    Tensor.zeros(arena, DType.F32, pages, shape.kvHeads, shape.dim, KvView.PAGE),
                    Tensor.zeros(arena, DType.F32, pages, shape.kvHeads, KvView.PAGE, shape.dim),
                    table,
                    new int[] {shape.context});
            ops.store(key, value, contexts, cache);
            return () -> {
                workspace.reset();
                ops.attention(query, rows, cache, spec);
            };
        }
        var adjoints = backend.adjoints(workspace);
        return () -> {
            workspace.reset();
            var forward = ops.attention(query, rows, packed, spec);
            if (shape.backward) {
                adjoints.attention(query, rows, packed, spec, forward, dOut);
            }
        };
    }

    private static Tensor gaussian(Arena arena, Random random, int... dims) {
        Tensor t = Tensor.zeros(arena, DType.F32, dims);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextGaussian());
        }
        return t;
    }

    /// What forward and backward reserve beyond their inputs.
    private static void memory(Backend backend) {
        for (int tokens : new int[] {1024, 4096, 16384}) {
            try (var arena = Arena.ofShared();
                    var workspace = new Workspace(1 << 12, Long.MAX_VALUE)) {
                var shape = new Shape("", 1, 1, 1, tokens, tokens, 64, true, false);
                pass(backend, arena, workspace, shape).run();
                long forward = workspace.reserved();
                shape = new Shape("", 1, 1, 1, tokens, tokens, 64, true, true);
                pass(backend, arena, workspace, shape).run();
                System.out.printf(
                        "T %5d, D 64, 1 head: forward %,d bytes, forward and backward %,d bytes; T x T floats %,d%n",
                        tokens, forward, workspace.reserved(), 4L * tokens * tokens);
            }
        }
    }

    /// The script beside: one line asks for a measurement, one answers.
    private static final class Peer {
        private final Process process;
        private final PrintWriter out;
        private final BufferedReader in;

        Peer(String python, int threads, boolean cpu) throws IOException {
            process = new ProcessBuilder(python, "bench/peers/attention_torch.py", cpu ? "cpu" : "wall")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            out = new PrintWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true);
            in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            System.out.println(in.readLine() + ", " + threads + " threads");
            out.println("threads " + threads);
        }

        double time(Shape s, int repeats) throws IOException {
            out.println(s.batch + " " + s.heads + " " + s.kvHeads + " " + s.queries + " " + s.context + " " + s.dim
                    + " " + (s.causal && s.queries > 1 ? 1 : 0) + " " + (s.backward ? 1 : 0) + " " + repeats);
            return Double.parseDouble(in.readLine());
        }

        void close() {
            out.close();
            process.destroy();
        }
    }
}
