package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Encoder;
import clearhead.nn.Network;
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
        var blocks = p.blocks("encoder.layer.", s.layers(), (layer, _) -> s.block(layer, s.bidirectional()));
        if (!c.hasHead("ForMaskedLM", "ForPreTraining")) {
            return new Encoder(
                    s.trunk(e, s.dim(), blocks, s.noHead(e, s.dim())), false, s.pooler(c, p, "pooler.dense"));
        }
        var head = s.tiedHead(parts, "bert.embeddings.word_embeddings", s.dim(), "cls.predictions.bias");
        var exit = s.transform(parts.at("cls.predictions.transform."), "dense", "LayerNorm", s.dim());
        return new Encoder(s.trunk(e, s.dim(), blocks, head).withExit(exit), true, Optional.empty());
    }
}
