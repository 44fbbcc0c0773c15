package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.SharedExpert;
import java.util.List;
import java.util.Map;

/// OLMoE: a mixture of experts in every layer, norms on all heads' queries and keys together.
/// Muennighoff et al. 2024, arXiv:2409.02060.
final class Olmoe implements Family {
    @Override
    public List<String> names() {
        return List.of("olmoe");
    }

    @Override
    public String transformersClass() {
        return "OlmoeForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("rms_norm_eps", 1e-5));
        var s = LlamaSizes.of(c);
        Config named = c.with(Map.of("moe_intermediate_size", s.hidden()));
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(p, c, rope, (layer, _) -> {
            Parts at = layer.at("self_attn.");
            var attention = s.asStored(at, s.causal(), rope, s.attentionBias(), s.attentionBias())
                    .withNormsBefore(clipped(c, s.whole(at)));
            return s.preNorm(layer, attention, Qwen3Moe.mixture(named, s, layer.at("mlp."), SharedExpert.NONE));
        });
    }

    /// With `clip_qkv`, queries, keys and values are bounded as well.
    static HeadNorms clipped(Config c, HeadNorms norms) {
        if (!c.json().has("clip_qkv")) {
            return norms;
        }
        var clip = new HeadNorm.Clamped(c.positive("clip_qkv", 1));
        return new HeadNorms(
                norms.query().then(clip), norms.key().then(clip), norms.value().then(clip));
    }
}
