package clearhead.nn;

import clearhead.ops.Cell;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// In which order a file keeps the gates of its recurrent weights and biases.
public enum GateOrder {
    /// i, o, f, c and z, r, h: ours, too.
    ONNX,
    /// i, f, g, o and r, z, n. PyTorch's GRU is [Cell#gru], with the product before the reset.
    TORCH;

    /// A copy with the blocks of rows in our order.
    ///
    /// @param rows [gates·hidden, …], a weight or a bias, in rows
    public Tensor toOurs(Arena arena, Cell cell, Tensor rows) {
        int gates = cell.gates();
        if (rows.dim(0) % gates != 0) {
            throw new IllegalArgumentException(
                    "rows [gates·hidden, …] must be a multiple of " + gates + " gates, found " + rows);
        }
        Tensor copy = rows.copy(arena);
        long block = rows.data().byteSize() / gates;
        int[] from = blocks(cell);
        for (int gate = 0; gate < gates; gate++) {
            MemorySegment.copy(rows.data(), from[gate] * block, copy.data(), gate * block, block);
        }
        return copy;
    }

    /// Which block of this order is each of ours.
    private int[] blocks(Cell cell) {
        return switch (cell) {
            case Cell.Rnn _ -> new int[] {0};
            case Cell.Lstm _ -> this == ONNX ? new int[] {0, 1, 2, 3} : new int[] {0, 3, 1, 2};
            case Cell.Gru _ -> this == ONNX ? new int[] {0, 1, 2} : new int[] {1, 0, 2};
        };
    }
}
