package clearhead.ops.score;

import java.util.List;

/// A real number that depends on a score and its place: an expression, built by the methods here.
public sealed interface Value {
    /// The score itself.
    Value SCORE = new Score();

    /// Operations on two numbers.
    enum Operation {
        PLUS,
        MINUS,
        TIMES,
        OVER,
        MIN,
        MAX;

        /// The operation on numbers.
        public double apply(double a, double b) {
            return switch (this) {
                case PLUS -> a + b;
                case MINUS -> a - b;
                case TIMES -> a * b;
                case OVER -> a / b;
                case MIN -> Math.min(a, b);
                case MAX -> Math.max(a, b);
            };
        }
    }

    /// Functions of one number.
    enum Function {
        EXP,
        LOG,
        SQRT,
        TANH;

        /// The function of a number.
        public double apply(double x) {
            return switch (this) {
                case EXP -> Math.exp(x);
                case LOG -> Math.log(x);
                case SQRT -> Math.sqrt(x);
                case TANH -> Math.tanh(x);
            };
        }
    }

    /// q·k·scale, after the soft-cap if there is one.
    record Score() implements Value {}

    /// The same everywhere.
    record Constant(double value) implements Value {}

    /// An index as a number.
    record OfIndex(Index index) implements Value {}

    /// An element of a captured tensor.
    record Load(Table table, List<Index> at) implements Value {}

    /// A function of one number.
    record Unary(Function function, Value x) implements Value {}

    /// An operation on two numbers.
    record Binary(Operation operation, Value a, Value b) implements Value {}

    /// `then` where the condition holds, `otherwise` elsewhere.
    record Choose(Condition condition, Value then, Value otherwise) implements Value {}

    /// The constant `value`.
    static Value of(double value) {
        return new Constant(value);
    }

    default Value plus(Value other) {
        return new Binary(Operation.PLUS, this, other);
    }

    default Value plus(Index other) {
        return plus(other.toValue());
    }

    default Value plus(double other) {
        return plus(of(other));
    }

    default Value minus(Value other) {
        return new Binary(Operation.MINUS, this, other);
    }

    default Value minus(Index other) {
        return minus(other.toValue());
    }

    default Value minus(double other) {
        return minus(of(other));
    }

    default Value times(Value other) {
        return new Binary(Operation.TIMES, this, other);
    }

    default Value times(Index other) {
        return times(other.toValue());
    }

    default Value times(double other) {
        return times(of(other));
    }

    default Value over(Value other) {
        return new Binary(Operation.OVER, this, other);
    }

    default Value over(double other) {
        return over(of(other));
    }

    default Value min(Value other) {
        return new Binary(Operation.MIN, this, other);
    }

    default Value min(double other) {
        return min(of(other));
    }

    default Value max(Value other) {
        return new Binary(Operation.MAX, this, other);
    }

    default Value max(double other) {
        return max(of(other));
    }

    /// this ≤ other.
    default Condition atMost(Value other) {
        return new Condition.CompareValues(this, other);
    }

    /// this ≤ other.
    default Condition atMost(double other) {
        return atMost(of(other));
    }

    /// −this.
    default Value negate() {
        return of(0).minus(this);
    }

    /// |this|.
    default Value abs() {
        return max(negate());
    }

    default Value square() {
        return times(this);
    }

    default Value exp() {
        return new Unary(Function.EXP, this);
    }

    default Value log() {
        return new Unary(Function.LOG, this);
    }

    default Value sqrt() {
        return new Unary(Function.SQRT, this);
    }

    default Value tanh() {
        return new Unary(Function.TANH, this);
    }

    /// 1/(1 + exp(−this)).
    default Value sigmoid() {
        return times(0.5).tanh().times(0.5).plus(0.5);
    }
}
