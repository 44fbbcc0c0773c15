package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Encoder;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// ALBERT: BERT whose layers share their weights, with narrow embeddings. Lan et al. 2019,
/// arXiv:1909.11942.
final class Albert implements Family {
    @Override
    public List<String> names() {
        return List.of("albert");
    }

    @Override
    public String transformersClass() {
        return "AlbertForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = BertSizes.of(c);
        int width = c.size("embedding_size", 128);
        int groups = c.size("num_hidden_groups", 1);
        int inner = c.size("inner_group_num", 1);
        if (groups > s.layers()) {
            throw c.json().wrong("num_hidden_groups", "wanted at most one a layer, found " + groups);
        }
        Parts p = parts.at("albert.");
        Parts e = p.at("embeddings.");
        var shared = p.stack(
                "encoder.albert_layer_groups.",
                groups,
                (group, _) -> group.blocks("albert_layers.", inner, (layer, _) -> block(s, layer)));
        var blocks = new ArrayList<Block>();
        for (int i = 0; i < s.layers(); i++) {
            blocks.addAll(shared.get((int) (i / ((double) s.layers() / groups))));
        }
        var widen = new EmbeddingRule.Projected(p.linear("encoder.embedding_hidden_mapping_in", s.dim(), width, true));
        boolean predicts = c.hasHead("ForMaskedLM", "ForPreTraining");
        var head = predicts
                ? s.tiedHead(parts, "albert.embeddings.word_embeddings", width, "predictions.bias")
                : s.noHead(e, width);
        var trunk = s.trunk(e, width, blocks, head);
        trunk = trunk.withEntrance(EmbeddingRule.InTurn.of(trunk.entrance(), widen));
        return predicts
                ? new Encoder(
                        trunk.withExit(s.transform(parts.at("predictions."), "dense", "LayerNorm", width)),
                        true,
                        Optional.empty())
                : new Encoder(trunk, false, s.pooler(c, p, "pooler"));
    }

    private static Block block(BertSizes s, Parts p) {
        int dim = s.dim();
        var attention = new Attention(
                s.bidirectional(),
                new Positions.None(),
                p.linear("attention.query", dim, dim, true),
                p.linear("attention.key", dim, dim, true),
                p.linear("attention.value", dim, dim, true),
                p.residual("attention.dense", dim, dim, true));
        var norm = p.layerNorm("attention.LayerNorm", dim, s.eps());
        var mlp = new Mlp.Dense(
                p.linear("ffn", s.hidden(), dim, true), p.residual("ffn_output", dim, s.hidden(), true), s.act());
        return new Block.PostNorm(attention, norm, mlp, p.layerNorm("full_layer_layer_norm", dim, s.eps()));
    }
}
