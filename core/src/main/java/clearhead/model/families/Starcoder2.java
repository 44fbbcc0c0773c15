package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;

/// StarCoder 2: LayerNorm and a dense MLP with biases, grouped key heads, a window in every layer. Lozhkov et
/// al. 2024, arXiv:2402.19173.
final class Starcoder2 implements Family {
    @Override
    public List<String> names() {
        return List.of("starcoder2");
    }

    @Override
    public String transformersClass() {
        return "Starcoder2ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("hidden_act", "gelu_pytorch_tanh", "tie_word_embeddings", true));
        var s = LlamaSizes.of(c);
        double eps = c.positive("norm_epsilon", 1e-5);
        boolean bias = c.flag("use_bias", true);
        var windows = LayerKinds.of(c, s.layers(), _ -> true);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> new Block.PreNorm(
                        layer.layerNorm("input_layernorm", s.dim(), eps),
                        s.asStored(layer.at("self_attn."), windows.of(s.causal(), i), rope, bias, bias),
                        layer.layerNorm("post_attention_layernorm", s.dim(), eps),
                        new Mlp.Dense(
                                layer.linear("mlp.c_fc", s.hidden(), s.dim(), bias),
                                layer.residual("mlp.c_proj", s.dim(), s.hidden(), bias),
                                s.act())),
                (parts, name) -> parts.layerNorm(name, s.dim(), eps));
    }
}
