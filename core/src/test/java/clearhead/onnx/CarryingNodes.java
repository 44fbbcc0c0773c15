package clearhead.onnx;

import clearhead.ops.Activation;
import clearhead.ops.Carried;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// Operators that carry a state along a sequence.
record CarryingNodes(NodeRunner on) {
    /// input [batch, channels, tokens], weight [channels, 1, kernel], bias [channels],
    /// past_state [batch, channels, kernel − 1].
    List<Grid> causalConvolution(OnnxCase c) {
        Grid input = Grid.of(c.input(0));
        int batch = input.dims()[0];
        int channels = input.dims()[1];
        int tokens = input.dims()[2];
        Grid weight = Grid.of(c.input(1));
        int kernel = weight.dims()[2];
        Optional<Tensor> bias = c.has(2) ? Optional.of(on.tensor(Grid.of(c.input(2)), channels)) : Optional.empty();
        Optional<Tensor> state = c.has(3)
                ? Optional.of(on.tensor(Grid.of(c.input(3)).transpose(0, 2, 1), batch, kernel - 1, channels))
                : Optional.empty();
        Carried y = on.ops()
                .causalConvolution(
                        on.tensor(input.transpose(0, 2, 1), batch * tokens, channels),
                        on.tensor(weight, channels, kernel),
                        bias,
                        Sequences.equal(batch, tokens),
                        state);
        Tensor out = switch (c.node().text("activation", "none")) {
            case "none" -> y.out();
            case "silu", "swish" -> on.ops().activate(Activation.SILU, y.out());
            default ->
                throw new IllegalArgumentException("activation " + c.node().text("activation", ""));
        };
        return List.of(
                NodeRunner.grid(out, batch, tokens, channels).transpose(0, 2, 1),
                NodeRunner.grid(y.state(), batch, kernel - 1, channels).transpose(0, 2, 1));
    }

    /// query [batch, tokens, heads·keyDim], key and value alike, past_state [batch, kvHeads, keyDim, valueDim],
    /// decay [batch, tokens, kvHeads] or [batch, tokens, kvHeads·keyDim], beta [batch, tokens, kvHeads or 1].
    /// chunk_size is advice about speed.
    List<Grid> linearAttention(OnnxCase c) {
        int heads = c.node().integer("q_num_heads", 0);
        int kvHeads = c.node().integer("kv_num_heads", 0);
        Grid query = Grid.of(c.input(0));
        int batch = query.dims()[0];
        int tokens = query.dims()[1];
        int all = batch * tokens;
        int keyDim = query.dims()[2] / heads;
        int valueDim = c.input(2).dim(2) / kvHeads;
        double scale = c.node().number("scale", 0);
        Carried y = on.ops()
                .linearAttention(
                        on.tensor(query, all, heads, keyDim),
                        on.tensor(Grid.of(c.input(1)), all, kvHeads, keyDim),
                        on.tensor(Grid.of(c.input(2)), all, kvHeads, valueDim),
                        update(c, all, kvHeads, keyDim),
                        scale == 0 ? 1 / Math.sqrt(keyDim) : scale,
                        Sequences.equal(batch, tokens),
                        c.has(3)
                                ? Optional.of(on.tensor(Grid.of(c.input(3)), batch, kvHeads, keyDim, valueDim))
                                : Optional.empty());
        return List.of(
                NodeRunner.grid(y.out(), batch, tokens, heads * valueDim),
                NodeRunner.grid(y.state(), batch, kvHeads, keyDim, valueDim));
    }

    private StateUpdate update(OnnxCase c, int all, int kvHeads, int keyDim) {
        String rule = c.node().text("update_rule", "gated_delta");
        boolean gated = rule.equals("gated") || rule.equals("gated_delta");
        boolean delta = rule.equals("delta") || rule.equals("gated_delta");
        if (gated != c.has(4) || delta != c.has(5)) {
            throw new IllegalArgumentException("update_rule " + rule + (c.has(4) ? " with" : " without") + " decay and"
                    + (c.has(5) ? " with" : " without") + " beta");
        }
        return switch (rule) {
            case "linear" -> new StateUpdate.Sum();
            case "gated" -> new StateUpdate.Gated(decay(c, all, kvHeads, keyDim));
            case "delta" -> new StateUpdate.Delta(rate(c, all, kvHeads));
            case "gated_delta" -> new StateUpdate.GatedDelta(decay(c, all, kvHeads, keyDim), rate(c, all, kvHeads));
            default -> throw new IllegalArgumentException("update_rule " + rule);
        };
    }

    private Tensor decay(OnnxCase c, int all, int kvHeads, int keyDim) {
        Grid decay = Grid.of(c.input(4));
        return decay.dims()[2] == kvHeads ? on.tensor(decay, all, kvHeads) : on.tensor(decay, all, kvHeads, keyDim);
    }

    private Tensor rate(OnnxCase c, int all, int kvHeads) {
        Grid beta = Grid.of(c.input(5));
        return on.tensor(beta.broadcast(beta.dims()[0], beta.dims()[1], kvHeads), all, kvHeads);
    }
}
