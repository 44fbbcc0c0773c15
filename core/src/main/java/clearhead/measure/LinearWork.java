package clearhead.measure;

import clearhead.ops.Backend;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/// One product x·Wᵀ of known size.
///
/// @param tokens rows of x
/// @param out rows of W
/// @param in columns of both
/// @param packed whether W is in the form that the backend likes best, as in a loaded model
public record LinearWork(int tokens, int out, int in, boolean packed) {
    /// Floating point operations: 2·tokens·out·in.
    public double operations() {
        return 2.0 * tokens * out * in;
    }

    /// Bytes of the weight, which few tokens wait for.
    public double weightBytes() {
        return (double) Float.BYTES * out * in;
    }

    /// The work itself, ready to be run again and again, on random numbers; each run begins by emptying
    /// `workspace`.
    ///
    /// @param arena holds x and W
    public Runnable on(Backend backend, Workspace workspace, Arena arena) {
        var random = new SplittableRandom(1);
        Tensor x = AttentionWork.normal(arena, random, tokens, in);
        Tensor rows = AttentionWork.normal(arena, random, out, in);
        Tensor weight = packed ? backend.pack(rows, arena) : rows;
        var ops = backend.ops(workspace);
        return () -> {
            workspace.reset();
            ops.linear(x, weight);
        };
    }
}
