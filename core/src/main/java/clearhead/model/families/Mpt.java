package clearhead.model.families;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parts;
import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.HeadNorm;
import clearhead.nn.HeadNorms;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Bias;
import java.util.List;

/// MPT: ALiBi, no biases at all. MosaicML 2023, "Introducing MPT-7B".
final class Mpt implements Family {
    @Override
    public List<String> names() {
        return List.of("mpt");
    }

    @Override
    public String transformersClass() {
        return "MptForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size("d_model");
        int heads = c.size("n_heads");
        int headDim = c.headDim(dim, "n_heads", heads);
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        Config inside = new Config(
                c.json().has("attn_config") ? c.json().object("attn_config") : Json.parseObject("attn_config", "{}"));
        c.refuse("no_bias", !c.flag("no_bias", true));
        c.refuse("logit_scale", c.json().has("logit_scale"));
        inside.refuse("alibi", !inside.flag("alibi", true));
        inside.refuse("qk_ln", inside.flag("qk_ln", false));
        var clipped =
                inside.json().has("clip_qkv") ? new HeadNorm.Clamped(inside.positive("clip_qkv", 1)) : HeadNorm.NONE;
        var spec = AttentionSpec.causal(heads, heads, headDim)
                .withScale(inside.positive("softmax_scale", 1 / Math.sqrt(headDim)))
                .withBias(Bias.Alibi.of(heads, inside.positive("alibi_bias_max", 8)));
        Parts p = parts.at("transformer.");
        var embedding = p.table("wte", vocab, dim);
        var blocks = p.blocks("blocks.", c.layers("n_layers"), (layer, _) -> {
            var q = third(layer, "query", 0, dim);
            var k = third(layer, "key", 1, dim);
            var v = third(layer, "value", 2, dim);
            var output = layer.residual("attn.out_proj", dim, dim, false);
            var attention = new Attention(spec, new Positions.None(), q, k, v, output);
            var mlp = new Mlp.Dense(
                    layer.linear("ffn.up_proj", 4 * dim, dim, false),
                    layer.residual("ffn.down_proj", dim, 4 * dim, false),
                    Activation.GELU);
            return new Block.PreNorm(
                    layer.layerNormWithoutBias("norm_1", dim, eps),
                    attention.withNormsBefore(new HeadNorms(clipped, clipped, clipped)),
                    layer.layerNormWithoutBias("norm_2", dim, eps),
                    mlp);
        });
        var norm = p.layerNormWithoutBias("norm_f", dim, eps);
        boolean tied = c.flag("tie_word_embeddings", true);
        var head = parts.linear(tied ? "transformer.wte" : "lm_head", vocab, dim, false);
        return new Transformer(embedding, new Positions.None(), blocks, norm, head, c.size("max_seq_len", 2048));
    }

    private static Linear third(Parts layer, String name, int which, int dim) {
        return layer.part("attn." + name, "attn.Wqkv", Rows.of(which * dim, dim, 3 * dim), dim, dim, false);
    }
}
