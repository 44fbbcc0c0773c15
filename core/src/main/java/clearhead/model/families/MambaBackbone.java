package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Mixer;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;

/// What Mamba 1 and 2 have in common.
final class MambaBackbone {
    /// Such models tell any number of positions apart; a number is wanted all the same.
    static final int CONTEXT = 1 << 20;

    private MambaBackbone() {}

    static Transformer of(Config c, Parts p, MixerParts mixer) {
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        var embedding = p.table("backbone.embeddings", vocab, dim);
        var blocks = p.blocks(
                "backbone.layers.",
                c.layers("num_hidden_layers"),
                (layer, _) -> new Block.MixerOnly(layer.rmsNorm("norm", dim, eps), mixer.build(layer)));
        boolean tied = c.flag("tie_word_embeddings", true);
        return new Transformer(
                embedding,
                new Positions.None(),
                blocks,
                p.rmsNorm("backbone.norm_f", dim, eps),
                p.linear(tied ? "backbone.embeddings" : "lm_head", vocab, dim, false),
                CONTEXT);
    }

    /// Builds a layer's mixer.
    @FunctionalInterface
    interface MixerParts {
        Mixer build(Parts layer);
    }
}
