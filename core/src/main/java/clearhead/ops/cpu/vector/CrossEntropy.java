package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Cross-entropy of logits.
final class CrossEntropy {
    private CrossEntropy() {}

    static Tensor forward(
            Workspace workspace, Workers workers, Tensor logits, Tensor targets) {
        throw new UnsupportedOperationException("CrossEntropy.forward");
    }

    static Tensor adjoint(
            Workspace workspace, Workers workers, Tensor logits, Tensor targets, Tensor dLoss) {
        throw new UnsupportedOperationException("CrossEntropy.adjoint");
    }
}
