package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Encoder;
import clearhead.nn.Network;
import java.util.List;
import java.util.Optional;

/// RoBERTa and XLM-RoBERTa: BERT whose positions are numbered after the padding token. Liu et al. 2019,
/// arXiv:1907.11692; Conneau et al. 2019, arXiv:1911.02116.
final class Roberta implements Family {
    @Override
    public List<String> names() {
        return List.of("camembert", "roberta", "xlm-roberta");
    }

    @Override
    public String transformersClass() {
        return "RobertaForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = BertSizes.of(c);
        int padding = c.json().integer("pad_token_id", 1);
        if (padding < 0 || padding + 1 >= s.context()) {
            throw c.json().wrong("pad_token_id", "wanted 0 to " + (s.context() - 2) + ", found " + padding);
        }
        Parts p = parts.at("roberta.");
        Parts e = p.at("embeddings.");
        var blocks = p.blocks("encoder.layer.", s.layers(), (layer, _) -> s.block(layer, s.bidirectional()));
        if (!c.hasHead("ForMaskedLM")) {
            return new Encoder(
                    s.trunkAfterPadding(padding, e, blocks, s.noHead(e, s.dim())),
                    false,
                    s.pooler(c, p, "pooler.dense"));
        }
        var head = s.tiedHead(parts, "roberta.embeddings.word_embeddings", s.dim(), "lm_head.bias");
        var exit = s.transform(parts.at("lm_head."), "dense", "layer_norm", s.dim());
        return new Encoder(s.trunkAfterPadding(padding, e, blocks, head).withExit(exit), true, Optional.empty());
    }
}
