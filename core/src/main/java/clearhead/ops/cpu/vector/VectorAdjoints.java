package clearhead.ops.cpu.vector;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Pairing;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Names each adjoint's kernel; there is no arithmetic here.
final class VectorAdjoints implements Adjoints {
    private final Workspace workspace;
    private final Workers workers;

    VectorAdjoints(Workspace workspace, Workers workers) {
        this.workspace = workspace;
        this.workers = workers;
    }

    @Override
    public void accumulate(Tensor d, Tensor into) {
        Elementwise.accumulate(workers, d, into);
    }

    @Override
    public void embed(Tensor ids, Tensor dOut, Tensor intoTable) {
        Rows.embedAdjoint(ids, dOut, intoTable);
    }

    @Override
    public Tensor linearInput(Tensor dOut, Tensor weight) {
        return Linear.inputAdjoint(workspace, workers, dOut, weight);
    }

    @Override
    public void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        Linear.weightAdjoint(workspace, workers, x, dOut, intoWeight);
    }

    @Override
    public void linearBias(Tensor dOut, Tensor intoBias) {
        Linear.biasAdjoint(workers, dOut, intoBias);
    }

    @Override
    public Tensor layerNorm(
            Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        return Norms.layerNormAdjoint(
                workspace, workers, x, weight, eps, dOut, intoWeight, intoBias);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        return Norms.rmsNormAdjoint(workspace, workers, x, weight, eps, dOut, intoWeight);
    }

    @Override
    public Tensor activate(Activation act, Tensor x, Tensor dOut) {
        return Activations.activateAdjoint(workspace, workers, act, x, dOut);
    }

    @Override
    public Gated gate(Activation act, Tensor gate, Tensor up, Tensor dOut) {
        return Activations.gateAdjoint(workspace, workers, act, gate, up, dOut);
    }

    @Override
    public Tensor rope(Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return Rotary.adjoint(workspace, workers, dOut, cos, sin, positions, pairing);
    }

    @Override
    public Attention attention(
            Tensor query,
            Sequences queries,
            KvView.Packed past,
            AttentionSpec spec,
            Attended forward,
            Tensor dOut) {
        return AttentionBackward.attention(
                workspace, workers, query, queries, past, spec, forward, dOut);
    }

    @Override
    public Tensor softmax(Tensor y, Tensor dOut) {
        return AttentionPlain.softmaxAdjoint(workspace, workers, y, dOut);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets, Tensor dLoss) {
        return CrossEntropy.adjoint(workspace, workers, logits, targets, dLoss);
    }

    @Override
    public Tensor select(Tensor rows, Tensor dOut, int tokens) {
        return Rows.selectAdjoint(workspace, rows, dOut, tokens);
    }

    @Override
    public Tensor zerosLike(Tensor t) {
        return Elementwise.zerosLike(workspace, workers, t);
    }
}
