package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Layer and root-mean-square norms.
final class Norms {
    private Norms() {}

    static Tensor layerNorm(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, Tensor bias, double eps) {
        throw new UnsupportedOperationException("Norms.layerNorm");
    }

    static Tensor rmsNorm(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, double eps) {
        throw new UnsupportedOperationException("Norms.rmsNorm");
    }

    static Tensor layerNormAdjoint(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        throw new UnsupportedOperationException("Norms.layerNormAdjoint");
    }

    static Tensor rmsNormAdjoint(
            Workspace workspace, Workers workers, Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        throw new UnsupportedOperationException("Norms.rmsNormAdjoint");
    }
}
