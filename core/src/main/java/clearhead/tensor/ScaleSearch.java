package clearhead.tensor;

import java.util.Arrays;

/// Searches for the scale (and minimum) of a group of weights that leaves the least weighted error, as
/// ggml's quantizers of K-quants do. Sums are in float32, in index order, so that the bytes that come
/// of it are ggml's.
final class ScaleSearch {
    /// Groups whose largest magnitude is below this count as zero.
    static final float LEAST = 1e-15f;

    /// 1.5·2²³: added to a float it leaves the nearest integer in the low bits, ties to even.
    private static final float INTEGERS = 12582912f;

    private static final int FRACTION = 0x7fffff;
    private static final int ZERO = 0x400000;

    /// x ≈ scale·step − minimum.
    record Fit(float scale, float minimum) {}

    /// How [#affine] goes about it: for i = 0 … tries, steps are rounded as if the largest were
    /// most + first + i·change.
    ///
    /// @param most largest step
    /// @param absolute whether the error is that of magnitudes, not of squares
    record Tries(int most, float first, float change, int tries, boolean absolute) {}

    private ScaleSearch() {}

    /// The integer nearest to `x`, |x| < 2²².
    static int nearest(float x) {
        return (Float.floatToRawIntBits(x + INTEGERS) & FRACTION) - ZERO;
    }

    /// C's conversion to int on x86: what does not fit becomes the least integer.
    static int truncated(float x) {
        return x >= -0x1p31f && x < 0x1p31f ? (int) x : Integer.MIN_VALUE;
    }

    /// The value of largest magnitude, the first of equals.
    static float extreme(float[] x, int start, int count) {
        float largest = 0;
        float extreme = 0;
        for (int i = start; i < start + count; i++) {
            float magnitude = Math.abs(x[i]);
            if (magnitude > largest) {
                largest = magnitude;
                extreme = x[i];
            }
        }
        return extreme;
    }

    /// x ≈ scale·(step − middle), weighted by x²: the extreme value becomes step 0, more or less, and
    /// 19 inverse scales about that are tried.
    ///
    /// @param steps where the steps go, 0 to 2·middle − 1
    static float symmetric(float[] x, int start, int count, int middle, int[] steps) {
        float extreme = extreme(x, start, count);
        if (Math.abs(extreme) < LEAST) {
            Arrays.fill(steps, start, start + count, 0);
            return 0;
        }
        float best = 0;
        float scale = 0;
        for (int attempt = -10; attempt <= 9; attempt++) {
            boolean first = attempt == -10;
            if (attempt == 0) {
                continue;
            }
            float inverse = first ? -middle / extreme : -(middle + 0.1f * attempt) / extreme;
            float products = 0;
            float squares = 0;
            for (int i = start; i < start + count; i++) {
                int step = signed(inverse * x[i], middle);
                float weight = x[i] * x[i];
                products += weight * x[i] * step;
                squares += weight * step * step;
            }
            if (first || squares > 0 && products * products > best * squares) {
                for (int i = start; i < start + count; i++) {
                    steps[i] = signed(inverse * x[i], middle) + middle;
                }
                scale = squares != 0 ? products / squares : 0;
                best = scale * products;
            }
        }
        return scale;
    }

