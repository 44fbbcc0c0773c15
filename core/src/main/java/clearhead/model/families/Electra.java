package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Encoder;
import clearhead.nn.Network;
import clearhead.ops.Activation;
import java.util.List;
import java.util.Optional;

/// ELECTRA: BERT with narrow embeddings; its generator predicts masked tokens. Clark et al. 2020,
/// arXiv:2003.10555.
final class Electra implements Family {
    @Override
    public List<String> names() {
        return List.of("electra");
    }

    @Override
    public String transformersClass() {
        return "ElectraForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = BertSizes.of(c);
        int width = c.size("embedding_size", 128);
        Parts p = parts.at("electra.");
        Parts e = p.at("embeddings.");
        var blocks = p.blocks("encoder.layer.", s.layers(), (layer, _) -> s.block(layer, s.bidirectional()));
        boolean predicts = c.hasHead("ForMaskedLM");
        var head = predicts
                ? s.tiedHead(parts, "electra.embeddings.word_embeddings", width, "generator_lm_head.bias")
                : s.noHead(e, width);
        var trunk = s.trunk(e, width, blocks, head);
        if (width != s.dim()) {
            var widen = new EmbeddingRule.Projected(p.linear("embeddings_project", s.dim(), width, true));
            trunk = trunk.withEntrance(EmbeddingRule.InTurn.of(trunk.entrance(), widen));
        }
        if (predicts) {
            // its generator always uses GELU, whatever the layers use
            Parts g = parts.at("generator_predictions.");
            trunk = trunk.withExit(EmbeddingRule.InTurn.of(
                    new EmbeddingRule.Activated(g.linear("dense", width, s.dim(), true), Activation.GELU),
                    new EmbeddingRule.Normed(g.layerNorm("LayerNorm", width, s.eps()))));
        }
        return new Encoder(trunk, predicts, Optional.empty());
    }
}
