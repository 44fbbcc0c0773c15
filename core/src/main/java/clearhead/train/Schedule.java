package clearhead.train;

/// Learning rate by step: linear warm-up, then a cosine from the peak to the floor. Loshchilov and
/// Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
///
/// @param warmup steps until the peak is reached
/// @param steps steps in all; the last one has (almost) the floor
public record Schedule(double peak, double floor, long warmup, long steps) {

    /// The same rate at every step.
    public static Schedule constant(double rate) {
        return new Schedule(rate, rate, 0, 1);
    }

    /// @param step from 0
    public double at(long step) {
        if (step < warmup) {
            return peak * (step + 1) / warmup;
        }
        if (step >= steps) {
            return floor;
        }
        double done = (double) (step - warmup) / (steps - warmup);
        return floor + (peak - floor) * 0.5 * (1 + StrictMath.cos(Math.PI * done));
    }
}
