package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import java.util.List;
import java.util.Map;

/// GLM 4: norms before and behind attention and MLP, neighbouring elements of half a head turned, gate and up
/// in one matrix. GLM team 2024, arXiv:2406.12793.
final class Glm4 implements Family {
    @Override
    public List<String> names() {
        return List.of("glm4");
    }

    @Override
    public String transformersClass() {
        return "Glm4ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(
                Map.of("partial_rotary_factor", 0.5, "attention_bias", true, "rms_norm_eps", 1.5625e-7));
        var s = LlamaSizes.of(c);
        Positions rope = p.ropeOf(c, s.headDim(), s.context(), Pairing.INTERLEAVED);
        return s.decoder(
                p,
                c,
                rope,
                (layer, _) -> new Block.Sandwich(
                        layer.rmsNorm("input_layernorm", s.dim(), s.eps()),
                        s.asStored(layer.at("self_attn."), s.causal(), rope, s.attentionBias(), false),
                        layer.rmsNorm("post_self_attn_layernorm", s.dim(), s.eps()),
                        layer.rmsNorm("post_attention_layernorm", s.dim(), s.eps()),
                        gated(s, layer.at("mlp.")),
                        layer.rmsNorm("post_mlp_layernorm", s.dim(), s.eps())));
    }

    private static Mlp gated(LlamaSizes s, Parts p) {
        return new Mlp.Gated(
                half(p, "gate_proj", 0, s),
                half(p, "up_proj", s.hidden(), s),
                p.residual("down_proj", s.dim(), s.hidden(), false),
                s.act());
    }

    private static Linear half(Parts p, String own, int first, LlamaSizes s) {
        return p.part(own, "gate_up_proj", Rows.of(first, s.hidden(), 2 * s.hidden()), s.hidden(), s.dim(), false);
    }
}
