package clearhead.ops.cpu.vector;

import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Rows of tables.
final class Rows {
    private Rows() {}

    static Tensor embed(
            Workspace workspace, Workers workers, Tensor table, Tensor ids) {
        throw new UnsupportedOperationException("Rows.embed");
    }

    static void embedAdjoint(
            Tensor ids, Tensor dOut, Tensor intoTable) {
        throw new UnsupportedOperationException("Rows.embedAdjoint");
    }

    static Tensor select(
            Workspace workspace, Workers workers, Tensor x, Tensor rows) {
        throw new UnsupportedOperationException("Rows.select");
    }

    static Tensor selectAdjoint(
            Workspace workspace, Tensor rows, Tensor dOut, int tokens) {
        throw new UnsupportedOperationException("Rows.selectAdjoint");
    }
}
