package clearhead.ops.cpu.reference;

import clearhead.ops.Limits;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.IntToDoubleFunction;
import java.util.function.LongSupplier;

/// What one thread can do in scalar double arithmetic.
final class ReferenceLimits implements Limits {
    private static final int RUNS = 5;
    private static final int STEPS = 400_000;
    private static final int CHAINS = 10;

    /// Results go here, so that no compiler leaves the work out.
    private static volatile double seen;

    @Override
    public int vectorBits() {
        return Double.SIZE;
    }

    @Override
    public double operations(LongSupplier clock) {
        return 2.0 * CHAINS * STEPS / fastest(clock, ReferenceLimits::products);
    }

    @Override
    public double reading(Tensor memory, LongSupplier clock) {
        MemorySegment data = memory.data();
        return data.byteSize() / fastest(clock, run -> sum(data));
    }

    /// Seconds of the fastest run; the first does not count.
    private static double fastest(LongSupplier clock, IntToDoubleFunction work) {
        double best = Double.MAX_VALUE;
        for (int run = 0; run <= RUNS; run++) {
            long start = clock.getAsLong();
            seen = work.applyAsDouble(STEPS);
            double seconds = (clock.getAsLong() - start) * 1e-9;
            best = run == 0 ? best : Math.min(best, seconds);
        }
        return best;
    }

    private static double products(int steps) {
        double a = 0.5;
        double c0 = a;
        double c1 = a;
        double c2 = a;
        double c3 = a;
        double c4 = a;
        double c5 = a;
        double c6 = a;
        double c7 = a;
        double c8 = a;
        double c9 = a;
        for (int i = 0; i < steps; i++) {
            c0 = Math.fma(c0, a, a);
            c1 = Math.fma(c1, a, a);
            c2 = Math.fma(c2, a, a);
            c3 = Math.fma(c3, a, a);
            c4 = Math.fma(c4, a, a);
            c5 = Math.fma(c5, a, a);
            c6 = Math.fma(c6, a, a);
            c7 = Math.fma(c7, a, a);
            c8 = Math.fma(c8, a, a);
            c9 = Math.fma(c9, a, a);
        }
        return c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9;
    }

    private static double sum(MemorySegment data) {
        long words = data.byteSize() / Long.BYTES;
        long a = 0;
        long b = 0;
        for (long i = 0; i + 2 <= words; i += 2) {
            a += data.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
            b += data.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i + 1);
        }
        return a + b;
    }
}
