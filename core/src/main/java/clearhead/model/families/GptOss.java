package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// gpt-oss: attention sinks, a window in every second layer, a mixture of experts with bounded gates,
/// gate and up in alternate columns. OpenAI 2025, arXiv:2508.10925.
final class GptOss implements Family {
    @Override
    public List<String> names() {
        return List.of("gpt_oss");
    }

    @Override
    public String transformersClass() {
        return "GptOssForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(
                Map.of("rms_norm_eps", 1e-5, "rope_theta", 150000.0, "head_dim", 64, "attention_bias", true));
        var s = LlamaSizes.of(c);
        var kinds = LayerKinds.of(c, s.layers(), i -> i % 2 == 0);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(p, c, rope, (layer, i) -> {
            Parts at = layer.at("self_attn.");
            var spec = kinds.of(s.causal(), i).withSinks(at.tensor("sinks", Init.ZEROS, s.heads()));
            boolean bias = s.attentionBias();
            return s.preNorm(
                    layer, s.asStored(at, spec, rope, bias, bias), GptOssExperts.mixture(c, s, layer.at("mlp.")));
        });
    }
}
