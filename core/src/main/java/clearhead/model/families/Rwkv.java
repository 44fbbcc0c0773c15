package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.TokenShift;
import clearhead.nn.Transformer;
import java.util.List;

/// RWKV 4: a weighted average over time instead of attention. Peng et al. 2023, arXiv:2305.13048.
final class Rwkv implements Family {
    @Override
    public List<String> names() {
        return List.of("rwkv");
    }

    @Override
    public String transformersClass() {
        return "RwkvForCausalLM";
    }

    @Override
    public Network build(Config c, Parts p) {
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        int every = c.json().integer("rescale_every", 6);
        var embedding = p.table("rwkv.embeddings", vocab, dim);
        var entrance = new EmbeddingRule.Normed(p.layerNorm("rwkv.blocks.0.pre_ln", dim, eps));
        var shift = TokenShift.of(p.arena(), p.type(), dim);
        var blocks = p.blocks("rwkv.blocks.", c.layers("num_hidden_layers"), (layer, i) -> {
            var ln1 = layer.layerNorm("ln1", dim, eps);
            var mixer = RwkvParts.time(layer.at("attention."), shift, dim, c.size("attention_hidden_size", dim));
            var ln2 = layer.layerNorm("ln2", dim, eps);
            var mlp = RwkvParts.channels(layer.at("feed_forward."), shift, dim, c.size("intermediate_size", 4 * dim));
            if (every < 1) {
                return new Block.PreNorm(ln1, mixer, ln2, mlp);
            }
            double after = (i + 1) % every == 0 ? 0.5 : 1;
            return new Block.Rescaled(ln1, mixer, ln2, mlp, Math.pow(2, -(i / every)), after);
        });
        boolean tied = c.flag("tie_word_embeddings", false);
        return new Transformer(
                        embedding,
                        new Positions.None(),
                        blocks,
                        p.layerNorm("rwkv.ln_out", dim, 1e-5),
                        p.linear(tied ? "rwkv.embeddings" : "head", vocab, dim, false),
                        MambaBackbone.CONTEXT)
                .with(entrance);
    }
}
