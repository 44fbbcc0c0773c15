package clearhead.train;

import clearhead.ops.Activation;
import clearhead.ops.Attended;
import clearhead.ops.AttentionSpec;
import clearhead.ops.CellState;
import clearhead.ops.KvView;
import clearhead.ops.Pairing;
import clearhead.ops.Recurred;
import clearhead.ops.Recurrence;
import clearhead.ops.Routed;
import clearhead.ops.Routing;
import clearhead.ops.Sequences;
import clearhead.ops.StateUpdate;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// One operation that ran: its inputs and what it returned, as its adjoint needs them. The names are
/// those of [clearhead.ops.Ops].
sealed interface Node {

    /// What the operation returned, whose gradient it waits for.
    Tensor output();

    record Embed(Tensor table, Tensor ids, Tensor output) implements Node {}

    record Linear(Tensor x, Tensor weight, Optional<Tensor> bias, Tensor output) implements Node {}

    record Add(Tensor a, Tensor b, Tensor output) implements Node {}

    record Scale(Tensor x, double factor, Tensor output) implements Node {}

    record Multiply(Tensor a, Tensor b, Tensor output) implements Node {}

    record LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor output) implements Node {}

    record RmsNorm(Tensor x, Tensor weight, double eps, Tensor output) implements Node {}

    record Activate(Activation act, Tensor x, Tensor output) implements Node {}

    record Gate(Activation act, Tensor gate, Tensor up, Tensor output) implements Node {}

    record Rope(Tensor x, Tensor cos, Tensor sin, Tensor positions, Pairing pairing, Tensor output) implements Node {}

    record Attention(Tensor query, Sequences queries, KvView.Packed past, AttentionSpec spec, Attended attended)
            implements Node {
        @Override
        public Tensor output() {
            return attended.out();
        }
    }

    record CausalConvolution(
            Tensor x, Tensor weight, Optional<Tensor> bias, Sequences rows, Optional<Tensor> state, Tensor output)
            implements Node {}

    record LinearAttention(
            Tensor query,
            Tensor key,
            Tensor value,
            StateUpdate update,
            double scale,
            Sequences rows,
            Optional<Tensor> state,
            Tensor output)
            implements Node {}

    record Softmax(Tensor x, Tensor output) implements Node {}

    record CrossEntropy(Tensor logits, Tensor targets, Tensor output) implements Node {}

    record Select(Tensor x, Tensor rows, Tensor output) implements Node {}

    record Recur(
            Tensor inputs, Sequences sequences, Recurrence recurrence, Optional<CellState> start, Recurred recurred)
            implements Node {
        @Override
        public Tensor output() {
            return recurred.out();
        }
    }

    record Route(Tensor logits, Routing routing, Routed routed) implements Node {
        @Override
        public Tensor output() {
            return routed.weights();
        }
    }

    record Combine(List<Tensor> parts, Tensor rows, Tensor weights, Tensor output) implements Node {}

    record Clamp(Tensor x, double low, double high, Tensor output) implements Node {}

    record Join(Tensor left, Tensor right, Tensor output) implements Node {}
}
