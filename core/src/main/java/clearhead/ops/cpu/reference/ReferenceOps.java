package clearhead.ops.cpu.reference;

import clearhead.ops.Activation;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Carried;
import clearhead.ops.CellState;
import clearhead.ops.Checks;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.RecurrenceChecks;
import clearhead.ops.RoutingChecks;
import clearhead.ops.ScoreStage;
import clearhead.ops.Sequences;
import clearhead.ops.StateChecks;
import clearhead.ops.StateSpace;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// Checks arguments, then calls the file of the operation's family.
record ReferenceOps(Workspace workspace) implements Ops {
    @Override
    public Tensor embed(Tensor table, Tensor ids) {
        Checks.embed(table, ids);
        Checks.rows("embed", "table", table);
        return Lookups.embed(workspace, table, ids);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Checks.linear(x, weight);
        return Products.linear(workspace, x, weight, null);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        Checks.linear(x, weight, bias);
        return Products.linear(workspace, x, weight, bias);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Checks.elementwise("add", "a", a, "b", b);
        return Elementwise.add(workspace, a, b);
    }

    @Override
    public Tensor scale(Tensor x, double factor) {
        Checks.elementwise("scale", x);
        return Elementwise.scale(workspace, x, factor);
    }

    @Override
    public Tensor multiply(Tensor a, Tensor b) {
        Checks.multiply(a, b);
        return Elementwise.multiply(workspace, a, b);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        Checks.layerNorm(x, weight, bias);
        return Norms.layerNorm(workspace, x, weight, bias, eps);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        Checks.rmsNorm(x, weight);
        return Norms.rmsNorm(workspace, x, weight, eps);
    }

    @Override
    public Tensor activate(Activation act, Tensor x) {
        Checks.elementwise("activate", x);
        return Elementwise.activate(workspace, act, x);
    }

    @Override
    public Tensor gate(Activation act, Tensor gate, Tensor up) {
        Checks.elementwise("gate", "gate", gate, "up", up);
        return Elementwise.gate(workspace, act, gate, up);
    }

    @Override
    public Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        Checks.rope(x, cos, sin, positions);
        return Rotary.rope(workspace, x, cos, sin, positions, pairing);
    }

    @Override
    public Carried causalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state) {
        StateChecks.causalConvolution(x, weight, bias, rows, state);
        return Carrying.causalConvolution(workspace, x, weight, bias, rows, state);
    }

    @Override
    public Carried linearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state) {
        StateChecks.linearAttention(query, key, value, update, rows, state);
        return Carrying.linearAttention(workspace, query, key, value, update, scale, rows, state);
    }

    @Override
    public Carried selectiveScan(
            Tensor x,
            Tensor step,
            Tensor input,
            Tensor output,
            StateSpace space,
            Sequences rows,
            Optional<Tensor> state) {
        StateChecks.selectiveScan(x, step, input, output, space, rows, state);
        return StateSpaces.selectiveScan(workspace, x, step, input, output, space, rows, state);
    }

    @Override
    public Carried wkv(Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state) {
        StateChecks.wkv(key, value, decay, first, rows, state);
        return StateSpaces.wkv(workspace, key, value, decay, first, rows, state);
    }

    @Override
    public void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        Checks.store(key, value, queries, past);
        Attention.store(key, value, queries, past);
    }

    @Override
    public Attended attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        Checks.attention(query, queries, past, spec);
        return Attention.attention(workspace, query, queries, past, spec);
    }

    @Override
    public Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage) {
        Checks.scores(query, past, sequence, spec);
        return Attention.scores(workspace, query, past, sequence, spec, stage);
    }

    @Override
    public Tensor softmax(Tensor x) {
        Checks.softmax(x);
        return Softmax.softmax(workspace, x);
    }

    @Override
    public Tensor weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        Checks.weigh(pattern, past, sequence, spec);
        return Attention.weigh(workspace, pattern, past, sequence, spec);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets) {
        Checks.crossEntropy(logits, targets);
        return Softmax.crossEntropy(workspace, logits, targets);
    }

    @Override
    public Tensor select(Tensor x, Tensor rows) {
        Checks.select(x, rows);
        return Lookups.select(workspace, x, rows);
    }

    @Override
    public Recurred recur(Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start) {
        RecurrenceChecks.recur(inputs, sequences, recurrence, start);
        return Recurrent.recur(workspace, inputs, sequences, recurrence, start);
    }

    @Override
    public Tensor join(Tensor left, Tensor right) {
        RecurrenceChecks.join(left, right);
        return Lookups.join(workspace, left, right);
    }

    @Override
    public Tensor combine(List<Tensor> parts, Tensor rows, Tensor weights) {
        RoutingChecks.combine(parts, rows, weights);
        return Mixtures.combine(workspace, parts, rows, weights);
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high) {
        RoutingChecks.clamp(x, low, high);
        return Mixtures.clamp(workspace, x, low, high);
    }
}
