package clearhead.ops.score;

/// What a spec does to each score that is not masked, after scale and soft-cap.
public sealed interface ScoreRule {

    /// An expression, which a backend may compile.
    ///
    /// @param slope its derivative by the score
    record Traced(Value value, Value slope) implements ScoreRule {
        /// Calls the lambda with the symbols, and takes its derivative.
        public static Traced of(ScoreMod mod) {
            Value value;
            try {
                value = mod.score(Value.SCORE, Index.BATCH, Index.HEAD, Index.QUERY, Index.KEY);
            } catch (RuntimeException e) {
                throw new IllegalArgumentException(
                        "the score function threw while it was traced: it is called once, with symbols for"
                                + " score, head, query and key; use a ScoreFunction for code that needs numbers",
                        e);
            }
            return new Traced(value, Derivative.of(value));
        }
    }

    /// Java code, called for each score.
    record Plain(ScoreFunction function) implements ScoreRule {}

    /// What becomes of a score.
    ///
    /// @throws ScoreException if the function throws, or makes NaN of a number
    default double score(Place place) {
        double found;
        try {
            found = switch (this) {
                case Traced(Value value, Value _) -> place.value(value);
                case Plain(ScoreFunction function) -> call(function, place.score(), place);
            };
        } catch (RuntimeException e) {
            throw new ScoreException(place, "threw " + e, e);
        }
        if (Double.isNaN(found) && !Double.isNaN(place.score())) {
            throw new ScoreException(place, "returned NaN for the score " + place.score());
        }
        return found;
    }

    /// The derivative by the score: exact for an expression, by central differences in double
    /// precision for Java code.
    ///
    /// @throws ScoreException if the function throws
    default double slope(Place place) {
        try {
            return switch (this) {
                case Traced(Value _, Value slope) -> place.value(slope);
                case Plain(ScoreFunction function) -> {
                    double step = 6e-6 * Math.max(1, Math.abs(place.score()));
                    double up = place.score() + step;
                    double down = place.score() - step;
                    yield (call(function, up, place) - call(function, down, place)) / (up - down);
                }
            };
        } catch (RuntimeException e) {
            throw new ScoreException(place, "threw " + e, e);
        }
    }

    private static double call(ScoreFunction function, double score, Place at) {
        return function.score(score, at.batch(), at.head(), at.query(), at.key());
    }
}
