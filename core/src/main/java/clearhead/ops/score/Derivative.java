package clearhead.ops.score;

/// The derivative of an expression by the score, as an expression.
public final class Derivative {
    private static final Value ZERO = Value.of(0);
    private static final Value ONE = Value.of(1);

    private Derivative() {}

    /// d `value` / d score. At a kink of min and max, that of the first argument.
    public static Value of(Value value) {
        return switch (value) {
            case Value.Score() -> ONE;
            case Value.Constant _, Value.OfIndex _, Value.Load _ -> ZERO;
            case Value.Unary(Value.Function function, Value x) -> times(outer(function, x, value), of(x));
            case Value.Binary(Value.Operation operation, Value a, Value b) -> binary(operation, a, b, value);
            case Value.Choose(Condition condition, Value then, Value otherwise) -> {
                Value left = of(then);
                Value right = of(otherwise);
                yield left.equals(right) ? left : condition.choose(left, right);
            }
        };
    }

    /// @param y the function's value
    private static Value outer(Value.Function function, Value x, Value y) {
        return switch (function) {
            case EXP -> y;
            case LOG -> ONE.over(x);
            case SQRT -> Value.of(0.5).over(y);
            case TANH -> ONE.minus(y.square());
        };
    }

    private static Value binary(Value.Operation operation, Value a, Value b, Value y) {
        Value da = of(a);
        Value db = of(b);
        return switch (operation) {
            case PLUS -> plus(da, db);
            case MINUS -> minus(da, db);
            case TIMES -> plus(times(da, b), times(a, db));
            case OVER -> db.equals(ZERO) ? over(da, b) : over(minus(da, times(y, db)), b);
            case MIN -> da.equals(db) ? da : a.atMost(b).choose(da, db);
            case MAX -> da.equals(db) ? da : b.atMost(a).choose(da, db);
        };
    }

    private static Value plus(Value a, Value b) {
        if (a.equals(ZERO)) {
            return b;
        }
        return b.equals(ZERO) ? a : a.plus(b);
    }

    private static Value minus(Value a, Value b) {
        return b.equals(ZERO) ? a : a.minus(b);
    }

    private static Value times(Value a, Value b) {
        if (a.equals(ZERO) || b.equals(ZERO)) {
            return ZERO;
        }
        if (a.equals(ONE)) {
            return b;
        }
        return b.equals(ONE) ? a : a.times(b);
    }

    private static Value over(Value a, Value b) {
        return a.equals(ZERO) ? ZERO : a.over(b);
    }
}
