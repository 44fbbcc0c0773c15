package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.LogitRule;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.function.BiFunction;

/// Granite 3: Llama with a constant factor on embeddings, scores, logits and what each block adds.
/// Granite team 2024, "Granite 3.0 Language Models"; the factors are those of Yang et al. 2022,
/// arXiv:2203.03466.
final class Granite implements Family {
    @Override
    public List<String> names() {
        return List.of("granite");
    }

    @Override
    public String transformersClass() {
        return "GraniteForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        return build(c, p, (s, layer) -> s.gated(layer.at("mlp.")));
    }

    /// With the MLP of the caller's.
    static Network build(Config c, Parts p, BiFunction<LlamaSizes, Parts, Mlp> mlp) {
        var s = LlamaSizes.of(c);
        var spec = s.causal().withScale(c.positive("attention_multiplier", 1));
        double factor = c.positive("residual_multiplier", 1);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                        p,
                        c,
                        rope,
                        (layer, _) -> new Block.ScaledPreNorm(
                                layer.rmsNorm("input_layernorm", s.dim(), s.eps()),
                                s.attention(layer.at("self_attn."), spec, rope, s.attentionBias(), s.attentionBias()),
                                layer.rmsNorm("post_attention_layernorm", s.dim(), s.eps()),
                                mlp.apply(s, layer),
                                factor))
                .with(new EmbeddingRule.Scaled(c.positive("embedding_multiplier", 1)))
                .with(new LogitRule.Scaled(1 / c.positive("logits_scaling", 1)));
    }
}
