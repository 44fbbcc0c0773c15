package clearhead.ops.cpu.vector;

import clearhead.ops.Activation;
import clearhead.ops.Arithmetic;
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
import clearhead.ops.cpu.Workers;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import java.util.List;
import java.util.Optional;

/// Checks arguments and names each operation's kernel; there is no arithmetic here. Attention and
/// rotation check theirs themselves.
final class VectorOps implements Ops {
    private final Workspace workspace;
    private final Workers workers;
    private final Arithmetic arithmetic;

    VectorOps(Workspace workspace, Workers workers, Arithmetic arithmetic) {
        this.workspace = workspace;
        this.workers = workers;
        this.arithmetic = arithmetic;
    }

    @Override
    public Workspace workspace() {
        return workspace;
    }

    @Override
    public Tensor embed(Tensor table, Tensor ids) {
        Checks.embed(table, ids);
        return Rows.embed(workspace, workers, table, ids);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        Checks.linear(x, weight);
        Checks.type("linear", "x", x, DType.F32);
        return Linear.forward(workspace, workers, arithmetic, x, weight);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        Checks.linear(x, weight, bias);
        Checks.type("linear", "x", x, DType.F32);
        return Linear.forward(workspace, workers, arithmetic, x, weight, bias);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        Checks.elementwise("add", "a", a, "b", b);
        Checks.type("add", "a", a, DType.F32);
        Checks.type("add", "b", b, DType.F32);
        return Elementwise.add(workspace, workers, a, b);
    }

    @Override
    public Tensor scale(Tensor x, double factor) {
        Checks.elementwise("scale", x);
        Checks.type("scale", "x", x, DType.F32);
        return Elementwise.scale(workspace, workers, x, factor);
    }

    @Override
    public Tensor multiply(Tensor a, Tensor b) {
        Checks.multiply(a, b);
        Checks.type("multiply", "a", a, DType.F32);
        return Elementwise.multiply(workspace, workers, a, b);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        Checks.layerNorm(x, weight, bias);
        Checks.type("layerNorm", "x", x, DType.F32);
        return Norms.layerNorm(workspace, workers, x, weight, bias, eps);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        Checks.rmsNorm(x, weight);
        Checks.type("rmsNorm", "x", x, DType.F32);
        return Norms.rmsNorm(workspace, workers, x, weight, eps);
    }

    @Override
    public Tensor activate(Activation act, Tensor x) {
        Checks.elementwise("activate", x);
        Checks.type("activate", "x", x, DType.F32);
        return Activations.activate(workspace, workers, act, x);
    }

    @Override
    public Tensor gate(Activation act, Tensor gate, Tensor up) {
        Checks.elementwise("gate", "gate", gate, "up", up);
        Checks.type("gate", "gate", gate, DType.F32);
        Checks.type("gate", "up", up, DType.F32);
        return Activations.gate(workspace, workers, act, gate, up);
    }

    @Override
    public Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return Rotary.rope(workspace, workers, x, cos, sin, positions, pairing);
    }

    @Override
    public Carried causalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state) {
        StateChecks.causalConvolution(x, weight, bias, rows, state);
        Checks.type("causalConvolution", "x", x, DType.F32);
        return CausalConvolution.forward(workspace, workers, x, weight, bias, rows, state);
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
        Checks.type("linearAttention", "query", query, DType.F32);
        return LinearAttention.forward(workspace, workers, query, key, value, update, scale, rows, state);
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
        Checks.type("selectiveScan", "x", x, DType.F32);
        return SelectiveScan.forward(workspace, workers, x, step, input, output, space, rows, state);
    }

    @Override
    public Carried wkv(Tensor key, Tensor value, Tensor decay, Tensor first, Sequences rows, Optional<Tensor> state) {
        StateChecks.wkv(key, value, decay, first, rows, state);
        Checks.type("wkv", "key", key, DType.F32);
        return WeightedKeyValues.forward(workspace, workers, key, value, decay, first, rows, state);
    }

    @Override
    public void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        AttentionForward.store(workers, key, value, queries, past);
    }

    @Override
    public Attended attention(Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        return AttentionForward.attention(workspace, workers, query, queries, past, spec);
    }

    @Override
    public Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec, ScoreStage stage) {
        return AttentionPlain.scores(workspace, workers, query, past, sequence, spec, stage);
    }

    @Override
    public Tensor softmax(Tensor x) {
        return AttentionPlain.softmax(workspace, workers, x);
    }

    @Override
    public Tensor weigh(Tensor pattern, KvView past, int sequence, AttentionSpec spec) {
        return AttentionPlain.weigh(workspace, workers, pattern, past, sequence, spec);
    }

    @Override
    public Tensor crossEntropy(Tensor logits, Tensor targets) {
        Checks.crossEntropy(logits, targets);
        Checks.type("crossEntropy", "logits", logits, DType.F32);
        return CrossEntropy.forward(workspace, workers, logits, targets);
    }

    @Override
    public Tensor select(Tensor x, Tensor rows) {
        Checks.select(x, rows);
        Checks.type("select", "x", x, DType.F32);
        return Rows.select(workspace, workers, x, rows);
    }

    @Override
    public Recurred recur(Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start) {
        RecurrenceChecks.recur(inputs, sequences, recurrence, start);
        Checks.type("recur", "inputs", inputs, DType.F32);
        return RecurrentForward.recur(workspace, workers, inputs, sequences, recurrence, start);
    }

    @Override
    public Tensor join(Tensor left, Tensor right) {
        RecurrenceChecks.join(left, right);
        Checks.type("join", "left", left, DType.F32);
        return Rows.join(workspace, workers, left, right);
    }

    @Override
    public Tensor combine(List<Tensor> parts, Tensor rows, Tensor weights) {
        RoutingChecks.combine(parts, rows, weights);
        Checks.type("combine", "weights", weights, DType.F32);
        return Mixtures.combine(workspace, workers, parts, rows, weights);
    }

    @Override
    public Tensor clamp(Tensor x, double low, double high) {
        RoutingChecks.clamp(x, low, high);
        Checks.type("clamp", "x", x, DType.F32);
        return Mixtures.clamp(workspace, workers, x, low, high);
    }
}
