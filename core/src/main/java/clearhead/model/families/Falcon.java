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

/// Falcon: one key head (7B), key heads for groups of queries (40B, 180B, 11B), or ALiBi (RW). Almazrouei et
/// al. 2023, arXiv:2311.16867.
final class Falcon implements Family {
    @Override
    public List<String> names() {
        return List.of("falcon");
    }

    @Override
    public String transformersClass() {
        return "FalconForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        int heads = c.size("num_attention_heads");
        int headDim = c.headDim(dim, "num_attention_heads", heads);
        int hidden = c.size("ffn_hidden_size", 4 * dim);
        int context = c.size("max_position_embeddings", 2048);
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        boolean grouped = c.flag("new_decoder_architecture", false);
        boolean parallel = grouped || c.flag("parallel_attn", true);
        boolean twoNorms = grouped && c.size("num_ln_in_parallel_attn", 2) == 2;
        int kvHeads = grouped ? c.size("num_kv_heads", heads) : c.flag("multi_query", true) ? 1 : heads;
        boolean alibi = c.flag("alibi", false);
        boolean bias = c.flag("bias", false);
        boolean tied = c.flag("tie_word_embeddings", true);
        var act = c.activation("activation", "gelu");
        var plain = AttentionSpec.causal(heads, kvHeads, headDim);
        var spec = alibi ? plain.withBias(FalconAlibi.of(parts, plain, context)) : plain;
        Positions positions = alibi ? new Positions.None() : parts.rope(c, headDim, context);
        Parts p = parts.at("transformer.");
        var embedding = p.table("word_embeddings", vocab, dim);
        var blocks = p.blocks("h.", c.layers("num_hidden_layers"), (layer, _) -> {
            var before = layer.layerNorm(twoNorms ? "ln_attn" : "input_layernorm", dim, eps);
            var attention = GroupedQkv.attention(
                    layer.at("self_attention."), spec, positions, "query_key_value", "dense", bias);
            var beforeMlp = twoNorms
                    ? layer.layerNorm("ln_mlp", dim, eps)
                    : parallel ? before : layer.layerNorm("post_attention_layernorm", dim, eps);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.dense_h_to_4h", hidden, dim, bias),
                    layer.residual("mlp.dense_4h_to_h", dim, hidden, bias),
                    act);
            return parallel
                    ? new Block.Parallel(before, attention, beforeMlp, mlp)
                    : new Block.PreNorm(before, attention, beforeMlp, mlp);
        });
        var head = parts.linear(tied ? "transformer.word_embeddings" : "lm_head", vocab, dim, false);
        return new Transformer(embedding, positions, blocks, p.layerNorm("ln_f", dim, eps), head, context);
    }
}
