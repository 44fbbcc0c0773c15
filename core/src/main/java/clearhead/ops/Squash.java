package clearhead.ops;

/// A nonlinearity of a recurrent cell. These are the ones that ONNX names for RNN, LSTM and GRU; all but
/// [Kind#LEAKY_RELU] and [Kind#ELU] with a negative alpha have a slope that follows from their value.
///
/// @param alpha first parameter of kinds that have one; else not used
/// @param beta second parameter of kinds that have one; else not used
public record Squash(Kind kind, double alpha, double beta) {
    public static final Squash SIGMOID = new Squash(Kind.SIGMOID, 0, 0);
    public static final Squash TANH = new Squash(Kind.TANH, 0, 0);
    public static final Squash RELU = new Squash(Kind.RELU, 0, 0);

    /// Which function.
    public enum Kind {
        /// 1/(1 + e^−x)
        SIGMOID,
        /// tanh x
        TANH,
        /// max(x, 0)
        RELU,
        /// alpha·x + beta
        AFFINE,
        /// x where x ≥ 0, else alpha·x
        LEAKY_RELU,
        /// x where x ≥ alpha, else 0
        THRESHOLDED_RELU,
        /// alpha·tanh(beta·x)
        SCALED_TANH,
        /// min(max(alpha·x + beta, 0), 1)
        HARD_SIGMOID,
        /// x where x ≥ 0, else alpha·(e^x − 1)
        ELU,
        /// x/(1 + |x|)
        SOFTSIGN,
        /// log(1 + e^x)
        SOFTPLUS
    }

    public double of(double x) {
        return switch (kind) {
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            case TANH -> Math.tanh(x);
            case RELU -> Math.max(x, 0);
            case AFFINE -> alpha * x + beta;
            case LEAKY_RELU -> x < 0 ? alpha * x : x;
            case THRESHOLDED_RELU -> x < alpha ? 0 : x;
            case SCALED_TANH -> alpha * Math.tanh(beta * x);
            case HARD_SIGMOID -> Math.min(Math.max(alpha * x + beta, 0), 1);
            case ELU -> x < 0 ? alpha * Math.expm1(x) : x;
            case SOFTSIGN -> x / (1 + Math.abs(x));
            case SOFTPLUS -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
        };
    }

    /// The slope where the value is `y`; at a kink, one of the two sides.
    public double slope(double y) {
        return switch (kind) {
            case SIGMOID -> y * (1 - y);
            case TANH -> 1 - y * y;
            case RELU -> y > 0 ? 1 : 0;
            case AFFINE -> alpha;
            case LEAKY_RELU -> y < 0 ? alpha : 1;
            case THRESHOLDED_RELU -> y == 0 ? 0 : 1;
            case SCALED_TANH -> alpha == 0 ? 0 : beta * (alpha - y * y / alpha);
            case HARD_SIGMOID -> y > 0 && y < 1 ? alpha : 0;
            case ELU -> y < 0 ? y + alpha : 1;
            case SOFTSIGN -> (1 - Math.abs(y)) * (1 - Math.abs(y));
            case SOFTPLUS -> -Math.expm1(-y);
        };
    }

    /// Whether [#slope] is right everywhere.
    boolean hasSlope() {
        return (kind != Kind.LEAKY_RELU && kind != Kind.ELU) || alpha >= 0;
    }
}
