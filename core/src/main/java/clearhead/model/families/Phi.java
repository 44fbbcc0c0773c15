package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import java.util.List;
import java.util.Map;

/// Phi-1, 1.5 and 2: attention and MLP side by side under one norm, rotary positions in a part of a head,
/// biases everywhere. Li et al. 2023, arXiv:2309.05463.
final class Phi implements Family {
    @Override
    public List<String> names() {
        return List.of("phi");
    }

    @Override
    public String transformersClass() {
        return "PhiForCausalLM";
    }

    @Override
    public Network build(Config config, Parts parts) {
        Config c = config.withDefaults(Map.of("partial_rotary_factor", 0.5));
        var s = LlamaSizes.of(c);
        int dim = s.dim();
        double eps = c.positive("layer_norm_eps", 1e-5);
        boolean normed = c.flag("qk_layernorm", false);
        var act = c.activation("hidden_act", "gelu_new");
        Positions rope = parts.rope(c, s.headDim(), s.context());
        Parts p = parts.at("model.");
        var embedding = p.table("embed_tokens", s.vocab(), dim);
        var blocks = p.blocks("layers.", s.layers(), (layer, _) -> {
            var norm = layer.layerNorm("input_layernorm", dim, eps);
            Parts a = layer.at("self_attn.");
            var attention = SeparateQkv.attention(a, s.causal(), rope, dim, true, "dense", true);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.fc1", s.hidden(), dim, true),
                    layer.residual("mlp.fc2", dim, s.hidden(), true),
                    act);
            return new Block.Parallel(
                    norm, normed ? attention.withNormsBefore(norms(a, s, eps)) : attention, norm, mlp);
        });
        var norm = p.layerNorm("final_layernorm", dim, eps);
        var weight = parts.linear(s.tied() ? "model.embed_tokens" : "lm_head", s.vocab(), dim, false)
                .weight();
        var head = Linear.of(weight, parts.tensor("lm_head.bias", Init.ZEROS, s.vocab()));
        return new Transformer(embedding, rope, blocks, norm, head, Parts.reach(c, s.headDim(), s.context()));
    }

    private static HeadNorms norms(Parts p, LlamaSizes s, double eps) {
        return HeadNorms.of(
                new HeadNorm.PerHead(p.layerNorm("q_layernorm", s.headDim(), eps)),
                new HeadNorm.PerHead(p.layerNorm("k_layernorm", s.headDim(), eps)));
    }
}
