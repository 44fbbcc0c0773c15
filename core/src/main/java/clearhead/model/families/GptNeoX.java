package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import java.util.List;
import java.util.Map;

/// GPT-NeoX and Pythia: attention and MLP side by side as a rule, rotary positions in a part of a head. Black
/// et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373.
final class GptNeoX implements Family {
    @Override
    public List<String> names() {
        return List.of("gpt_neox");
    }

    @Override
    public String transformersClass() {
        return "GPTNeoXForCausalLM";
    }

    @Override
    public Network build(Config config, Parts parts) {
        Config c = config.withDefaults(Map.of(
                "partial_rotary_factor", config.json().real("rotary_pct", 0.25),
                "rope_theta", config.json().real("rotary_emb_base", 10000)));
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        int headDim = c.headDim(dim, "num_attention_heads", heads);
        int hidden = c.size("intermediate_size", 4 * dim);
        int context = c.size("max_position_embeddings", 2048);
        double eps = c.positive("layer_norm_eps", 1e-5);
        boolean bias = c.flag("attention_bias", true);
        boolean parallel = c.flag("use_parallel_residual", true);
        boolean tied = c.flag("tie_word_embeddings", false);
        var act = c.activation("hidden_act", "gelu");
        var spec = AttentionSpec.causal(heads, heads, headDim);
        Positions rope = parts.rope(c, headDim, context);
        Parts p = parts.at("gpt_neox.");
        var embedding = p.table("embed_in", vocab, dim);
        var blocks = p.blocks("layers.", c.layers("num_hidden_layers"), (layer, _) -> {
            var before = layer.layerNorm("input_layernorm", dim, eps);
            var attention = GroupedQkv.attention(layer.at("attention."), spec, rope, "query_key_value", "dense", bias);
            var beforeMlp = layer.layerNorm("post_attention_layernorm", dim, eps);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.dense_h_to_4h", hidden, dim, true),
                    layer.residual("mlp.dense_4h_to_h", dim, hidden, true),
                    act);
            return parallel
                    ? new Block.Parallel(before, attention, beforeMlp, mlp)
                    : new Block.PreNorm(before, attention, beforeMlp, mlp);
        });
        return new Transformer(
                embedding,
                rope,
                blocks,
                p.layerNorm("final_layer_norm", dim, eps),
                parts.linear(tied ? "gpt_neox.embed_in" : "embed_out", vocab, dim, false),
                Parts.reach(c, headDim, context));
    }
}
