package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Mixer;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.TimeMixing;
import clearhead.nn.TokenShift;
import clearhead.nn.Transformer;
import clearhead.tensor.Tensor;
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
            var mixer = time(layer.at("attention."), shift, dim, c.size("attention_hidden_size", dim));
            var ln2 = layer.layerNorm("ln2", dim, eps);
            var mlp = channels(layer.at("feed_forward."), shift, dim, c.size("intermediate_size", 4 * dim));
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
                        Mamba.CONTEXT)
                .with(entrance);
    }

    private static Mixer time(Parts p, TokenShift shift, int dim, int width) {
        return new TimeMixing(
                shift,
                mix(p, "time_mix_key", dim),
                mix(p, "time_mix_value", dim),
                mix(p, "time_mix_receptance", dim),
                p.tensor("time_decay", Init.ZEROS, Change.NEGATIVE_EXP, width),
                p.tensor("time_first", Init.ZEROS, width),
                p.linear("key", width, dim, false),
                p.linear("value", width, dim, false),
                p.linear("receptance", width, dim, false),
                p.residual("output", dim, width, false));
    }

    private static Mlp channels(Parts p, TokenShift shift, int dim, int hidden) {
        return new Mlp.ChannelMixing(
                shift,
                mix(p, "time_mix_key", dim),
                mix(p, "time_mix_receptance", dim),
                p.linear("key", hidden, dim, false),
                p.residual("value", dim, hidden, false),
                p.linear("receptance", dim, dim, false));
    }

    private static Tensor mix(Parts p, String name, int dim) {
        return p.tensor(name, new Init(0.5, 0), 1, 1, dim).reshape(dim);
    }
}
