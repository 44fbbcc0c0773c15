package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Sums and multiples.
final class Elementwise {
    private Elementwise() {}

    static Tensor add(
            Workspace workspace, Workers workers, Tensor a, Tensor b) {
        throw new UnsupportedOperationException("Elementwise.add");
    }

    static Tensor scale(
            Workspace workspace, Workers workers, Tensor x, double factor) {
        throw new UnsupportedOperationException("Elementwise.scale");
    }

    static void accumulate(
            Workers workers, Tensor d, Tensor into) {
        throw new UnsupportedOperationException("Elementwise.accumulate");
    }

    static Tensor zerosLike(
            Workspace workspace, Workers workers, Tensor t) {
        throw new UnsupportedOperationException("Elementwise.zerosLike");
    }
}
