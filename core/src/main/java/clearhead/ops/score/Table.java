package clearhead.ops.score;

import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.List;

/// A tensor that a score function has captured.
///
/// @param tensor F32, F64 or I32, of any rank from 1 on; read when the attention runs, so its
///     contents may change between passes
public record Table(Tensor tensor) {
    public Table {
        if (tensor.type() != DType.F32 && tensor.type() != DType.F64 && tensor.type() != DType.I32) {
            throw new IllegalArgumentException(
                    "a table of a score function must be F32, F64 or I32, got " + tensor + "; convert it first");
        }
    }

    /// The same as the constructor, for lambdas.
    public static Table of(Tensor tensor) {
        return new Table(tensor);
    }

    /// The element at these indices, one for each axis.
    public Value at(Index... indices) {
        return new Value.Load(this, axes(indices));
    }

    /// The element of an I32 tensor at these indices, one for each axis.
    public Index indexAt(Index... indices) {
        if (tensor.type() != DType.I32) {
            throw new IllegalArgumentException("an index must come from an I32 table, this one is " + tensor);
        }
        return new Index.Load(this, axes(indices));
    }

    private List<Index> axes(Index... indices) {
        if (indices.length != tensor.shape().rank()) {
            throw new IllegalArgumentException(
                    "the table " + tensor + " needs " + tensor.shape().rank() + " indices, got " + indices.length);
        }
        return List.of(indices);
    }
}
