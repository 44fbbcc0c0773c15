package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import clearhead.ops.Routing;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// GLM 4.5: norms on heads, half of a head turns, a mixture of experts as DeepSeek V3 has it. GLM team
/// 2025, arXiv:2508.06471.
final class Glm4Moe implements Family {
    @Override
    public List<String> names() {
        return List.of("glm4_moe");
    }

    @Override
    public String transformersClass() {
        return "Glm4MoeForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("rms_norm_eps", 1e-5, "partial_rotary_factor", 0.5));
        var s = LlamaSizes.of(c);
        int dense = c.json().integer("first_k_dense_replace", 1);
        boolean norms = c.flag("use_qk_norm", false);
        Positions rope = p.rope(c, s.headDim(), s.context());
        p.mayHold("model.layers.", s.layers() + c.json().integer("num_nextn_predict_layers", 0));
        return s.decoder(p, c, rope, (layer, i) -> {
            Parts at = layer.at("self_attn.");
            var attention = s.asStored(at, s.causal(), rope, s.attentionBias(), false);
            Parts mlp = layer.at("mlp.");
            return s.preNorm(
                    layer,
                    norms ? attention.withNormsBefore(s.perHead(at)) : attention,
                    i < dense ? s.gated(mlp) : mixture(c, s, mlp));
        });
    }

    /// Experts by σ of their logits, those of the best groups, corrected for balance; and one for all.
    static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int experts = c.size("n_routed_experts");
        int hidden = c.size("moe_intermediate_size");
        var routing = new Routing(
                Routing.Score.SIGMOID,
                c.size("num_experts_per_tok", 8),
                c.flag("norm_topk_prob", true),
                c.positive("routed_scaling_factor", 1),
                new Routing.Groups(c.size("n_group", 1), c.size("topk_group", 1), Routing.Worth.TWO_BEST),
                Optional.of(p.at("gate.").tensor("e_score_correction_bias", Init.ZEROS, experts)));
        return new Mlp.Experts(
                p.linear("gate", experts, s.dim(), false),
                routing,
                new ExpertParts(p, experts, s.dim(), hidden, s.act()).gated(),
                shared(c, s, p, c.json().integer("n_shared_experts", 1)));
    }

    /// Experts that every token visits, side by side in one MLP.
    static SharedExpert shared(Config c, LlamaSizes s, Parts p, int count) {
        return count == 0
                ? SharedExpert.NONE
                : new SharedExpert.Always(
                        s.withHidden(c.size("moe_intermediate_size") * count).gated(p.at("shared_experts.")));
    }
}
