package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import java.util.List;

/// OPT: GPT-3 with ReLU. The 350M model has its norms behind attention and MLP and embeddings of another
/// width than the residual. Zhang et al. 2022, arXiv:2205.01068.
final class Opt implements Family {
    /// Rows of the position table that stand before position 0.
    private static final int FIRST = 2;

    private static final double EPS = 1e-5;

    @Override
    public List<String> names() {
        return List.of("opt");
    }

    @Override
    public String transformersClass() {
        return "OPTForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        var spec = AttentionSpec.causal(heads, heads, c.headDim(dim, "num_attention_heads", heads));
        int hidden = c.size("ffn_dim", 4 * dim);
        int width = c.size("word_embed_proj_dim", dim);
        int context = c.size("max_position_embeddings", 2048);
        boolean bias = c.flag("enable_bias", true);
        boolean affine = c.flag("layer_norm_elementwise_affine", true);
        boolean before = c.flag("do_layer_norm_before", true);
        boolean last = before && !c.flag("_remove_final_layer_norm", false);
        boolean tied = c.flag("tie_word_embeddings", true);
        var act = c.activation("activation_function", "relu");
        Parts p = parts.at("model.decoder.");
        var embedding = p.table("embed_tokens", vocab, width);
        var positions = new Positions.LearnedFrom(p.table("embed_positions", FIRST + context, dim), FIRST);
        var blocks = p.blocks("layers.", c.layers("num_hidden_layers"), (layer, _) -> {
            Parts a = layer.at("self_attn.");
            var attention = SeparateQkv.attention(a, spec, new Positions.None(), dim, bias, "out_proj", bias);
            var attentionNorm = norm(layer, "self_attn_layer_norm", dim, affine);
            var mlp = new Mlp.Dense(
                    layer.linear("fc1", hidden, dim, bias), layer.residual("fc2", dim, hidden, bias), act);
            var mlpNorm = norm(layer, "final_layer_norm", dim, affine);
            return before
                    ? new Block.PreNorm(attentionNorm, attention, mlpNorm, mlp)
                    : new Block.PostNorm(attention, attentionNorm, mlp, mlpNorm);
        });
        Norm end = last ? norm(p, "final_layer_norm", dim, affine) : Norm.NONE;
        var head = parts.linear(tied ? "model.decoder.embed_tokens" : "lm_head", vocab, width, false);
        var model = new Transformer(embedding, positions, blocks, end, head, context);
        return width == dim
                ? model
                : model.with(new EmbeddingRule.Projected(p.linear("project_in", dim, width, false)))
                        .withExit(new EmbeddingRule.Projected(p.linear("project_out", width, dim, false)));
    }

    private static Norm norm(Parts p, String name, int dim, boolean affine) {
        return affine ? p.layerNorm(name, dim, EPS) : new Norm.Layer(p.constant(1, dim), p.constant(0, dim), EPS);
    }
}
