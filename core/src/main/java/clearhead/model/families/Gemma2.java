package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// Gemma 2: norms before and behind attention and MLP, soft-caps on scores and logits, a window in every
/// second layer. Gemma team 2024, arXiv:2408.00118.
final class Gemma2 implements Family {
    @Override
    public List<String> names() {
        return List.of("gemma2");
    }

    @Override
    public String transformersClass() {
        return "Gemma2ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of(
                "head_dim",
                256,
                "tie_word_embeddings",
                true,
                "hidden_activation",
                "gelu_pytorch_tanh",
                "attn_logit_softcapping",
                50.0,
                "final_logit_softcapping",
                30.0,
                "query_pre_attn_scalar",
                256,
                "sliding_window",
                4096));
        var s = LlamaSizes.of(c.with(Map.of("hidden_act", c.json().text("hidden_activation"))));
        var kinds = LayerKinds.of(c, s.layers(), i -> i % 2 == 0);
        var spec = GemmaParts.spec(c, s);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                        p,
                        c,
                        rope,
                        (layer, i) -> {
                            var at = layer.at("self_attn.");
                            boolean bias = s.attentionBias();
                            return GemmaParts.block(
                                    layer,
                                    s,
                                    s.asStored(at, kinds.of(spec, i), rope, bias, bias),
                                    s.gated(layer.at("mlp.")));
                        },
                        (parts, name) -> Gemma.norm(parts, name, s))
                .with(new EmbeddingRule.Scaled(Math.sqrt(s.dim())))
                .with(GemmaParts.logits(c));
    }
}
