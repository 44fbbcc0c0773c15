package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
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
        int hidden = Lfm2Sizes.hidden(c, s);
        List<String> kinds = Lfm2Sizes.kinds(c, s.layers());
        Positions rope = p.rope(c, s.headDim(), s.context());
        return s.decoder(
                p,
                c,
                rope,
                (layer, i) -> new Block.PreNorm(
                        layer.rmsNorm("operator_norm", s.dim(), eps),
                        kinds.get(i).equals("conv")
                                ? convolution(c, layer.at("conv."), s.dim())
                                : attention(s, layer.at("self_attn."), rope),
                        layer.rmsNorm("ffn_norm", s.dim(), eps),
                        new Mlp.Gated(
                                layer.linear("feed_forward.w1", hidden, s.dim(), false),
                                layer.linear("feed_forward.w3", hidden, s.dim(), false),
                                layer.residual("feed_forward.w2", s.dim(), hidden, false),
                                s.act())),
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

    private static Attention attention(LlamaSizes s, Parts p, Positions rope) {
        int width = s.heads() * s.headDim();
        return new Attention(
                        s.causal(),
                        rope,
                        p.linear("q_proj", width, s.dim(), false),
                        p.linear("k_proj", s.kvHeads() * s.headDim(), s.dim(), false),
                        p.linear("v_proj", s.kvHeads() * s.headDim(), s.dim(), false),
                        p.residual("out_proj", s.dim(), width, false))
                .withNormsBefore(HeadNorms.of(
                        new HeadNorm.PerHead(p.rmsNorm("q_layernorm", s.headDim(), s.eps())),
                        new HeadNorm.PerHead(p.rmsNorm("k_layernorm", s.headDim(), s.eps()))));
    }
}
