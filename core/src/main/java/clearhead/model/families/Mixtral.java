package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import clearhead.ops.Routing;
import java.util.List;
import java.util.Map;

/// Mixtral: Mistral with a mixture of experts in place of the MLP. Jiang et al. 2024, arXiv:2401.04088.
final class Mixtral implements Family {
    @Override
    public List<String> names() {
        return List.of("mixtral");
    }

    @Override
    public String transformersClass() {
        return "MixtralForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("rope_theta", 1000000.0, "rms_norm_eps", 1e-5));
        var s = LlamaSizes.of(c);
        var kinds = LayerKinds.of(c, s.layers(), _ -> true);
        int experts = c.size("num_local_experts", 8);
        int chosen = c.size("num_experts_per_tok", 2);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(p, c, rope, (layer, i) -> {
            Parts at = layer.at("block_sparse_moe.");
            var mlp = new Mlp.Experts(
                    at.linear("gate", experts, s.dim(), false),
                    Routing.softmax(chosen, true),
                    new ExpertParts(at, experts, s.dim(), s.hidden(), s.act())
                            .gated("w1", "w3", "w2", "experts.gate_up_proj", "experts.down_proj"),
                    SharedExpert.NONE);
            return s.preNorm(
                    layer, s.attention(layer.at("self_attn."), kinds.of(s.causal(), i), rope, false, false), mlp);
        });
    }
}
