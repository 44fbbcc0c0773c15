package clearhead.bench;

import clearhead.ops.Arithmetic;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/// Products with packed quantized weights: one token, in GB/s of stored weights and 10⁹ weights/s, against
/// what this memory can be read at; and many, in GFLOP/s. Matrices take turns so that none stays in the
/// caches. Packing is timed too.
///
/// ```
/// QuantizedBench [--threads 2] [--rounds 7] [--types Q8_0,Q4_0] [--arithmetic fast|exact] [--tokens 1,128]
///                [--cpu] [--mib 160]
/// ```
///
/// `--cpu` counts the processor time of one thread, for a machine that others use as well; `--mib 1` keeps
/// the weights in a core's cache, which shows what the arithmetic costs.
/// Run it with one type alone, too: kernels of several types in one process share compiled code.
public final class QuantizedBench {
    private static final int OUT = 4096;
    private static final int IN = 2048;

    private final Backend backend;
    private final int rounds;
    private final LongSupplier clock;

    /// Bytes of weights that take turns.
    private final long weights;

    private final int out;

    private QuantizedBench(Backend backend, int rounds, LongSupplier clock, int mebibytes) {
        this.backend = backend;
        this.rounds = rounds;
        this.clock = clock;
        weights = (long) mebibytes << 20;
        out = mebibytes < 16 ? OUT / 16 : OUT;
    }

    public static void main(String[] arguments) {
        List<String> args = Arrays.asList(arguments);
        boolean cpu = args.contains("--cpu");
        int threads = cpu ? 1 : Integer.parseInt(option(args, "--threads", "2"));
        int mebibytes = Integer.parseInt(option(args, "--mib", "160"));
        var bean = ManagementFactory.getThreadMXBean();
        LongSupplier clock = cpu ? bean::getCurrentThreadCpuTime : System::nanoTime;
        int rounds = Integer.parseInt(option(args, "--rounds", "7"));
        var arithmetic = Arithmetic.of(option(args, "--arithmetic", "fast"));
        List<Integer> tokens = Arrays.stream(option(args, "--tokens", "1,128").split(","))
                .map(Integer::valueOf)
                .toList();
        String[] types = option(args, "--types", "Q8_0,Q4_0,Q4_K,Q6_K").split(",");
        try (Backend backend = Backends.named("vector", threads, arithmetic)) {
            System.out.println(backend.description() + ", " + arithmetic.word());
            double memory;
            try (Arena arena = Arena.ofShared()) {
                Tensor large = Tensor.zeros(arena, DType.F32, 64 << 20);
                memory = backend.limits().reading(large, clock) * 1e-9;
            }
            System.out.printf(Locale.ROOT, "memory read at %.0f GB/s%n", memory);
            var bench = new QuantizedBench(backend, rounds, clock, mebibytes);
            for (String type : types) {
                bench.measure(DType.valueOf(type), tokens, memory);
            }
        }
    }

    private void measure(DType type, List<Integer> tokens, double memory) {
        try (Arena arena = Arena.ofShared();
                var workspace = new Workspace()) {
            Tensor rows = random(arena, type);
            int count = (int) Math.ceilDiv(weights, rows.data().byteSize());
            var packed = new ArrayList<Tensor>();
            double packing = Double.POSITIVE_INFINITY;
            for (int i = 0; i < count; i++) {
                long start = clock.getAsLong();
                packed.add(backend.pack(rows, arena));
                packing = Math.min(packing, (clock.getAsLong() - start) * 1e-9);
            }
            Ops ops = backend.ops(workspace);
            System.out.printf(
                    Locale.ROOT,
                    "%-7s packed at %.1f GB/s, %.2f bits a weight (file %.2f)%n",
                    type,
                    rows.data().byteSize() / packing * 1e-9,
                    packed.getFirst().data().byteSize() * 8.0 / rows.size(),
                    rows.data().byteSize() * 8.0 / rows.size());
            for (int t : tokens) {
                Tensor x = normal(arena, t, IN);
                double seconds = time(ops, packed, x);
                System.out.printf(
                        Locale.ROOT,
                        "%-7s %4d tokens: %6.1f GB/s (%.0f %% of memory), %6.1f G weights/s, %6.1f GFLOP/s%n",
                        type,
                        t,
                        rows.data().byteSize() / seconds * 1e-9,
                        rows.data().byteSize() / seconds * 1e-7 / memory,
                        rows.size() / seconds * 1e-9,
                        2.0 * rows.size() * t / seconds * 1e-9);
            }
        }
    }

    /// Seconds of a product, the median over rounds of a pass over all matrices.
    private double time(Ops ops, List<Tensor> packed, Tensor x) {
        var seconds = new double[rounds];
        long warm = clock.getAsLong() + 1_000_000_000L;
        do {
            pass(ops, packed, x);
        } while (clock.getAsLong() < warm);
        int passes = 0;
        long begun = clock.getAsLong();
        while (clock.getAsLong() < begun + 20_000_000) {
            pass(ops, packed, x);
            passes++;
        }
        for (int r = 0; r < rounds; r++) {
            long start = clock.getAsLong();
            for (int p = 0; p < passes; p++) {
                pass(ops, packed, x);
            }
            seconds[r] = (clock.getAsLong() - start) * 1e-9 / packed.size() / passes;
        }
        Arrays.sort(seconds);
        return seconds[rounds / 2];
    }

    private static void pass(Ops ops, List<Tensor> packed, Tensor x) {
        for (Tensor weight : packed) {
            long mark = ops.workspace().mark();
            ops.linear(x, weight);
            ops.workspace().release(mark);
        }
    }

    /// Random bits, with scales that are small numbers.
    private Tensor random(Arena arena, DType type) {
        var random = new SplittableRandom(1);
        var values = new float[type.blockSize()];
        Tensor t = Tensor.zeros(arena, type, out, IN);
        MemorySegment first = t.data().asSlice(0, type.bytes(IN));
        for (long block = 0; block < first.byteSize(); block += type.blockBytes()) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextDouble(-1, 1);
            }
            type.blocks().encode(values, 0, first, block);
        }
        for (int row = 1; row < out; row++) {
            MemorySegment.copy(first, 0, t.data(), row * first.byteSize(), first.byteSize());
        }
        return t;
    }

    private static Tensor normal(Arena arena, int tokens, int inner) {
        var random = new SplittableRandom(2);
        Tensor x = Tensor.zeros(arena, DType.F32, tokens, inner);
        for (long i = 0; i < x.size(); i++) {
            x.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
        }
        return x;
    }

    private static String option(List<String> args, String name, String otherwise) {
        int at = args.indexOf(name);
        return at < 0 ? otherwise : args.get(at + 1);
    }
}
