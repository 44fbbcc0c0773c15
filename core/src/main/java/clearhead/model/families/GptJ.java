package clearhead.model.families;

import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parameter.Init;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Pairing;
import java.util.List;

/// GPT-J: attention and MLP side by side under one norm, neighbouring elements turned. Wang and Komatsuzaki
/// 2021, "GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model".
final class GptJ implements Family {
    @Override
    public List<String> names() {
        return List.of("gptj");
    }

    @Override
    public String transformersClass() {
        return "GPTJForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size("n_embd");
        int heads = c.size("n_head");
        int headDim = c.headDim(dim, "n_head", heads);
        int hidden = c.size("n_inner", 4 * dim);
        int context = c.size("n_positions", 2048);
        int turning = c.size("rotary_dim", headDim);
        if (turning > headDim || turning % 2 != 0) {
            throw c.json().wrong("rotary_dim", "wanted an even part of a head's " + headDim + ", found " + turning);
        }
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        boolean tied = c.flag("tie_word_embeddings", false);
        var act = c.activation("activation_function", "gelu_new");
        var spec = AttentionSpec.causal(heads, heads, headDim);
        Positions rope = parts.rope(c, turning, context, Pairing.INTERLEAVED);
        Parts p = parts.at("transformer.");
        var embedding = p.table("wte", vocab, dim);
        var blocks = p.blocks("h.", c.layers("n_layer"), (layer, _) -> {
            var norm = layer.layerNorm("ln_1", dim, eps);
            var attention = SeparateQkv.attention(layer.at("attn."), spec, rope, dim, false, "out_proj", false);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.fc_in", hidden, dim, true), layer.residual("mlp.fc_out", dim, hidden, true), act);
            return new Block.Parallel(norm, attention, norm, mlp);
        });
        var norm = p.layerNorm("ln_f", dim, eps);
        var weight = parts.linear(tied ? "transformer.wte" : "lm_head", vocab, dim, false)
                .weight();
        var head = Linear.of(weight, parts.tensor("lm_head.bias", Init.ZEROS, vocab));
        return new Transformer(embedding, rope, blocks, norm, head, context);
    }
}
