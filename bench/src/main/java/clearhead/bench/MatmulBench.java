package clearhead.bench;

import clearhead.bench.MatmulPeers.OpenBlas;
import clearhead.bench.MatmulPeers.Product;
import clearhead.bench.MatmulPeers.Torch;
import clearhead.ops.Adjoints;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// GFLOP/s of `linear` and its two adjoints, alternating with OpenBLAS and, when a Python with torch
/// is named, with oneDNN and MKL through PyTorch, on the same inputs in one run.
///
/// ```
/// MatmulBench [--threads 2] [--rounds 7] [--cpu] [--torch PYTHON] [--no-openblas]
///             [--only square|inference|training] [--shape TOKENS,OUT,IN] [--products forward,input,weight]
///             [--halves]
/// ```
///
/// Medians over the rounds; in each round a side's fastest of some passes. A ratio is the median of
/// the rounds' own ratios, the lowest over the peers: OpenBLAS and oneDNN for weights in rows; for
/// packed weights also oneDNN with a weight laid out beforehand. MKL is printed, not counted.
/// `--cpu` counts the processor time of one thread on every side, for a machine that others use as
/// well. `--halves` adds F16 and BF16 weights of ours. To measure 256-bit kernels everywhere, run
/// with `-XX:UseAVX=2` and OPENBLAS_CORETYPE=Haswell ONEDNN_MAX_CPU_ISA=AVX2.
public final class MatmulBench {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

    /// Tokens, outputs, inputs.
    private static final int[][] SQUARE = {{1024, 1024, 1024}, {128, 4096, 4096}};

    private static final int[] TOKENS = {1, 16, 128, 512, 2048};

    /// Outputs, inputs: dim × dim, 3·dim × dim, 4·dim × dim and back, of dims 768 and 2,048, and one
    /// gated feed-forward layer of 4,096.
    private static final int[][] LAYERS = {
        {768, 768}, {2304, 768}, {3072, 768}, {768, 3072}, {2048, 2048}, {8192, 2048}, {2048, 8192}, {11008, 4096}
    };

    private static final int[][] TRAINING = {
        {768, 128, 128},
        {768, 512, 128},
        {768, 128, 512},
        {768, 65, 128},
        {3072, 256, 256},
        {3072, 688, 256},
        {3072, 256, 688},
        {3072, 4096, 256},
    };

    /// Seconds that a side computes in one round, about.
    private static final double ROUND = 0.03;

    private final Backend backend;
    private final Workspace workspace = new Workspace();
    private final Optional<Torch> torch;
    private final boolean openBlas;
    private final boolean halves;
    private final boolean cpu;
    private final int rounds;
    private final double peak;

    private MatmulBench(Backend backend, Optional<Torch> torch, List<String> args, double peak) {
        this.backend = backend;
        this.torch = torch;
        openBlas = !args.contains("--no-openblas");
        halves = args.contains("--halves");
        cpu = args.contains("--cpu");
        rounds = Integer.parseInt(option(args, "--rounds").orElse("7"));
        this.peak = peak;
    }

    /// One side of a comparison.
    private static final class Side {
        final String name;
        final boolean packed;
        final boolean peer;
        final Pass pass;
        final double[] seconds;
        double last;

        Side(String name, boolean packed, boolean peer, int rounds, Pass pass) {
            this.name = name;
            this.packed = packed;
            this.peer = peer;
            this.pass = pass;
            seconds = new double[rounds];
        }

        /// Median of the rounds.
        double median() {
            double[] sorted = seconds.clone();
            Arrays.sort(sorted);
            return sorted[sorted.length / 2];
        }

        /// How much faster than `other`: median of the rounds.
        double against(Side other) {
            double[] ratios = new double[seconds.length];
            Arrays.setAll(ratios, r -> other.seconds[r] / seconds[r]);
            Arrays.sort(ratios);
            return ratios[ratios.length / 2];
        }
    }

    private interface Pass {
        /// @return seconds of the fastest of `repeats` passes, and the last element of the result
        double[] time(int repeats) throws IOException;
    }

    public static void main(String[] arguments) throws IOException {
        List<String> args = Arrays.asList(arguments);
        boolean cpu = args.contains("--cpu");
        int threads = cpu ? 1 : Integer.parseInt(option(args, "--threads").orElse("2"));
        double peak = peak() * threads;
        OpenBlas.threads(threads);
        Optional<String> python = option(args, "--torch");
        try (Backend backend = Backends.named("vector", threads)) {
            System.out.println(backend.description());
            System.out.printf(
                    Locale.ROOT,
                    "peak of fused multiply-adds %.0f GFLOP/s (one core × %d); GFLOP/s below; %s%n",
                    peak,
                    threads,
                    cpu ? "processor time" : "time of day");
            Optional<Torch> torch =
                    python.isPresent() ? Optional.of(new Torch(python.get(), threads, cpu)) : Optional.empty();
            var bench = new MatmulBench(backend, torch, args, peak);
            String only = option(args, "--only").orElse("");
            List<String> products =
                    List.of(option(args, "--products").orElse("").split(","));
            for (int[] shape : shapes(args, only)) {
                for (Product product : Product.values()) {
                    boolean asked = products.contains(product.name().toLowerCase(Locale.ROOT))
                            || products.equals(List.of("")) && (product == Product.FORWARD || only.equals("training"));
                    if (asked) {
                        bench.measure(shape, product);
                    }
                }
            }
            if (torch.isPresent()) {
                torch.get().close();
            }
        }
    }

