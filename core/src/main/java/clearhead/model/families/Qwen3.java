package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;
import java.util.List;
import java.util.Map;

/// Qwen 3: Llama with a norm on each head's queries and keys. Yang et al. 2025, arXiv:2505.09388.
final class Qwen3 implements Family {
    @Override
    public List<String> names() {
        return List.of("qwen3");
    }

    @Override
    public String transformersClass() {
        return "Qwen3ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("head_dim", 128));
        var s = LlamaSizes.of(c);
        var kinds = Qwen2.windows(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> s.preNorm(
                        layer,
                        attention(s, layer.at("self_attn."), kinds.of(s.causal(), i), rope),
                        s.gated(layer.at("mlp."))));
    }

    static Attention attention(LlamaSizes s, Parts p, AttentionSpec spec, Positions rope) {
        return s.asStored(p, spec, rope, s.attentionBias(), s.attentionBias()).withNormsBefore(s.perHead(p));
    }
}
