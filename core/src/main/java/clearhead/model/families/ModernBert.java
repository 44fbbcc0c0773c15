package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Encoder;
import clearhead.nn.Linear;
import clearhead.nn.Network;
import clearhead.nn.Transformer;
import java.util.List;
import java.util.Optional;

/// ModernBERT: rotary positions, norms before, gated MLP, layers that see a window and some that see
/// all. Warner et al. 2024, arXiv:2412.13663.
final class ModernBert implements Family {
    @Override
    public List<String> names() {
        return List.of("modernbert");
    }

    @Override
    public String transformersClass() {
        return "ModernBertForMaskedLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        var s = ModernBertParts.of(c);
        int vocab = c.size("vocab_size");
        int context = c.size("max_position_embeddings", 8192);
        var rope = parts.rope(s.rotation(LayerKinds.FULL, "global_rope_theta", 160000), s.headDim(), context);
        var near = parts.rope(s.rotation(LayerKinds.SLIDING, "local_rope_theta", 10000), s.headDim(), context);
        Parts p = parts.at("model.");
        var words = p.table("embeddings.tok_embeddings", vocab, s.dim());
        var entrance = new EmbeddingRule.Normed(s.norm(p, "embeddings.norm"));
        var blocks = p.blocks("layers.", c.layers("num_hidden_layers"), (layer, i) -> s.block(layer, i, rope, near));
        boolean predicts = c.hasHead("ForMaskedLM");
        Linear head = p.linear("embeddings.tok_embeddings", vocab, s.dim(), false);
        if (predicts && c.flag("decoder_bias", true)) {
            head = Linear.of(head.weight(), parts.tensor("decoder.bias", Init.ZEROS, vocab));
        }
        var trunk = new Transformer(words, rope, blocks, s.norm(p, "final_norm"), head, context).withEntrance(entrance);
        if (!predicts) {
            return new Encoder(trunk, false, Optional.empty());
        }
        var dense = parts.linear("head.dense", s.dim(), s.dim(), c.flag("classifier_bias", false));
        var exit = EmbeddingRule.InTurn.of(
                new EmbeddingRule.Activated(dense, c.activation("classifier_activation", "gelu")),
                new EmbeddingRule.Normed(s.norm(parts, "head.norm")));
        return new Encoder(trunk.withExit(exit), true, Optional.empty());
    }
}
