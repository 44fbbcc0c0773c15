package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;

/// Llama: RMSNorm, rotary positions, grouped key and value heads, gated MLP. Touvron et al. 2023,
/// arXiv:2302.13971 and arXiv:2307.09288.
final class Llama implements Family {
    @Override
    public List<String> names() {
        return List.of("llama");
    }

    @Override
    public String transformersClass() {
        return "LlamaForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        c.refuse("num_local_experts", c.json().integer("num_local_experts", 0) != 0);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, _) -> new Block.PreNorm(
                        layer.rmsNorm("input_layernorm", s.dim(), s.eps()),
                        s.attention(layer.at("self_attn."), s.causal(), rope, s.attentionBias(), s.attentionBias()),
                        layer.rmsNorm("post_attention_layernorm", s.dim(), s.eps()),
                        s.gated(layer.at("mlp."))),
                (parts, name) -> parts.rmsNorm(name, s.dim(), s.eps()));
    }
}
