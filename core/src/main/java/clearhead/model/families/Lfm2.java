package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Mixer;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.ShortConvolution;
import java.util.List;
import java.util.Map;

/// LFM2: short convolutions between gates, and attention in some layers. Liquid AI 2025,
/// arXiv:2511.23404.
final class Lfm2 implements Family {
    @Override
    public List<String> names() {
        return List.of("lfm2");
    }

    @Override
    public String transformersClass() {
        return "Lfm2ForCausalLM";
    }

    @Override
    public Network build(Config config, Parts p) {
        double eps = config.positive("norm_eps", 1e-5);
        boolean tied = config.flag("tie_embedding", config.flag("tie_word_embeddings", true));
        Config c = config.withDefaults(Map.of("rms_norm_eps", eps, "rope_theta", 1e6))
                .with(Map.of("tie_word_embeddings", tied));
        var s = LlamaSizes.of(c);
        List<String> kinds = Lfm2Parts.kinds(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> new Block.PreNorm(
                        layer.rmsNorm("operator_norm", s.dim(), eps),
                        kinds.get(i).equals("conv")
                                ? convolution(c, layer.at("conv."), s.dim())
                                : Lfm2Parts.attention(s, layer.at("self_attn."), rope),
                        layer.rmsNorm("ffn_norm", s.dim(), eps),
                        Lfm2Parts.mlp(s, layer.at("feed_forward."), Lfm2Parts.hidden(c, s))),
                (parts, _) -> parts.rmsNorm("model.embedding_norm", s.dim(), eps));
    }

    private static Mixer convolution(Config c, Parts p, int dim) {
        boolean bias = c.flag("conv_bias", false);
        return new ShortConvolution(
                FilterParts.rows(p, "in_proj.before", "in_proj", 0, dim, 3 * dim, dim, bias),
                FilterParts.rows(p, "in_proj.after", "in_proj", dim, dim, 3 * dim, dim, bias),
                FilterParts.rows(p, "in_proj.input", "in_proj", 2 * dim, dim, 3 * dim, dim, bias),
                new FilterParts(p, "conv", dim, c.size("conv_L_cache", 3), bias).whole(),
                p.residual("out_proj", dim, dim, bias));
    }
}
