package clearhead.nn;

import clearhead.ops.Activation;
import clearhead.ops.Ops;
import clearhead.ops.Routed;
import clearhead.ops.Routing;
import clearhead.tensor.Shape;
import clearhead.tensor.Tensor;
import java.util.List;

/// What a block does to each token by itself.
public sealed interface Mlp {

    /// @param x [tokens, dim]
    /// @return [tokens, dim]
    Tensor forward(ForwardPass pass, int layer, Tensor x);

    /// Width at [Site#MLP_POST]; 0 where there is no such place, because every token has its own.
    int hidden();

    /// What a sequence carries from token to token here, as in [Mixer#states]; see [KeyValues#MLP].
    default List<Shape> states() {
        return List.of();
    }

    /// A block without an MLP: adds nothing.
    record None() implements Mlp {
        @Override
        public int hidden() {
            return 0;
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            Tensor zeros = pass.ops().workspace().take(x.type(), x.shape());
            zeros.data().fill((byte) 0);
            return zeros;
        }
    }

    /// RWKV 4's channel mixing: value(relu(key x)²) let through by a receptance, with [TokenShift] before.
    /// Peng et al. 2023, arXiv:2305.13048, section 3.1.
    ///
    /// @param keyMix [dim], receptanceMix alike
    /// @param key [hidden, dim]
    /// @param value [dim, hidden]
    /// @param receptance [dim, dim]
    record ChannelMixing(
            TokenShift shift, Tensor keyMix, Tensor receptanceMix, Linear key, Linear value, Linear receptance)
            implements Mlp {
        @Override
        public int hidden() {
            return key.weight().dim(0);
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            var shifted = shift.forward(pass, layer, KeyValues.MLP, x);
            var k = key.forward(pass, shifted.mixed(pass, keyMix)); // [tokens, hidden]
            var h = pass.tap(Site.MLP_POST, layer, pass.ops().activate(Activation.RELU_SQUARED, k));
            var r = receptance.forward(pass, shifted.mixed(pass, receptanceMix)); // [tokens, dim]
            return pass.ops().gate(Activation.SIGMOID, r, value.forward(pass, h));
        }

        @Override
        public List<Shape> states() {
            return List.of(shift.state());
        }
    }

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

    /// A sparse mixture of experts: a router sends each token to a few MLPs, whose outputs are added by
    /// its weights. Only experts that some token chose run. Shazeer et al. 2017, arXiv:1701.06538;
    /// Fedus et al. 2022, arXiv:2101.03961.
    ///
    /// @param router [experts, dim]
    /// @param shared what every token goes through besides
    record Experts(Linear router, Routing routing, List<Mlp> experts, SharedExpert shared) implements Mlp {
        public Experts {
            experts = List.copyOf(experts);
        }

        @Override
        public int hidden() {
            return 0;
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            Routed routed = pass.ops().route(router.forward(pass, x), routing);
            return shared.add(pass, layer, x, mix(pass, layer, x, experts, routed));
        }

        /// Σ of the chosen experts' outputs by the router's weights.
        ///
        /// @param x [tokens, dim]
        /// @return [tokens, dim]
        static Tensor mix(ForwardPass pass, int layer, Tensor x, List<Mlp> experts, Routed routed) {
            var visits = Visits.of(pass, routed, experts.size());
            List<Tensor> parts = visits.forEach(
                    pass,
                    (expert, rows) -> experts.get(expert)
                            .forward(pass.with(Probe.NONE), layer, pass.ops().select(x, rows)));
            return pass.ops().combine(parts, visits.places(), routed.weights());
        }
    }

    /// A mixture whose weights are on what enters the experts: Llama 4.
    ///
    /// @param router [experts, dim]
    record ScaledInputExperts(Linear router, Routing routing, List<Mlp> experts, SharedExpert shared) implements Mlp {
        public ScaledInputExperts {
            experts = List.copyOf(experts);
        }

        @Override
        public int hidden() {
            return 0;
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            Ops ops = pass.ops();
            Routed routed = ops.route(router.forward(pass, x), routing);
            var visits = Visits.of(pass, routed, experts.size());
            Tensor weights =
                    routed.weights().reshape(Math.toIntExact(routed.weights().size()), 1);
            List<Tensor> parts = visits.forEachWeighed(pass, (expert, rows, weighed) -> {
                var own = ops.select(weights, weighed); // [n, 1]
                var h = ops.combine(List.of(x), rows.reshape(rows.dim(0), 1), own); // [n, dim]
                return experts.get(expert).forward(pass.with(Probe.NONE), layer, h);
            });
            return shared.add(pass, layer, x, ops.combine(parts, visits.places(), visits.ones(pass, x.type())));
        }
    }

    /// SwiGLU within bounds: (up + 1)·gate·σ(alpha·gate), gate at most `limit` and up within ±`limit`.
    /// gpt-oss; OpenAI 2025, arXiv:2508.10925.
    record BoundedGated(Linear gate, Linear up, Linear down, double alpha, double limit) implements Mlp {
        @Override
        public int hidden() {
            return gate.weight().dim(0);
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            Ops ops = pass.ops();
            // gate·σ(alpha·gate) = silu(alpha·gate)/alpha
            var g = ops.clamp(gate.forward(pass, x), Double.NEGATIVE_INFINITY, limit);
            g = ops.scale(ops.activate(Activation.SILU, ops.scale(g, alpha)), 1 / alpha); // [tokens, hidden]
            var u = ops.clamp(up.forward(pass, x), -limit, limit); // [tokens, hidden]
            var h = ops.add(ops.multiply(g, u), g);
            return down.forward(pass, pass.tap(Site.MLP_POST, layer, h)); // [tokens, dim]
        }
    }

    /// A dense MLP and a mixture of experts side by side, with norms of their own before and behind; the
    /// router reads the residual through a norm as well. Gemma 4.
    ///
    /// @param router [experts, dim]
    /// @param factor on the router's products
    /// @param expertScale [experts, 1]: on the weights of each expert
    record DenseAndExperts(
            Norm beforeDense,
            Mlp dense,
            Norm afterDense,
            Norm beforeRouter,
            Linear router,
            double factor,
            Routing routing,
            Tensor expertScale,
            Norm beforeExperts,
            List<Mlp> experts,
            Norm afterExperts)
            implements Mlp {
        public DenseAndExperts {
            experts = List.copyOf(experts);
        }

        @Override
        public int hidden() {
            return dense.hidden();
        }

        @Override
        public Tensor forward(ForwardPass pass, int layer, Tensor x) {
            Ops ops = pass.ops();
            var all = afterDense.forward(pass, dense.forward(pass, layer, beforeDense.forward(pass, x)));
            var logits = ops.scale(router.forward(pass, beforeRouter.forward(pass, x)), factor);
            Routed routed = ops.route(logits, routing);
            int[] dims = routed.weights().shape().dims(); // [tokens, chosen]
            var scales = ops.select(expertScale, routed.experts().reshape(dims[0] * dims[1]));
            var weights = ops.multiply(routed.weights(), scales.reshape(dims));
            var some = Experts.mix(
                    pass, layer, beforeExperts.forward(pass, x), experts, new Routed(routed.experts(), weights));
            return ops.add(all, afterExperts.forward(pass, some));
        }
    }
}
