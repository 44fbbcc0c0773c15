package clearhead.ops.cpu.vector;

import clearhead.ops.Activation;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.KvView;
import clearhead.ops.Ops;
import clearhead.ops.Pairing;
import clearhead.ops.Sequences;
import clearhead.ops.cpu.Workers;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;

/// Names each operation's kernel; there is no arithmetic here.
final class VectorOps implements Ops {
    private final Workspace workspace;
    private final Workers workers;

    VectorOps(Workspace workspace, Workers workers) {
        this.workspace = workspace;
        this.workers = workers;
    }

    @Override
    public Workspace workspace() {
        return workspace;
    }

    @Override
    public Tensor embed(Tensor table, Tensor ids) {
        return Rows.embed(workspace, workers, table, ids);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight) {
        return Linear.forward(workspace, workers, x, weight);
    }

    @Override
    public Tensor linear(Tensor x, Tensor weight, Tensor bias) {
        return Linear.forward(workspace, workers, x, weight, bias);
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        return Elementwise.add(workspace, workers, a, b);
    }

    @Override
    public Tensor scale(Tensor x, double factor) {
        return Elementwise.scale(workspace, workers, x, factor);
    }

    @Override
    public Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        return Norms.layerNorm(workspace, workers, x, weight, bias, eps);
    }

    @Override
    public Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        return Norms.rmsNorm(workspace, workers, x, weight, eps);
    }

    @Override
    public Tensor activate(Activation act, Tensor x) {
        return Activations.activate(workspace, workers, act, x);
    }

    @Override
    public Tensor gate(Activation act, Tensor gate, Tensor up) {
        return Activations.gate(workspace, workers, act, gate, up);
    }

    @Override
    public Tensor rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing) {
        return Rotary.rope(workspace, workers, x, cos, sin, positions, pairing);
    }

    @Override
    public void store(Tensor key, Tensor value, Sequences queries, KvView.Paged past) {
        AttentionForward.store(workers, key, value, queries, past);
    }

    @Override
    public Attended attention(
            Tensor query, Sequences queries, KvView past, AttentionSpec spec) {
        return AttentionForward.attention(workspace, workers, query, queries, past, spec);
    }

    @Override
    public Tensor scores(Tensor query, KvView past, int sequence, AttentionSpec spec) {
        return AttentionPlain.scores(workspace, workers, query, past, sequence, spec);
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
        return CrossEntropy.forward(workspace, workers, logits, targets);
    }

    @Override
    public Tensor select(Tensor x, Tensor rows) {
        return Rows.select(workspace, workers, x, rows);
    }
}
