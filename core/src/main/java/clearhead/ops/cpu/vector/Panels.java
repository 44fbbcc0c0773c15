package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;

/// Weights packed into panels of 16 outputs.
final class Panels {
    private Panels() {}

    static Tensor pack(
            Tensor weight, Arena arena, Workers workers) {
        throw new UnsupportedOperationException("Panels.pack");
    }
}
