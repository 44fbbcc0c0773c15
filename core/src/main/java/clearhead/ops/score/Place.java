package clearhead.ops.score;

import clearhead.tensor.Tensor;
import java.util.List;

/// One score and where it stands: what an expression is evaluated at, in double precision.
///
/// @param batch number of the sequence in the pass
/// @param head query head
/// @param query position of the query in its sequence
/// @param key position of the key in its sequence
public record Place(double score, int batch, int head, int query, int key) {

    /// The expression's value here.
    public double value(Value expression) {
        return switch (expression) {
            case Value.Score() -> score;
            case Value.Constant(double constant) -> constant;
            case Value.OfIndex(Index index) -> index(index);
            case Value.Load(Table table, List<Index> at) -> table.tensor().at(offset(table, at));
            case Value.Unary(Value.Function function, Value x) -> function.apply(value(x));
            case Value.Binary(Value.Operation operation, Value a, Value b) -> operation.apply(value(a), value(b));
            case Value.Choose(Condition condition, Value then, Value otherwise) ->
                value(holds(condition) ? then : otherwise);
        };
    }

    /// The index's value here.
    public int index(Index index) {
        return switch (index) {
            case Index.Axis(Index.AxisName name) ->
                switch (name) {
                    case BATCH -> batch;
                    case HEAD -> head;
                    case QUERY -> query;
                    case KEY -> key;
                };
            case Index.Constant(int constant) -> constant;
            case Index.Binary(Index.Operation operation, Index a, Index b) -> operation.apply(index(a), index(b));
            case Index.Load(Table table, List<Index> at) -> table.tensor().intAt(offset(table, at));
        };
    }

    /// Whether the condition holds here.
    public boolean holds(Condition condition) {
        return switch (condition) {
            case Condition.Compare(Index a, Index b) -> index(a) <= index(b);
            case Condition.CompareValues(Value a, Value b) -> value(a) <= value(b);
            case Condition.And(Condition a, Condition b) -> holds(a) && holds(b);
            case Condition.Not(Condition a) -> !holds(a);
        };
    }

    private long offset(Table table, List<Index> at) {
        Tensor tensor = table.tensor();
        long offset = 0;
        for (int axis = 0; axis < at.size(); axis++) {
            int i = index(at.get(axis));
            if (i < 0 || i >= tensor.dim(axis)) {
                throw new IndexOutOfBoundsException(
                        "index " + i + " into axis " + axis + " of the captured table " + tensor);
            }
            offset = offset * tensor.dim(axis) + i;
        }
        return offset;
    }
}
