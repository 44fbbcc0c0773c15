package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import clearhead.ops.Routing;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Qwen 3 MoE: Qwen 3 with a mixture of experts in all or some layers. Yang et al. 2025,
/// arXiv:2505.09388.
final class Qwen3Moe implements Family {
    @Override
    public List<String> names() {
        return List.of("qwen3_moe");
    }

    @Override
    public String transformersClass() {
        return "Qwen3MoeForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("decoder_sparse_step", 1));
        var s = LlamaSizes.of(c);
        var kinds = Qwen2.windows(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        Qwen3.attention(s, layer.at("self_attn."), kinds.of(s.causal(), i), rope),
                        isDense(c, i)
                                ? s.gated(layer.at("mlp."))
                                : mixture(c, s, layer.at("mlp."), SharedExpert.NONE)));
    }

    /// `gate` and `experts`, with Qwen's names for their numbers.
    static Mlp mixture(Config c, LlamaSizes s, Parts p, SharedExpert shared) {
        // 5.x writes num_local_experts where the hub has num_experts
        int experts = c.json().has("num_experts") ? c.size("num_experts") : c.size("num_local_experts");
        return new Mlp.Experts(
                p.linear("gate", experts, s.dim(), false),
                Routing.softmax(c.size("num_experts_per_tok", 8), c.flag("norm_topk_prob", false)),
                new ExpertParts(p, experts, s.dim(), c.size("moe_intermediate_size"), s.act()).gated(),
                shared);
    }

    /// Whether a layer has a plain MLP.
    static boolean isDense(Config c, int layer) {
        boolean named = c.json().has("mlp_only_layers")
                && Arrays.stream(c.json().array("mlp_only_layers").integers()).anyMatch(i -> i == layer);
        return named || (layer + 1) % c.size("decoder_sparse_step") != 0;
    }
}
