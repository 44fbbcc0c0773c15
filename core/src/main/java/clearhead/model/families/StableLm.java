package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// StableLM: LayerNorm, rotary positions in a part of a head, gated MLP; StableLM 2 12B has its parts side by
/// side and norms of every head of its own. Bellagente et al. 2024, arXiv:2402.17834.
final class StableLm implements Family {
    @Override
    public List<String> names() {
        return List.of("stablelm");
    }

    @Override
    public String transformersClass() {
        return "StableLmForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        Config c = config.withDefaults(Map.of("partial_rotary_factor", 0.25));
        var s = LlamaSizes.of(c);
        double eps = c.positive("layer_norm_eps", 1e-5);
        boolean parallel = c.flag("use_parallel_residual", false);
        boolean normed = c.flag("qk_layernorm", false);
        boolean bias = c.flag("use_qkv_bias", false);
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, _) -> {
                    var before = layer.layerNorm("input_layernorm", s.dim(), eps);
                    Parts a = layer.at("self_attn.");
                    var plain = s.asStored(a, s.causal(), rope, bias, false);
                    var attention = normed
                            ? plain.withNormsBefore(HeadNorms.of(
                                    norm(a.at("q_layernorm."), s.heads(), s.headDim(), eps),
                                    norm(a.at("k_layernorm."), s.kvHeads(), s.headDim(), eps)))
                            : plain;
                    return parallel
                            ? new Block.Parallel(before, attention, before, s.gated(layer.at("mlp.")))
                            : new Block.PreNorm(
                                    before,
                                    attention,
                                    layer.layerNorm("post_attention_layernorm", s.dim(), eps),
                                    s.gated(layer.at("mlp.")));
                },
                (parts, name) -> parts.layerNorm(name, s.dim(), eps));
    }

    private static HeadNorm norm(Parts p, int heads, int headDim, double eps) {
        return new HeadNorm.EachOwn(
                new Norm.Layer(p.constant(1, headDim), p.constant(0, headDim), eps),
                IntStream.range(0, heads)
                        .mapToObj(h -> p.tensor("norms." + h + ".weight", Init.ONES, headDim))
                        .toList());
    }
}
