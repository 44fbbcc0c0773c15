package clearhead.ops.cpu.vector;

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
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// Checks arguments and names each adjoint's kernel; there is no arithmetic here. Attention and
/// rotation check theirs themselves.
final class VectorAdjoints implements Adjoints {
    private final Workspace workspace;
    private final Workers workers;

    VectorAdjoints(Workspace workspace, Workers workers) {
        this.workspace = workspace;
        this.workers = workers;
    }

    @Override
    public void accumulate(Tensor d, Tensor into) {
        Checks.accumulate(d, into);
        Checks.type("accumulate", "d", d, DType.F32);
        Checks.type("accumulate", "into", into, DType.F32);
        Elementwise.accumulate(workers, d, into);
    }

    @Override
    public void embed(Tensor ids, Tensor dOut, Tensor intoTable) {
        Checks.embedAdjoint(ids, dOut, intoTable);
        Checks.type("embed adjoint", "dOut", dOut, DType.F32);
        Checks.type("embed adjoint", "intoTable", intoTable, DType.F32);
        Rows.embedAdjoint(ids, dOut, intoTable);
    }

    @Override
    public Tensor linearInput(Tensor dOut, Tensor weight) {
        Checks.linearInput(dOut, weight);
        Checks.type("linearInput", "dOut", dOut, DType.F32);
        return Linear.inputAdjoint(workspace, workers, dOut, weight);
    }

    @Override
    public void linearWeight(Tensor x, Tensor dOut, Tensor intoWeight) {
        Checks.linearWeight(x, dOut, intoWeight);
        Checks.type("linearWeight", "x", x, DType.F32);
        Checks.type("linearWeight", "dOut", dOut, DType.F32);
        Checks.type("linearWeight", "intoWeight", intoWeight, DType.F32);
        Linear.weightAdjoint(workspace, workers, x, dOut, intoWeight);
    }

    @Override
    public void linearBias(Tensor dOut, Tensor intoBias) {
        Checks.linearBias(dOut, intoBias);
        Checks.type("linearBias", "dOut", dOut, DType.F32);
        Checks.type("linearBias", "intoBias", intoBias, DType.F32);
        Linear.biasAdjoint(workers, dOut, intoBias);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight, Tensor intoBias) {
        Checks.layerNormAdjoint(x, weight, dOut, intoWeight, intoBias);
        Checks.type("layerNorm adjoint", "x", x, DType.F32);
        Checks.type("layerNorm adjoint", "dOut", dOut, DType.F32);
        Checks.type("layerNorm adjoint", "intoWeight", intoWeight, DType.F32);
        Checks.type("layerNorm adjoint", "intoBias", intoBias, DType.F32);
        return Norms.layerNormAdjoint(workspace, workers, x, weight, eps, dOut, intoWeight, intoBias);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps, Tensor dOut, Tensor intoWeight) {
        Checks.rmsNormAdjoint(x, weight, dOut, intoWeight);
        Checks.type("rmsNorm adjoint", "x", x, DType.F32);
        Checks.type("rmsNorm adjoint", "dOut", dOut, DType.F32);
        Checks.type("rmsNorm adjoint", "intoWeight", intoWeight, DType.F32);
        return Norms.rmsNormAdjoint(workspace, workers, x, weight, eps, dOut, intoWeight);
    }

    @Override
    public Tensor activate(Activation act, Tensor x, Tensor dOut) {
        Checks.elementwise("activate adjoint", "x", x, "dOut", dOut);
        Checks.type("activate adjoint", "x", x, DType.F32);
        Checks.type("activate adjoint", "dOut", dOut, DType.F32);
        return Activations.activateAdjoint(workspace, workers, act, x, dOut);
    }

    @Override
    public Gated gate(Activation act, Tensor gate, Tensor up, Tensor dOut) {
        Checks.gateAdjoint(gate, up, dOut);
        Checks.type("gate adjoint", "gate", gate, DType.F32);
        Checks.type("gate adjoint", "up", up, DType.F32);
        Checks.type("gate adjoint", "dOut", dOut, DType.F32);
        return Activations.gateAdjoint(workspace, workers, act, gate, up, dOut);
    }

    @Override
    public Tensor rope(Tensor dOut, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return Rotary.adjoint(workspace, workers, dOut, cos, sin, positions, pairing);
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
        Checks.type("causalConvolution adjoint", "x", x, DType.F32);
        Checks.type("causalConvolution adjoint", "intoWeight", intoWeight, DType.F32);
        intoBias.ifPresent(b -> Checks.type("causalConvolution adjoint", "intoBias", b, DType.F32));
        return CausalConvolutionAdjoint.run(workspace, workers, x, weight, rows, state, dOut, intoWeight, intoBias);
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
        Checks.type("linearAttention adjoint", "query", query, DType.F32);
        return LinearAttentionAdjoint.run(workspace, workers, query, key, value, update, scale, rows, state, dOut);
    }

    @Override
    public Attention attention(
            Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended forward, Tensor dOut) {
        return AttentionBackward.attention(workspace, workers, query, queries, past, spec, forward, dOut);
    }

    @Override
    public Tensor softmax(Tensor y, Tensor dOut) {
        return AttentionPlain.softmaxAdjoint(workspace, workers, y, dOut);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets, Tensor dLoss) {
        Checks.crossEntropyAdjoint(logits, targets, dLoss);
        Checks.type("crossEntropy adjoint", "logits", logits, DType.F32);
        Checks.type("crossEntropy adjoint", "dLoss", dLoss, DType.F32);
        return CrossEntropy.adjoint(workspace, workers, logits, targets, dLoss);
    }

    @Override
    public Tensor select(Tensor rows, Tensor dOut, int tokens) {
        Checks.selectAdjoint(rows, dOut, tokens);
        Checks.type("select adjoint", "dOut", dOut, DType.F32);
        return Rows.selectAdjoint(workspace, rows, dOut, tokens);
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
        Checks.type("recur adjoint", "dOut", dOut, DType.F32);
        Checks.type("recur adjoint", "into.weight", into.weight(), DType.F32);
        into.bias().ifPresent(d -> Checks.type("recur adjoint", "into.bias", d, DType.F32));
        into.peepholes().ifPresent(d -> Checks.type("recur adjoint", "into.peepholes", d, DType.F32));
        return RecurrentBackward.recur(workspace, workers, sequences, recurrence, start, forward, dOut, dCells, into);
    }

    @Override
    public Joined split(Tensor dOut, int left) {
        RecurrenceChecks.split(dOut, left);
        Checks.type("join adjoint", "dOut", dOut, DType.F32);
        return Rows.split(workspace, workers, dOut, left);
    }

    @Override
    public Tensor zerosLike(Tensor t) {
        return Elementwise.zerosLike(workspace, workers, t);
    }

    @Override
    public Combined combine(List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        RoutingChecks.combineAdjoint(parts, rows, weights, dOut);
        Checks.type("combine adjoint", "weights", weights, DType.F32);
        return Mixtures.combineAdjoint(workspace, parts, rows, weights, dOut);
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high, Tensor dOut) {
        RoutingChecks.clampAdjoint(x, low, high, dOut);
        Checks.type("clamp adjoint", "x", x, DType.F32);
        return Mixtures.clampAdjoint(workspace, workers, x, low, high, dOut);
    }
}
