package clearhead.ops.cpu.reference;

import clearhead.ops.Activation;
import clearhead.ops.Adjoints;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.CellState;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.RecurrenceChecks;
import clearhead.ops.RoutingChecks;
import clearhead.ops.Sequences;
import clearhead.ops.StateChecks;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// Checks arguments, then calls the file of the operation's family.
record ReferenceAdjoints(Workspace workspace) implements Adjoints {
    @Override
    public void accumulate(Tensor d, Tensor into) {
        Checks.accumulate(d, into);
        Elementwise.accumulate(d, into);
    }

    @Override
    public void embed(Tensor ids, Tensor dOut, Tensor intoTable) {
        Checks.embedAdjoint(ids, dOut, intoTable);
        Lookups.embedAdjoint(ids, dOut, intoTable);
    }

    @Override
    public Tensor linearInput(Tensor dOut, Tensor weight) {
        Checks.linearInput(dOut, weight);
        return Products.linearInput(workspace, dOut, weight);
    }

    @Override
    public void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        Checks.linearWeight(x, dOut, intoWeight);
        Products.linearWeight(x, dOut, intoWeight);
    }

    @Override
    public void linearBias(Tensor dOut, Tensor intoBias) {
        Checks.linearBias(dOut, intoBias);
        Products.linearBias(dOut, intoBias);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        Checks.layerNormAdjoint(x, weight, dOut, intoWeight, intoBias);
        return Norms.layerNormAdjoint(workspace, x, weight, eps, dOut, intoWeight, intoBias);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        Checks.rmsNormAdjoint(x, weight, dOut, intoWeight);
        return Norms.rmsNormAdjoint(workspace, x, weight, eps, dOut, intoWeight);
    }

    @Override
    public Tensor activate(Activation act, Tensor x, Tensor dOut) {
        Checks.elementwise("activate adjoint", "x", x, "dOut", dOut);
        return Elementwise.activateAdjoint(workspace, act, x, dOut);
    }

    @Override
    public Gated gate(Activation act, Tensor gate, Tensor up, Tensor dOut) {
        Checks.gateAdjoint(gate, up, dOut);
        return Elementwise.gateAdjoint(workspace, act, gate, up, dOut);
    }

    @Override
    public Tensor rope(Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        Checks.rope(dOut, cos, sin, positions);
        return Rotary.ropeAdjoint(workspace, dOut, cos, sin, positions, pairing);
    }

    @Override
    public Tensor causalConvolution(
            Tensor x,
            Tensor weight,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut,
            Tensor intoWeight,
            Optional<Tensor> intoBias) {
        StateChecks.causalConvolutionAdjoint(x, weight, rows, state, dOut, intoWeight, intoBias);
        return Carrying.causalConvolutionAdjoint(workspace, x, weight, rows, state, dOut, intoWeight, intoBias);
    }

    @Override
    public LinearAttention linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor dOut) {
        StateChecks.linearAttentionAdjoint(query, key, value, update, rows, state, dOut);
        return CarryingAdjoint.linearAttention(workspace, query, key, value, update, scale, rows, state, dOut);
    }

    @Override
    public Attention attention(
            Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut) {
        Checks.attentionAdjoint(query, queries, past, spec, forward, dOut);
        return clearhead.ops.cpu.reference.Attention.attentionAdjoint(
                workspace, query, queries, past, spec, forward, dOut);
    }

    @Override
    public Tensor softmax(Tensor y, Tensor dOut) {
        Checks.softmaxAdjoint(y, dOut);
        return Softmax.softmaxAdjoint(workspace, y, dOut);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets, Tensor dLoss) {
        Checks.crossEntropyAdjoint(logits, targets, dLoss);
        return Softmax.crossEntropyAdjoint(workspace, logits, targets, dLoss);
    }

    @Override
    public Tensor select(Tensor rows, Tensor dOut, int tokens) {
        Checks.selectAdjoint(rows, dOut, tokens);
        return Lookups.selectAdjoint(workspace, rows, dOut, tokens);
    }

    @Override
    public Recurrent recur(
            Sequences sequences,
            Recurrence recurrence,
            Optional<CellState> start,
            Recurred forward,
            Tensor dOut,
            Optional<Tensor> dCells,
            Recurrence into) {
        RecurrenceChecks.recurAdjoint(sequences, recurrence, start, forward, dOut, dCells, into);
        return RecurrentAdjoint.recur(workspace, sequences, recurrence, start, forward, dOut, dCells, into);
    }

    @Override
    public Joined split(Tensor dOut, int left) {
        RecurrenceChecks.split(dOut, left);
        return Lookups.split(workspace, dOut, left);
    }

    @Override
    public Tensor zerosLike(Tensor t) {
        return Rows.zeros(workspace, t.type(), t.shape().dims());
    }

    @Override
    public Combined combine(List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        RoutingChecks.combineAdjoint(parts, rows, weights, dOut);
        return Mixtures.combineAdjoint(workspace, parts, rows, weights, dOut);
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high, Tensor dOut) {
        RoutingChecks.clampAdjoint(x, low, high, dOut);
        return Mixtures.clampAdjoint(workspace, x, low, high, dOut);
    }
}
