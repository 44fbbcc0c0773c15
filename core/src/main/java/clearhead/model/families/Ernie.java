package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import java.util.List;
import java.util.Map;

/// ERNIE 4.5: Llama whose rotary pairs are neighbours. Baidu 2025, "ERNIE 4.5 Technical Report".
final class Ernie implements Family {
    @Override
    public List<String> names() {
        return List.of("ernie4_5");
    }

    @Override
    public String transformersClass() {
        return "Ernie4_5ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = defaults(config);
        var s = LlamaSizes.of(c);
        Positions rope = p.rope(c, s.headDim(), s.context(), Pairing.INTERLEAVED);
        return s.decoder(
                p,
                c,
                rope,
                (layer, _) -> s.preNorm(
                        layer,
                        s.asStored(layer.at("self_attn."), s.causal(), rope, s.attentionBias(), s.attentionBias()),
                        s.gated(layer.at("mlp."))));
    }

    /// With one `use_bias` for all linear layers.
    static Config defaults(Config c) {
        boolean bias = c.flag("use_bias", false);
        return c.withDefaults(Map.of(
                "attention_bias",
                bias,
                "mlp_bias",
                bias,
                "rms_norm_eps",
                1e-5,
                "rope_theta",
                500000.0,
                "tie_word_embeddings",
                true));
    }
}
