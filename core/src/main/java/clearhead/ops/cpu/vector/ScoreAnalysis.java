package clearhead.ops.cpu.vector;

import clearhead.ops.score.Condition;
import clearhead.ops.score.Index;
import clearhead.ops.score.Table;
import clearhead.ops.score.Value;
import java.util.List;

/// What [ScoreCompiler] must know of an expression before it writes code for it.
final class ScoreAnalysis {
    private ScoreAnalysis() {}

    /// An expression as a plain number rather than as a vector.
    record Plain(Object of) {}

    /// Whether it differs from key to key of a row.
    static boolean varies(Value value) {
        return switch (value) {
            case Value.Score() -> true;
            case Value.Constant _ -> false;
            case Value.OfIndex(Index index) -> varies(index);
            case Value.Load(Table _, List<Index> at) -> at.stream().anyMatch(ScoreAnalysis::varies);
            case Value.Unary(Value.Function _, Value x) -> varies(x);
            case Value.Binary(Value.Operation _, Value a, Value b) -> varies(a) || varies(b);
            case Value.Choose(Condition condition, Value then, Value otherwise) ->
                varies(condition) || varies(then) || varies(otherwise);
        };
    }

    static boolean varies(Index index) {
        return switch (index) {
            case Index.Axis(Index.AxisName name) -> name == Index.AxisName.KEY;
            case Index.Constant _ -> false;
            case Index.Binary(Index.Operation _, Index a, Index b) -> varies(a) || varies(b);
            case Index.Load(Table _, List<Index> at) -> at.stream().anyMatch(ScoreAnalysis::varies);
        };
    }

    static boolean varies(Condition condition) {
        return switch (condition) {
            case Condition.Compare(Index a, Index b) -> varies(a) || varies(b);
            case Condition.CompareValues(Value a, Value b) -> varies(a) || varies(b);
            case Condition.And(Condition a, Condition b) -> varies(a) || varies(b);
            case Condition.Not(Condition a) -> varies(a);
        };
    }

    /// 1 if an index is the key plus something that does not vary, −1 if it is something minus the
    /// key, 0 for all else.
    static int step(Index index) {
        return switch (index) {
            case Index.Axis(Index.AxisName name) -> name == Index.AxisName.KEY ? 1 : 0;
            case Index.Binary(Index.Operation operation, Index a, Index b)
            when operation == Index.Operation.PLUS -> varies(a) && varies(b) ? 0 : step(a) + step(b);
            case Index.Binary(Index.Operation operation, Index a, Index b)
            when operation == Index.Operation.MINUS -> varies(a) && varies(b) ? 0 : step(a) - step(b);
            case Index.Binary _, Index.Constant _, Index.Load _ -> 0;
        };
    }

    /// Whether it reads a table.
    static boolean reads(Object expression) {
        return switch (expression) {
            case Value.Load _, Index.Load _ -> true;
            case Value.OfIndex(Index index) -> reads(index);
            case Value.Unary(Value.Function _, Value x) -> reads(x);
            case Value.Binary(Value.Operation _, Value a, Value b) -> reads(a) || reads(b);
            case Value.Choose(Condition c, Value a, Value b) -> reads(c) || reads(a) || reads(b);
            case Index.Binary(Index.Operation _, Index a, Index b) -> reads(a) || reads(b);
            case Condition.Compare(Index a, Index b) -> reads(a) || reads(b);
            case Condition.CompareValues(Value a, Value b) -> reads(a) || reads(b);
            case Condition.And(Condition a, Condition b) -> reads(a) || reads(b);
            case Condition.Not(Condition a) -> reads(a);
            case Plain(Object of) -> reads(of);
            default -> false;
        };
    }
}