    private static List<int[]> shapes(List<String> args, String only) {
        Optional<String> one = option(args, "--shape");
        if (one.isPresent()) {
            return Arrays.stream(one.get().split(";"))
                    .map(s -> Arrays.stream(s.split(","))
                            .mapToInt(Integer::parseInt)
                            .toArray())
                    .toList();
        }
        List<int[]> shapes = new ArrayList<>();
        if (only.isEmpty() || only.equals("square")) {
            shapes.addAll(List.of(SQUARE));
        }
        if (only.isEmpty() || only.equals("inference")) {
            for (int[] layer : LAYERS) {
                for (int tokens : TOKENS) {
                    shapes.add(new int[] {tokens, layer[0], layer[1]});
                }
            }
        }
        if (only.equals("training")) {
            shapes.addAll(List.of(TRAINING));
        }
        return shapes;
    }

    private static Optional<String> option(List<String> args, String name) {
        int at = args.indexOf(name);
        return at >= 0 && at + 1 < args.size() ? Optional.of(args.get(at + 1)) : Optional.empty();
    }

    private void measure(int[] shape, Product product) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            Tensor x = random(arena, shape[0], shape[2]);
            Tensor weight = random(arena, shape[1], shape[2]);
            Tensor dOut = random(arena, shape[0], shape[1]);
            if (torch.isPresent()) {
                torch.get().shape(x, weight, dOut);
            }
            List<Side> sides = sides(arena, product, x, weight, dOut);
            int[] repeats = new int[sides.size()];
            for (int s = 0; s < repeats.length; s++) {
                Side side = sides.get(s);
                // Ours is compiled first.
                long warm = System.nanoTime();
                double once;
                do {
                    once = side.pass.time(2)[0];
                } while (!side.peer && System.nanoTime() - warm < 500_000_000L);
                repeats[s] = (int) Math.clamp(ROUND / once, 2, 500);
            }
            for (int round = 0; round < rounds; round++) {
                for (int s = 0; s < repeats.length; s++) {
                    Side side = sides.get(s);
                    rest();
                    double[] answer = side.pass.time(repeats[s]);
                    side.seconds[round] = answer[0];
                    side.last = answer[1];
                }
            }
            print(shape, product, sides);
        }
    }

    /// Until other libraries' threads no longer spin.
    private void rest() {
        if (!cpu) {
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private List<Side> sides(Arena arena, Product product, Tensor x, Tensor weight, Tensor dOut) {
        List<Side> sides = new ArrayList<>();
        Ops ops = backend.ops(workspace);
        Adjoints adjoints = backend.adjoints(workspace);
        switch (product) {
            case FORWARD -> {
                Tensor packed = backend.pack(weight, arena);
                sides.add(ours("rows", false, () -> ops.linear(x, weight)));
                sides.add(ours("packed", true, () -> ops.linear(x, packed)));
                if (halves) {
                    for (DType type : new DType[] {DType.F16, DType.BF16}) {
                        Tensor half = Tensor.zeros(arena, type, weight.dim(0), weight.dim(1));
                        for (long i = 0; i < half.size(); i++) {
                            half.set(i, weight.at(i));
                        }
                        Tensor packedHalf = backend.pack(half, arena);
                        sides.add(ours(type + " packed", false, () -> ops.linear(x, packedHalf)));
                    }
                }
            }
            case INPUT -> sides.add(ours("dX", false, () -> adjoints.linearInput(dOut, weight)));
            case WEIGHT -> {
                Tensor dWeight = Tensor.zeros(arena, DType.F32, weight.dim(0), weight.dim(1));
                sides.add(ours("dW", false, () -> {
                    adjoints.linearWeight(x, dOut, dWeight);
                    return dWeight;
                }));
            }
        }
        if (openBlas) {
            Tensor c = Tensor.zeros(
                    arena,
                    DType.F32,
                    product == Product.WEIGHT ? weight.dim(0) : x.dim(0),
                    product == Product.FORWARD ? weight.dim(0) : x.dim(1));
            Runnable pass = OpenBlas.product(product, x, weight, dOut, c);
            sides.add(new Side("OpenBLAS", false, true, rounds, repeats -> {
                double seconds = fastest(repeats, pass);
                return new double[] {seconds, c.at(c.size() - 1)};
            }));
        }
        torch.ifPresent(t -> {
            switch (product) {
                case FORWARD -> {
                    sides.add(new Side("oneDNN", false, true, rounds, n -> t.time("onednn", n)));
                    sides.add(new Side("oneDNN packed", true, true, rounds, n -> t.time("onednn_packed", n)));
                    sides.add(new Side("MKL", false, true, rounds, n -> t.time("mkl", n)));
                }
                case INPUT -> sides.add(new Side("MKL", false, true, rounds, n -> t.time("input", n)));
                case WEIGHT -> sides.add(new Side("MKL", false, true, rounds, n -> t.time("weight", n)));
            }
        });
        return sides;
    }

    private interface Compute {
        Tensor compute();
    }

    private Side ours(String name, boolean packed, Compute body) {
        return new Side(name, packed, false, rounds, repeats -> {
            double seconds = fastest(repeats, () -> {
                workspace.reset();
                body.compute();
            });
            workspace.reset();
            Tensor result = body.compute();
            return new double[] {seconds, result.at(result.size() - 1)};
        });
    }

    private double fastest(int repeats, Runnable body) {
        double best = Double.MAX_VALUE;
        for (int i = 0; i < repeats; i++) {
            long start = now();
            body.run();
            best = Math.min(best, (now() - start) * 1e-9);
        }
        return best;
    }

    private long now() {
        return cpu ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
    }

    private void print(int[] shape, Product product, List<Side> sides) {
        double flops = 2.0 * shape[0] * shape[1] * shape[2];
        var line = new StringBuilder(String.format(
                Locale.ROOT,
                "%4d × %5d × %5d %s:",
                shape[0],
                shape[1],
                shape[2],
                product.name().toLowerCase(Locale.ROOT)));
        for (Side side : sides) {
            double gflops = flops / side.median() / 1e9;
            line.append(String.format(Locale.ROOT, "  %s %.0f", side.name, gflops));
            if (!side.peer) {
                line.append(String.format(Locale.ROOT, " (%.2f)", gflops / peak));
                if (shape[0] == 1 && product == Product.FORWARD) {
                    int width = side.name.contains("16") ? 2 : 4;
                    line.append(String.format(Locale.ROOT, " %.1f GB/s", gflops / 2 * width));
                }
            }
        }
        for (Side side : sides) {
            if (!side.peer && !side.name.contains("16")) {
                double ratio = sides.stream()
                        .filter(p -> p.peer && (side.packed || !p.packed))
                        .filter(p -> !p.name.equals("MKL") || product != Product.FORWARD)
                        .mapToDouble(side::against)
                        .min()
                        .orElse(Double.NaN);
                line.append(String.format(Locale.ROOT, "  | %s %.2f", side.name, ratio));
            }
        }
        System.out.println(line);
        Side first = sides.getFirst();
        for (Side side : sides) {
            boolean same = Math.abs(side.last - first.last) <= 0.05 * Math.sqrt(flops / 2 / shape[0] / shape[1]);
            if (product == Product.FORWARD && !same) {
                throw new IllegalStateException(
                        side.name + " computed " + side.last + " where " + first.name + " computed " + first.last);
            }
        }
    }

    private static Tensor random(Arena arena, int rows, int cols) {
        Tensor t = Tensor.zeros(arena, DType.F32, rows, cols);
        var random = new Random(1);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextFloat() - 0.5);
        }
        return t;
    }

    private static double peak() {
        double best = 0;
        for (int i = 0; i < 40; i++) {
            long start = System.nanoTime();
            float sum = products(100_000);
            long nanos = System.nanoTime() - start;
            if (sum == 1) {
                System.out.println("unlikely");
            }
            best = Math.max(best, 100_000.0 * 10 * 2 * S.length() / nanos);
        }
        return best;
    }

    private static float products(int count) {
        FloatVector a = FloatVector.broadcast(S, 0.5f);
        FloatVector c0 = a;
        FloatVector c1 = a;
        FloatVector c2 = a;
        FloatVector c3 = a;
        FloatVector c4 = a;
        FloatVector c5 = a;
        FloatVector c6 = a;
        FloatVector c7 = a;
        FloatVector c8 = a;
        FloatVector c9 = a;
        for (int i = 0; i < count; i++) {
            c0 = c0.fma(a, a);
            c1 = c1.fma(a, a);
            c2 = c2.fma(a, a);
            c3 = c3.fma(a, a);
            c4 = c4.fma(a, a);
            c5 = c5.fma(a, a);
            c6 = c6.fma(a, a);
            c7 = c7.fma(a, a);
            c8 = c8.fma(a, a);
            c9 = c9.fma(a, a);
        }
        return c0.add(c1)
                .add(c2.add(c3))
                .add(c4.add(c5))
                .add(c6.add(c7))
                .add(c8.add(c9))
                .lane(0);
    }
}
