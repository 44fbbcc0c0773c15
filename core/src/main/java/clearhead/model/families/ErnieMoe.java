package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import clearhead.ops.Routing;
import java.util.List;

/// ERNIE 4.5 MoE: ERNIE 4.5 with a mixture of experts in some layers. Baidu 2025, "ERNIE 4.5 Technical
/// Report".
final class ErnieMoe implements Family {
    @Override
    public List<String> names() {
        return List.of("ernie4_5_moe");
    }

    @Override
    public String transformersClass() {
        return "Ernie4_5_MoeForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = Ernie.defaults(config);
        var s = LlamaSizes.of(c);
        int first = c.json().integer("moe_layer_start_index", 1);
        int last = c.json().integer("moe_layer_end_index", -1);
        int interval = c.size("moe_layer_interval", 1);
        Positions rope = p.rope(c, s.headDim(), s.context(), Pairing.INTERLEAVED);
        return s.decoder(p, c, rope, (layer, i) -> {
            boolean mixed = (i + 1) % interval == 0 && i >= first && (last < 0 || i <= last);
            return s.preNorm(
                    layer,
                    s.asStored(layer.at("self_attn."), s.causal(), rope, s.attentionBias(), s.attentionBias()),
                    mixed ? mixture(c, s, layer.at("mlp.")) : s.gated(layer.at("mlp.")));
        });
    }

    private static Mlp mixture(Config c, LlamaSizes s, Parts p) {
        int experts = c.size("moe_num_experts", 64);
        var correction = p.at("moe_statics.")
                .tensor("e_score_correction_bias", Init.ZEROS, 1, experts)
                .reshape(experts);
        return new Mlp.Experts(
                p.linear("gate", experts, s.dim(), false),
                Routing.softmax(c.size("moe_k", 6), true).correctedBy(correction),
                new ExpertParts(p, experts, s.dim(), c.size("moe_intermediate_size"), s.act()).gated(),
                Glm4Moe.shared(c, s, p, c.json().integer("moe_num_shared_experts", 2)));
    }
}
