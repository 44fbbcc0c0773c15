package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.HeadNorms;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import java.util.List;

/// OLMo 1: LayerNorm without weights; queries, keys and values may be bounded. Groeneveld et al. 2024,
/// arXiv:2402.00838.
final class Olmo implements Family {
    @Override
    public List<String> names() {
        return List.of("olmo");
    }

    @Override
    public String transformersClass() {
        return "OlmoForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        var s = LlamaSizes.of(c);
        Norm norm = new Norm.Layer(p.constant(1, s.dim()), p.constant(0, s.dim()), 1e-5);
        HeadNorms clip = Olmoe.clipped(c, HeadNorms.NONE);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, _) -> new Block.PreNorm(
                        norm,
                        s.attention(layer.at("self_attn."), s.causal(), rope, s.attentionBias(), s.attentionBias())
                                .withNormsBefore(clip),
                        norm,
                        s.gated(layer.at("mlp."))),
                (_, _) -> norm);
    }
}
