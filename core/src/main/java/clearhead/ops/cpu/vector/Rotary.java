package clearhead.ops.cpu.vector;

import clearhead.ops.Pairing;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Rotary position embedding.
final class Rotary {
    private Rotary() {}

    static Tensor rope(
            Workspace workspace, Workers workers, Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        throw new UnsupportedOperationException("Rotary.rope");
    }

    static Tensor adjoint(
            Workspace workspace, Workers workers, Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        throw new UnsupportedOperationException("Rotary.adjoint");
    }
}
