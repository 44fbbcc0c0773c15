package clearhead.ops.cpu.vector;

import static clearhead.ops.cpu.vector.Lanes.BYTES;
import static clearhead.ops.cpu.vector.Lanes.COUNT;
import static clearhead.ops.cpu.vector.Lanes.FLOATS;
import static clearhead.ops.cpu.vector.Lanes.ORDER;

import clearhead.ops.Limits;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;
import jdk.incubator.vector.FloatVector;

/// The processor's limits by vectors of the kernels' own length. Ten chains hide a latency of four
/// cycles on two units, and with their operands stay in the sixteen registers of AVX2.
final class VectorLimits implements Limits {
    private static final int RUNS = 5;
    private static final int TASKS_A_THREAD = 8;
    private static final int STEPS = 100_000;
    private static final int CHAINS = 10;

    /// Bytes that one task reads.
    private static final int CHUNK = 1 << 20;

    /// Results go here, so that no compiler leaves the work out.
    private static volatile float seen;

    private final Workers workers;

    VectorLimits(Workers workers) {
        this.workers = workers;
    }

    @Override
    public int vectorBits() {
        return Lanes.BITS;
    }

    @Override
    public double operations(LongSupplier clock) {
        int tasks = TASKS_A_THREAD * workers.threads();
        double work = 2.0 * CHAINS * COUNT * STEPS * tasks;
        return work / fastest(clock, tasks, task -> seen = products(STEPS));
    }

    @Override
    public double reading(Tensor memory, LongSupplier clock) {
        MemorySegment data = memory.data();
        int chunks = (int) (data.byteSize() / CHUNK);
        if (chunks == 0) {
            throw new IllegalArgumentException(
                    "memory to read wants at least " + CHUNK + " bytes, got " + data.byteSize());
        }
        double bytes = (double) chunks * CHUNK;
        return bytes / fastest(clock, chunks, chunk -> seen = sum(data, (long) chunk * CHUNK));
    }

    /// Seconds of the fastest run; the first does not count.
    private double fastest(LongSupplier clock, int tasks, Workers.Task task) {
        double best = Double.MAX_VALUE;
        for (int run = 0; run <= RUNS; run++) {
            long start = clock.getAsLong();
            workers.run(tasks, task);
            double seconds = (clock.getAsLong() - start) * 1e-9;
            best = run == 0 ? best : Math.min(best, seconds);
        }
        return best;
    }

    private static float products(int steps) {
        FloatVector a = FloatVector.broadcast(FLOATS, 0.5f);
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
        for (int i = 0; i < steps; i++) {
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
        FloatVector left = c0.add(c1).add(c2.add(c3)).add(c4);
        return left.add(c5.add(c6)).add(c7.add(c8)).add(c9).lane(0);
    }

    /// Sums of one chunk.
    private static float sum(MemorySegment data, long from) {
        FloatVector a = FloatVector.zero(FLOATS);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        for (int at = 0; at < CHUNK; at += 4 * BYTES) {
            a = a.add(FloatVector.fromMemorySegment(FLOATS, data, from + at, ORDER));
            b = b.add(FloatVector.fromMemorySegment(FLOATS, data, from + at + BYTES, ORDER));
            c = c.add(FloatVector.fromMemorySegment(FLOATS, data, from + at + 2L * BYTES, ORDER));
            d = d.add(FloatVector.fromMemorySegment(FLOATS, data, from + at + 3L * BYTES, ORDER));
        }
        return a.add(b).add(c.add(d)).lane(0);
    }
}
