package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Encoder;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import clearhead.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/// MPNet: BERT with a bias for relative positions that all layers share. Song et al. 2020,
/// arXiv:2004.09297.
final class MpNet implements Family {
    /// Fixed in transformers, whatever the configuration says.
    private static final int BUCKETS = 32;

    private static final int FARTHEST = 128;

    private static final int PADDING = 1;

    @Override
    public List<String> names() {
        return List.of("mpnet");
    }

    @Override
    public String transformersClass() {
        return "MPNetForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = BertSizes.of(c).withoutSegments();
        Parts p = parts.at("mpnet.");
        Parts e = p.at("embeddings.");
        Tensor table = p.tensor("encoder.relative_attention_bias.weight", Init.normal(0.02), BUCKETS, s.heads());
        var spec = s.bidirectional().withBias(new Bias.Relative(table, true, FARTHEST));
        var blocks = p.blocks("encoder.layer.", s.layers(), (layer, _) -> block(s, layer, spec));
        if (!c.hasHead("ForMaskedLM")) {
            return new Encoder(
                    s.trunkAfterPadding(PADDING, e, blocks, s.noHead(e, s.dim())),
                    false,
                    s.pooler(c, p, "pooler.dense"));
        }
        var head = s.tiedHead(parts, "mpnet.embeddings.word_embeddings", s.dim(), "lm_head.bias");
        var exit = s.transform(parts.at("lm_head."), "dense", "layer_norm", s.dim());
        return new Encoder(s.trunkAfterPadding(PADDING, e, blocks, head).withExit(exit), true, Optional.empty());
    }

    private static Block block(BertSizes s, Parts p, AttentionSpec spec) {
        int dim = s.dim();
        var attention = new Attention(
                spec,
                new Positions.None(),
                p.linear("attention.attn.q", dim, dim, true),
                p.linear("attention.attn.k", dim, dim, true),
                p.linear("attention.attn.v", dim, dim, true),
                p.residual("attention.attn.o", dim, dim, true));
        var norm = p.layerNorm("attention.LayerNorm", dim, s.eps());
        return new Block.PostNorm(attention, norm, s.mlp(p), p.layerNorm("output.LayerNorm", dim, s.eps()));
    }
}
