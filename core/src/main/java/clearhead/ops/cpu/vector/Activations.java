package clearhead.ops.cpu.vector;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Nonlinearities and gates.
final class Activations {
    private Activations() {}

    static Tensor activate(
            Workspace workspace, Workers workers, Activation act, Tensor x) {
        throw new UnsupportedOperationException("Activations.activate");
    }

    static Tensor gate(
            Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up) {
        throw new UnsupportedOperationException("Activations.gate");
    }

    static Tensor activateAdjoint(
            Workspace workspace, Workers workers, Activation act, Tensor x, Tensor dOut) {
        throw new UnsupportedOperationException("Activations.activateAdjoint");
    }

    static Adjoints.Gated gateAdjoint(
            Workspace workspace, Workers workers, Activation act, Tensor gate, Tensor up, Tensor dOut) {
        throw new UnsupportedOperationException("Activations.gateAdjoint");
    }
}
