package clearhead.measure;

import java.util.Arrays;
import java.util.function.LongSupplier;

/// Seconds of several runs of the same work.
///
/// @param sorted rising, at least one
public record Times(double... sorted) {
    public Times {
        if (sorted.length == 0) {
            throw new IllegalArgumentException("times of no run at all");
        }
        sorted = sorted.clone();
        Arrays.sort(sorted);
    }

    /// Runs `work` for `seconds`, and `least` times at least, by the time of day.
    public static Times of(Runnable work, double seconds, int least) {
        return of(work, seconds, least, System::nanoTime);
    }

    /// Runs `work` for `seconds` by `clock`, and `least` times at least.
    ///
    /// @param clock nanoseconds: the time of day, or the processor time of this thread, which other
    ///     programs disturb less
    public static Times of(Runnable work, double seconds, int least, LongSupplier clock) {
        long end = clock.getAsLong() + (long) (seconds * 1e9);
        double[] times = new double[Math.max(least, 16)];
        int runs = 0;
        while (runs < least || clock.getAsLong() < end) {
            long start = clock.getAsLong();
            work.run();
            double taken = (clock.getAsLong() - start) * 1e-9;
            if (runs == times.length) {
                times = Arrays.copyOf(times, 2 * runs);
            }
            times[runs++] = taken;
        }
        return new Times(Arrays.copyOf(times, runs));
    }

    /// The middle one; between the two middle ones of an even number.
    public double median() {
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    public double fastest() {
        return sorted[0];
    }

    public double slowest() {
        return sorted[sorted.length - 1];
    }
}