    /// The same from one inverse scale, after which single steps move as long as that helps, at most
    /// five times each.
    static float symmetricStepwise(float[] x, int start, int count, int middle, int[] steps) {
        float extreme = extreme(x, start, count);
        if (Math.abs(extreme) < LEAST) {
            Arrays.fill(steps, start, start + count, 0);
            return 0;
        }
        float inverse = -middle / extreme;
        float products = 0;
        float squares = 0;
        for (int i = start; i < start + count; i++) {
            int step = signed(inverse * x[i], middle);
            steps[i] = step;
            float weight = x[i] * x[i];
            products += weight * x[i] * step;
            squares += weight * step * step;
        }
        boolean moved = true;
        for (int round = 0; round < 5 && moved; round++) {
            moved = false;
            for (int i = start; i < start + count; i++) {
                float weight = x[i] * x[i];
                float others = products - weight * x[i] * steps[i];
                if (!(others > 0)) {
                    continue;
                }
                float otherSquares = squares - weight * steps[i] * steps[i];
                int step = signed(x[i] * otherSquares / others, middle);
                if (step == steps[i]) {
                    continue;
                }
                others += weight * x[i] * step;
                otherSquares += weight * step * step;
                if (otherSquares > 0 && others * others * squares > products * products * otherSquares) {
                    steps[i] = step;
                    products = others;
                    squares = otherSquares;
                    moved = true;
                }
            }
        }
        for (int i = start; i < start + count; i++) {
            steps[i] += middle;
        }
        return squares > 0 ? products / squares : 0;
    }

    private static int signed(float x, int middle) {
        return Math.clamp(nearest(x), -middle, middle - 1);
    }

    /// x ≈ scale·step − minimum, minimum ≥ 0: for each try, the steps are rounded and the two
    /// numbers are the solution of the weighted least squares.
    ///
    /// @param weights [count], of the values from `start` on
    /// @param steps where the steps go, 0 to most
    static Fit affine(float[] x, int start, float[] weights, Tries tries, int[] steps) {
        int count = weights.length;
        float least = x[start];
        float largest = x[start];
        float weightSum = weights[0];
        float sum = weightSum * x[start];
        for (int i = 1; i < count; i++) {
            float value = x[start + i];
            least = value < least ? value : least;
            largest = value > largest ? value : largest;
            weightSum += weights[i];
            sum += weights[i] * value;
        }
        least = least > 0 ? 0 : least;
        if (largest == least) {
            Arrays.fill(steps, start, start + count, 0);
            return new Fit(0, -least);
        }
        int most = tries.most;
        float inverse = most / (largest - least);
        float scale = 1 / inverse;
        float minimum = least;
        for (int i = 0; i < count; i++) {
            steps[start + i] = Math.clamp(nearest(inverse * (x[start + i] - least)), 0, most);
        }
        float best = error(x, start, weights, steps, start, scale, minimum, tries.absolute);
        var tried = new int[count];
        for (int attempt = 0; attempt <= tries.tries; attempt++) {
            // The minimum may have moved to the best one so far; the largest stays.
            inverse = (tries.first + tries.change * attempt + most) / (largest - minimum);
            float stepSum = 0;
            float squares = 0;
            float products = 0;
            for (int i = 0; i < count; i++) {
                float value = x[start + i];
                int step = Math.clamp(nearest(inverse * (value - minimum)), 0, most);
                tried[i] = step;
                float weight = weights[i];
                stepSum += weight * step;
                squares += weight * step * step;
                products += weight * step * value;
            }
            float determinant = weightSum * squares - stepSum * stepSum;
            if (!(determinant > 0)) {
                continue;
            }
            float newScale = (weightSum * products - sum * stepSum) / determinant;
            float newMinimum = (squares * sum - stepSum * products) / determinant;
            if (newMinimum > 0) {
                newMinimum = 0;
                newScale = products / squares;
            }
            float error = error(x, start, weights, tried, 0, newScale, newMinimum, tries.absolute);
            if (error < best) {
                System.arraycopy(tried, 0, steps, start, count);
                best = error;
                scale = newScale;
                minimum = newMinimum;
            }
        }
        return new Fit(scale, -minimum);
    }

    private static float error(
            float[] x,
            int start,
            float[] weights,
            int[] steps,
            int firstStep,
            float scale,
            float minimum,
            boolean absolute) {
        float sum = 0;
        for (int i = 0; i < weights.length; i++) {
            float difference = scale * steps[firstStep + i] + minimum - x[start + i];
            sum += weights[i] * (absolute ? Math.abs(difference) : difference * difference);
        }
        return sum;
    }
}
