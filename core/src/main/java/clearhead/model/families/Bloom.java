package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.EmbeddingRule;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import java.util.List;

/// BLOOM: ALiBi, and a norm on the embeddings. Le Scao et al. 2022, arXiv:2211.05100.
final class Bloom implements Family {
    @Override
    public List<String> names() {
        return List.of("bloom");
    }

    @Override
    public String transformersClass() {
        return "BloomForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size(c.either("hidden_size", "n_embed"));
        String headsName = c.either("n_head", "num_attention_heads");
        int heads = c.size(headsName);
        int headDim = c.headDim(dim, headsName, heads);
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        boolean residualIsNorm = c.flag("apply_residual_connection_post_layernorm", false);
        boolean tied = c.flag("tie_word_embeddings", true);
        var spec = AttentionSpec.causal(heads, heads, headDim).withBias(Bias.Alibi.of(heads));
        Parts p = parts.at("transformer.");
        var embedding = p.table("word_embeddings", vocab, dim);
        var embeddingNorm = p.layerNorm("word_embeddings_layernorm", dim, eps);
        var blocks = p.blocks("h.", c.layers(c.either("n_layer", "num_hidden_layers")), (layer, _) -> {
            var before = layer.layerNorm("input_layernorm", dim, eps);
            var attention = GroupedQkv.attention(
                    layer.at("self_attention."), spec, new Positions.None(), "query_key_value", "dense", true);
            var beforeMlp = layer.layerNorm("post_attention_layernorm", dim, eps);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.dense_h_to_4h", 4 * dim, dim, true),
                    layer.residual("mlp.dense_4h_to_h", dim, 4 * dim, true),
                    Activation.GELU_TANH);
            return residualIsNorm
                    ? new Block.NormedResidual(before, attention, beforeMlp, mlp)
                    : new Block.PreNorm(before, attention, beforeMlp, mlp);
        });
        return new Transformer(
                        embedding,
                        new Positions.None(),
                        blocks,
                        p.layerNorm("ln_f", dim, eps),
                        parts.linear(tied ? "transformer.word_embeddings" : "lm_head", vocab, dim, false),
                        c.size("seq_length", 2048))
                .with(new EmbeddingRule.Normed(embeddingNorm));
    }
}
