package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.LogitRule;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.ops.Pairing;
import java.util.List;
import java.util.Map;

/// Command R and Command R+: attention and gated MLP side by side under one norm without bias, neighbouring
/// elements turned, logits scaled. Cohere 2 (Command R7B, Command A): windows with rotary positions in
/// three of four layers, all tokens and no positions in the fourth. Cohere 2025, arXiv:2504.00698.
final class Cohere implements Family {
    private final String name;
    private final String transformersClass;

    Cohere(String name, String transformersClass) {
        this.name = name;
        this.transformersClass = transformersClass;
    }

    @Override
    public List<String> names() {
        return List.of(name);
    }

    @Override
    public String transformersClass() {
        return transformersClass;
    }

    @Override
    public Network build(Config config, Parts p) {
        boolean second = name.equals("cohere2");
        Config c = config.withDefaults(Map.of("tie_word_embeddings", true, "sliding_window", second ? 4096 : 0));
        var s = LlamaSizes.of(c);
        double eps = c.positive("layer_norm_eps", 1e-5);
        int pattern = c.size("sliding_window_pattern", 4);
        var kinds = LayerKinds.of(c, s.layers(), i -> (i + 1) % pattern != 0);
        boolean bias = s.attentionBias();
        boolean normed = !second && c.flag("use_qk_norm", false);
        Positions rope = p.ropeOf(c, s.headDim(), s.context(), Pairing.INTERLEAVED);
        return s.decoder(
                        p,
                        c,
                        rope,
                        (layer, i) -> {
                            var norm = layer.layerNormWithoutBias("input_layernorm", s.dim(), eps);
                            Parts a = layer.at("self_attn.");
                            var positions = second && !kinds.slides(i) ? new Positions.None() : rope;
                            var plain = s.asStored(a, kinds.of(s.causal(), i), positions, bias, bias);
                            var attention = normed
                                    ? plain.withNormsBefore(HeadNorms.of(
                                            norm(a, "q_norm", s.heads(), s.headDim(), eps),
                                            norm(a, "k_norm", s.kvHeads(), s.headDim(), eps)))
                                    : plain;
                            return new Block.Parallel(norm, attention, norm, s.gated(layer.at("mlp.")));
                        },
                        (parts, name) -> parts.layerNormWithoutBias(name, s.dim(), eps))
                .with(new LogitRule.Scaled(c.positive("logit_scale", 0.0625)));
    }

    private static HeadNorm norm(Parts p, String name, int heads, int headDim, double eps) {
        return new HeadNorm.EachOwn(
                new Norm.Layer(p.constant(1, headDim), p.constant(0, headDim), eps),
                List.of(p.tensor(name + ".weight", Init.ONES, heads, headDim)));
    }
}
