package clearhead.ops;

import clearhead.tensor.Tensor;

/// Tensors that stand for [sequences, heads, queries, keys] with fewer axes, or with axes of size 1.
public final class Broadcast {
    private Broadcast() {}

    /// Where the element of a score is in a tensor of rank 1 to 4; −1 if the key lies beyond its last
    /// axis.
    public static long offset(Tensor tensor, int sequence, int head, int query, int key) {
        int rank = tensor.rank();
        int last = tensor.dim(-1);
        if (last != 1 && key >= last) {
            return -1;
        }
        long at = 0;
        if (rank > 3) {
            at = tensor.dim(-4) == 1 ? 0 : sequence;
        }
        if (rank > 2) {
            at = at * tensor.dim(-3) + (tensor.dim(-3) == 1 ? 0 : head);
        }
        if (rank > 1) {
            at = at * tensor.dim(-2) + (tensor.dim(-2) == 1 ? 0 : query);
        }
        return at * last + (last == 1 ? 0 : key);
    }
}
