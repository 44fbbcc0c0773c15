package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Gemma 1: Llama with norms by weight + 1, embeddings times √dim and a GELU gate. Gemma team 2024,
/// arXiv:2403.08295.
final class Gemma implements Family {
    @Override
    public List<String> names() {
        return List.of("gemma");
    }

    @Override
    public String transformersClass() {
        return "GemmaForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("head_dim", 256, "tie_word_embeddings", true));
        // early files say gelu and mean its approximation by tanh
        var s = LlamaSizes.of(
                c.json().text("hidden_act", "gelu").equals("gelu")
                        ? c.with(Map.of("hidden_act", "gelu_pytorch_tanh"))
                        : c);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                        p,
                        c,
                        rope,
                        (layer, _) -> new Block.PreNorm(
                                norm(layer, "input_layernorm", s),
                                s.asStored(
                                        layer.at("self_attn."), s.causal(), rope, s.attentionBias(), s.attentionBias()),
                                norm(layer, "post_attention_layernorm", s),
                                s.gated(layer.at("mlp."))),
                        (parts, name) -> norm(parts, name, s))
                .with(new EmbeddingRule.Scaled(Math.sqrt(s.dim())));
    }

    static Norm norm(Parts p, String name, LlamaSizes s) {
        return p.rmsNormPlusOne(name, s.dim(), s.eps());
    }
}
