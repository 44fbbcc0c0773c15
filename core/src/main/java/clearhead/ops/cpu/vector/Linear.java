package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// x·Wᵀ and its adjoints.
final class Linear {
    private Linear() {}

    static Tensor forward(
            Workspace workspace, Workers workers, Tensor x, Tensor weight) {
        throw new UnsupportedOperationException("Linear.forward");
    }

    static Tensor forward(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, Tensor bias) {
        throw new UnsupportedOperationException("Linear.forward");
    }

    static Tensor inputAdjoint(
            Workspace workspace, Workers workers, Tensor dOut, Tensor weight) {
        throw new UnsupportedOperationException("Linear.inputAdjoint");
    }

    static void weightAdjoint(
            Workspace workspace, Workers workers, Tensor x, Tensor dOut, Tensor intoWeight) {
        throw new UnsupportedOperationException("Linear.weightAdjoint");
    }

    static void biasAdjoint(
            Workers workers, Tensor dOut, Tensor intoBias) {
        throw new UnsupportedOperationException("Linear.biasAdjoint");
    }
}
