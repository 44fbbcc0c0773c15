package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;

/// What one head writes to the residual stream.
final class HeadOutput {
    private HeadOutput() {}

    /// Wo's columns that one head's z goes through, by sending unit vectors through it: so it works for
    /// packed weights, too. In the workspace.
    ///
    /// @return [headDim, dim]
    static Tensor columns(Attention attention, Ops ops, int head) {
        var spec = attention.spec();
        Tensor unit = ops.workspace().take(DType.F32, spec.valueDim(), spec.heads() * spec.valueDim());
        unit.data().fill((byte) 0);
        for (int e = 0; e < spec.valueDim(); e++) {
            unit.set((long) e * unit.dim(1) + head * spec.valueDim() + e, 1);
        }
        return ops.linear(unit, attention.output().weight());
    }
}
