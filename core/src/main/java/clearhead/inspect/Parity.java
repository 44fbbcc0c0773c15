package clearhead.inspect;

import java.util.Locale;

/// How well what is shown agrees with what the run computed: weights rebuilt from query, keys and
/// `lse`, times the values, against the forward pass's own weighted sum.
///
/// A view whose parity does not hold must refuse to show numbers and say why ([#require]).
///
/// @param largestDifference largest |rebuilt − run| over the rows compared
/// @param largestValue largest |run| over the same rows
/// @param rows how many query rows were compared
/// @param of how many there are
public record Parity(double largestDifference, double largestValue, int rows, int of) {
    /// Largest difference, relative to the largest value, at which a view may be shown. Rounding in
    /// float32 stays near 1e-6; a wrong mask, scale or head is off by 1e-2 and more.
    public static final double TOLERANCE = 1e-4;

    /// The difference relative to the largest value.
    public double relative() {
        return largestDifference == 0 ? 0 : largestDifference / largestValue;
    }

    /// Whether views may be shown. NaN does not hold.
    public boolean holds() {
        return relative() <= TOLERANCE;
    }

    /// This, if it holds.
    ///
    /// @param what what was to be shown, for the message
    /// @throws IllegalStateException if it does not hold
    public Parity require(String what) {
        if (!holds()) {
            throw new IllegalStateException(String.format(
                    Locale.ROOT,
                    "%s is not shown: its weights, rebuilt and multiplied by the values, differ"
                            + " from the forward pass by %.2g of the largest value (allowed:"
                            + " %.0e). %s",
                    what,
                    relative(),
                    TOLERANCE,
                    Double.isNaN(relative())
                            ? "The run has NaN or infinity in it: look at the weights."
                            : "This is a fault in the kernel or in the view; please report it."));
        }
        return this;
    }

    /// Both together.
    public Parity and(Parity other) {
        return new Parity(
                Math.max(largestDifference, other.largestDifference),
                Math.max(largestValue, other.largestValue),
                rows + other.rows,
                of + other.of);
    }

    /// `matches the forward pass: largest difference 3.1e-07, 2.2e-07 of the largest value (20 of 20
    /// rows)`.
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s the forward pass: largest difference %.1e, %.1e of the largest value (%d of %d" + " rows)",
                holds() ? "matches" : "DOES NOT MATCH",
                largestDifference,
                relative(),
                rows,
                of);
    }
}
