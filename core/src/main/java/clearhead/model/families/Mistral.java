package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;

/// Mistral: Llama with a window in every layer, or in none. Jiang et al. 2023, arXiv:2310.06825.
final class Mistral implements Family {
    @Override
    public List<String> names() {
        return List.of("mistral");
    }

    @Override
    public String transformersClass() {
        return "MistralForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        var kinds = LayerKinds.of(c, s.layers(), _ -> true);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        s.attention(layer.at("self_attn."), kinds.of(s.causal(), i), rope, false, false),
                        s.gated(layer.at("mlp."))));
    }
}
