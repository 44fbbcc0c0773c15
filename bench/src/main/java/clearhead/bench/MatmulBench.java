package clearhead.bench;

import clearhead.ops.Adjoints;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.Locale;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// GFLOP/s of `linear` and its two adjoints at the shapes of training, the best of short runs, and
/// the fraction of the fused multiply-add peak measured in the same process.
///
/// Usage: `MatmulBench [threads] [seconds a figure]`
public final class MatmulBench {
    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

    /// Tokens, outputs, inputs of the two training shapes.
    private static final int[][] SHAPES = {
        {768, 128, 128},
        {768, 512, 128},
        {768, 128, 512},
        {768, 65, 128},
        {3072, 256, 256},
        {3072, 688, 256},
        {3072, 256, 688},
        {3072, 4096, 256},
    };

    private MatmulBench() {}

    public static void main(String[] args) {
        int threads = args.length > 0
                ? Integer.parseInt(args[0])
                : Runtime.getRuntime().availableProcessors();
        double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 0.3;
        double peak = peak() * threads;
        try (Backend backend = Backends.named("vector", threads);
                Workspace workspace = new Workspace();
                Arena arena = Arena.ofShared()) {
            System.out.println(backend.description());
            System.out.printf(Locale.ROOT, "peak of fused multiply-adds %.0f GFLOP/s (one core × %d)%n", peak, threads);
            System.out.println("GFLOP/s (part of peak): x·Wᵀ, the same packed, dOut·W, dOutᵀ·x");
            for (int[] shape : SHAPES) {
                shape(backend, workspace, arena, shape, seconds, peak);
            }
        }
    }

    private static void shape(
            Backend backend, Workspace workspace, Arena arena, int[] shape, double seconds, double peak) {
        int tokens = shape[0];
        int out = shape[1];
        int in = shape[2];
        Ops ops = backend.ops(workspace);
        Adjoints adjoints = backend.adjoints(workspace);
        Tensor x = random(arena, tokens, in);
        Tensor weight = random(arena, out, in);
        Tensor packed = backend.pack(weight, arena);
        Tensor dOut = random(arena, tokens, out);
        Tensor dWeight = Tensor.zeros(arena, DType.F32, out, in);
        double flops = 2.0 * tokens * out * in;
        System.out.printf(Locale.ROOT, "%5d × %4d × %4d:", tokens, out, in);
        print(best(workspace, flops, seconds, () -> ops.linear(x, weight)), peak);
        print(best(workspace, flops, seconds, () -> ops.linear(x, packed)), peak);
        print(best(workspace, flops, seconds, () -> adjoints.linearInput(dOut, weight)), peak);
        print(best(workspace, flops, seconds, () -> adjoints.linearWeight(x, dOut, dWeight)), peak);
        System.out.println();
    }

    private static void print(double gflops, double peak) {
        System.out.printf(Locale.ROOT, "  %4.0f (%.2f)", gflops, gflops / peak);
    }

    private static double best(Workspace workspace, double flops, double seconds, Runnable body) {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        double best = 0;
        do {
            workspace.reset();
            long start = System.nanoTime();
            body.run();
            best = Math.max(best, flops / (System.nanoTime() - start));
        } while (System.nanoTime() < end);
        return best;
    }

    private static Tensor random(Arena arena, int rows, int cols) {
        Tensor t = Tensor.zeros(arena, DType.F32, rows, cols);
        var random = new Random(1);
        for (long i = 0; i < t.size(); i++) {
            t.set(i, random.nextGaussian());
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
