package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Encoder;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.List;
import java.util.Optional;

/// DistilBERT: BERT without segments, half as deep. Sanh et al. 2019, arXiv:1910.01108.
final class DistilBert implements Family {
    @Override
    public List<String> names() {
        return List.of("distilbert");
    }

    @Override
    public String transformersClass() {
        return "DistilBertForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int dim = c.size("dim", 768);
        int heads = c.size("n_heads", 12);
        var s = new BertSizes(
                c.size("vocab_size"),
                c.size("max_position_embeddings", 512),
                dim,
                c.layers("n_layers"),
                heads,
                c.headDim(dim, "n_heads", heads),
                c.size("hidden_dim", 4 * dim),
                0,
                1e-12,
                c.activation("activation", "gelu"));
        Parts p = parts.at("distilbert.");
        Parts e = p.at("embeddings.");
        var blocks = p.blocks("transformer.layer.", s.layers(), (layer, _) -> block(s, layer));
        boolean predicts = c.hasHead("ForMaskedLM");
        var head = predicts
                ? s.tiedHead(parts, "distilbert.embeddings.word_embeddings", dim, "vocab_projector.bias")
                : s.noHead(e, dim);
        var trunk = s.trunk(e, dim, blocks, head);
        return new Encoder(
                predicts ? trunk.withExit(s.transform(parts, "vocab_transform", "vocab_layer_norm", dim)) : trunk,
                predicts,
                Optional.empty());
    }

    private static Block block(BertSizes s, Parts p) {
        int dim = s.dim();
        var attention = new Attention(
                s.bidirectional(),
                new Positions.None(),
                p.linear("attention.q_lin", dim, dim, true),
                p.linear("attention.k_lin", dim, dim, true),
                p.linear("attention.v_lin", dim, dim, true),
                p.residual("attention.out_lin", dim, dim, true));
        var norm = p.layerNorm("sa_layer_norm", dim, s.eps());
        var mlp = new Mlp.Dense(
                p.linear("ffn.lin1", s.hidden(), dim, true), p.residual("ffn.lin2", dim, s.hidden(), true), s.act());
        return new Block.PostNorm(attention, norm, mlp, p.layerNorm("output_layer_norm", dim, s.eps()));
    }
}
