package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.tensor.Tensor;

/// What a block does to each token by itself.
public sealed interface Mlp {

    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x);

    /// Width at [Site#MLP_POST].
    int hidden();

    /// down(act(up x)). Vaswani et al. 2017, arXiv:1706.03762, eq. 2.
    record Dense(Linear up, Linear down, Activation act) implements Mlp {
        @Override
        public int hidden() {
            return up.weight().dim(0);
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            var h = pass.ops().activate(act, up.forward(pass, x)); // [tokens, hidden]
            return down.forward(pass, pass.tap(Site.MLP_POST, layer, h)); // [tokens, dim]
        }
    }

    /// SwiGLU: down(act(gate x)·up x). Shazeer 2020, arXiv:2002.05202, eq. 6.
    record Gated(Linear gate, Linear up, Linear down, Activation act) implements Mlp {
        @Override
        public int hidden() {
            return gate.weight().dim(0);
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            var g = gate.forward(pass, x); // [tokens, hidden]
            var u = up.forward(pass, x); // [tokens, hidden]
            var h = pass.ops().gate(act, g, u); // [tokens, hidden]
            return down.forward(pass, pass.tap(Site.MLP_POST, layer, h)); // [tokens, dim]
        }
    }
}
