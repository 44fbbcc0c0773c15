package clearhead.ops.cpu.reference;

/// The error function to 3 units in the last place; its complement to 13 digits or more, far out too.
/// Abramowitz and Stegun 1964, 7.1.6 and 7.1.14.
public final class Erf {
    private static final double TWO_BY_ROOT_PI = 2 / Math.sqrt(Math.PI);
    private static final double ONE_BY_ROOT_PI = 1 / Math.sqrt(Math.PI);

    /// From here the continued fraction converges in [#DEPTH] steps; below, erfc is at least 0.0047,
    /// so that 1 − erf keeps 14 digits of it.
    private static final double BORDER = 2;

    private static final int DEPTH = 80;

    private Erf() {}

    /// 2/√π·∫₀ˣ exp(−t²) dt
    public static double erf(double x) {
        double a = Math.abs(x);
        double value = a < BORDER ? series(a) : 1 - fraction(a);
        return Math.copySign(value, x);
    }

    /// 1 − erf(x), without cancellation for large x.
    public static double erfc(double x) {
        if (x >= BORDER) {
            return fraction(x);
        }
        return 1 - erf(x);
    }

    /// 7.1.6: erf x = 2/√π·exp(−x²)·Σ 2ⁿ·x²ⁿ⁺¹/(1·3·…·(2n + 1)); all terms are positive.
    private static double series(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; term > sum * 1e-18; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return TWO_BY_ROOT_PI * Math.exp(-x * x) * sum;
    }

    /// 7.1.14: erfc x = exp(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))
    private static double fraction(double x) {
        if (x > 27.3) { // below the smallest double
            return 0;
        }
        double tail = x;
        for (int n = DEPTH; n >= 1; n--) {
            tail = x + n / 2.0 / tail;
        }
        return Math.exp(-x * x) * ONE_BY_ROOT_PI / tail;
    }
}
