package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.model.RopeScaling;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import clearhead.ops.Routing;
import java.util.List;
import java.util.Map;

/// DeepSeek V2 and V3: latent attention, many small experts in groups. DeepSeek-AI 2024,
/// arXiv:2405.04434 and arXiv:2412.19437. V3 goes on from V2 in how it chooses experts.
record DeepSeek(String name, String transformersClass, boolean third) implements Family {
    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        int dense = c.json().integer("first_k_dense_replace", third ? 3 : 0);
        int turning = c.size("qk_rope_head_dim", 64);
        // the pairs of V3 may lie half a head apart
        var pairs = c.flag("rope_interleave", true) ? Pairing.INTERLEAVED : Pairing.HALVES;
        Positions rope = p.rope(c, turning, s.context(), pairs);
        double factor = factor(RopeScaling.of(c, turning));
        p.mayHold("model.layers.", s.layers() + c.json().integer("num_nextn_predict_layers", third ? 1 : 0));
        Config plain = c.with(Map.of("head_dim", turning));
        return LlamaSizes.of(plain).decoder(p, plain, rope, (layer, i) -> {
            Parts mlp = layer.at("mlp.");
            return s.preNorm(
                    layer,
                    new LatentParts(layer.at("self_attn."), c, s).attention(rope, factor),
                    i < dense ? s.gated(mlp) : third ? Glm4Moe.mixture(c, s, mlp) : mixture(c, s, mlp));
        });
    }

    /// Factor on scores, where rotary wavelengths are stretched and `mscale_all_dim` asks for it.
    private static double factor(RopeScaling scaling) {
        if (scaling instanceof RopeScaling.Yarn yarn && yarn.mscaleAllDim().orElse(0) != 0 && yarn.factor() > 1) {
            double m = 0.1 * yarn.mscaleAllDim().getAsDouble() * Math.log(yarn.factor()) + 1;
            return m * m;
        }
        return 1;
    }

    /// Experts by softmax; with `group_limited_greedy` those of the best groups.
    private static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int experts = c.size("n_routed_experts", 64);
        var groups = c.json().text("topk_method", "greedy").equals("greedy")
                ? Routing.Groups.NONE
                : new Routing.Groups(c.size("n_group"), c.size("topk_group"), Routing.Worth.BEST);
        return new Mlp.Experts(
                p.linear("gate", experts, s.dim(), false),
                Routing.softmax(c.size("num_experts_per_tok"), false)
                        .times(c.positive("routed_scaling_factor", 1))
                        .in(groups),
                new ExpertParts(p, experts, s.dim(), c.size("moe_intermediate_size"), s.act()).gated(),
                Glm4Moe.shared(c, s, p, c.json().integer("n_shared_experts", 2)));
    }
}
