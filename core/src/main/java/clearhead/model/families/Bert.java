package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Encoder;
import clearhead.nn.Linear;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import java.util.List;
import java.util.Optional;

/// BERT: norms after adding, learned positions, two segments, tokens that see each other in both
/// directions. Devlin et al. 2018, arXiv:1810.04805.
final class Bert implements Family {
    @Override
    public List<String> names() {
        return List.of("bert");
    }

    @Override
    public String transformersClass() {
        return "BertForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = BertSizes.of(c);
        Parts p = parts.at("bert.");
        Parts e = p.at("embeddings.");
        var embedding = e.table("word_embeddings", s.vocab(), s.dim());
        var segments = e.table("token_type_embeddings", s.segments(), s.dim());
        var positions = new Positions.Learned(e.table("position_embeddings", s.context(), s.dim()));
        var norm = e.layerNorm("LayerNorm", s.dim(), s.eps());
        var blocks = p.blocks("encoder.layer.", s.layers(), (layer, _) -> s.block(layer, s.bidirectional()));
        boolean predicts = c.hasHead("ForMaskedLM", "ForPreTraining");
        Optional<Linear> pooler =
                predicts ? Optional.empty() : Optional.of(p.linear("pooler.dense", s.dim(), s.dim(), true));
        var trunk = new Transformer(
                        embedding,
                        positions,
                        blocks,
                        Norm.NONE,
                        predicts
                                ? s.tiedHead(parts, "bert.embeddings.word_embeddings", "cls.predictions.bias")
                                : parts.linear("bert.embeddings.word_embeddings", s.vocab(), s.dim(), false),
                        s.context())
                .with(new EmbeddingRule.Added(segments))
                .withEntrance(new EmbeddingRule.Normed(norm));
        return new Encoder(
                predicts
                        ? trunk.withExit(s.transform(parts.at("cls.predictions.transform."), "dense", "LayerNorm"))
                        : trunk,
                predicts,
                pooler);
    }
}
