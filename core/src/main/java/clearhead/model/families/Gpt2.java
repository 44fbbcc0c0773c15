package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.List;

/// GPT-2: LayerNorm, learned positions, one dense MLP. Radford et al. 2019, "Language Models are
/// Unsupervised Multitask Learners". Checkpoints hold the weights of its linear layers transposed, and
/// query, key and value side by side in `c_attn`.
final class Gpt2 implements Family {
    @Override
    public List<String> names() {
        return List.of("gpt2");
    }

    @Override
    public String transformersClass() {
        return "GPT2LMHeadModel";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int dim = c.size("n_embd");
        int heads = c.size("n_head");
        int headDim = c.headDim(dim, "n_head", heads);
        int hidden = c.size("n_inner", 4 * dim);
        int context = c.size("n_positions", 1024);
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        double scale = c.flag("scale_attn_weights", true) ? 1 / Math.sqrt(headDim) : 1;
        boolean byLayer = c.flag("scale_attn_by_inverse_layer_idx", false);
        c.refuse("add_cross_attention", c.flag("add_cross_attention", false));
        var act = c.activation("activation_function", "gelu_new");
        Parts p = parts.at("transformer.");
        var embedding = p.table("wte", c.size("vocab_size"), dim);
        var positions = new Positions.Learned(p.table("wpe", context, dim));
        var blocks = p.blocks("h.", c.layers("n_layer"), (layer, i) -> {
            double own = byLayer ? scale / (i + 1) : scale;
            var attention = new Attention(
                    new AttentionSpec(heads, heads, headDim, own, Mask.CAUSAL),
                    new Positions.None(),
                    third(layer, "q", 0, dim),
                    third(layer, "k", 1, dim),
                    third(layer, "v", 2, dim),
                    layer.transposed("attn.c_proj", dim, dim, true));
            var mlp = new Mlp.Dense(
                    layer.transposed("mlp.c_fc", hidden, dim, false),
                    layer.transposed("mlp.c_proj", dim, hidden, true),
                    act);
            return new Block.PreNorm(
                    layer.layerNorm("ln_1", dim, eps), attention, layer.layerNorm("ln_2", dim, eps), mlp);
        });
        return new Transformer(
                embedding,
                positions,
                blocks,
                p.layerNorm("ln_f", dim, eps),
                c.flag("tie_word_embeddings", true)
                        ? p.linear("wte", c.size("vocab_size"), dim, false)
                        : parts.linear("lm_head", c.size("vocab_size"), dim, false),
                context);
    }

    private static Linear third(Parts layer, String name, int which, int dim) {
        var rows = Rows.of(which * dim, dim, 3 * dim);
        return layer.part("attn." + name, "attn.c_attn", rows, dim, dim, true, true);
    }
}
