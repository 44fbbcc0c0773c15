package clearhead.model.families;

import clearhead.io.Json;
import clearhead.model.Config;
import clearhead.model.Family;
import clearhead.model.Parts;
import clearhead.nn.Block;
import clearhead.nn.Mlp;
import clearhead.nn.Network;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import java.util.ArrayList;
import java.util.List;

/// GPT-Neo: GPT-2 with scores that are not scaled, and a window in every second layer as a rule. Black et
/// al. 2021, doi:10.5281/zenodo.5297715.
final class GptNeo implements Family {
    @Override
    public List<String> names() {
        return List.of("gpt_neo");
    }

    @Override
    public String transformersClass() {
        return "GPTNeoForCausalLM";
    }

    @Override
    public Network build(Config c, Parts parts) {
        int vocab = c.size("vocab_size");
        int dim = c.size("hidden_size");
        int heads = c.size("num_heads");
        int headDim = c.headDim(dim, "num_heads", heads);
        int hidden = c.size("intermediate_size", 4 * dim);
        int context = c.size("max_position_embeddings", 2048);
        double eps = c.positive("layer_norm_epsilon", 1e-5);
        var act = c.activation("activation_function", "gelu_new");
        var global = new AttentionSpec(heads, heads, headDim, 1, Mask.CAUSAL);
        var local = global.withMask(new Mask.Window(c.size("window_size", 256) - 1, 0));
        int layers = c.layers("num_layers");
        List<String> kinds = kinds(c, layers);
        Parts p = parts.at("transformer.");
        var embedding = p.table("wte", vocab, dim);
        var positions = new Positions.Learned(p.table("wpe", context, dim));
        var blocks = p.blocks("h.", layers, (layer, i) -> {
            var spec = kinds.get(i).equals("local") ? local : global;
            Parts a = layer.at("attn.attention.");
            var attention = SeparateQkv.attention(a, spec, new Positions.None(), dim, false, "out_proj", true);
            var mlp = new Mlp.Dense(
                    layer.linear("mlp.c_fc", hidden, dim, true), layer.residual("mlp.c_proj", dim, hidden, true), act);
            return new Block.PreNorm(
                    layer.layerNorm("ln_1", dim, eps), attention, layer.layerNorm("ln_2", dim, eps), mlp);
        });
        boolean tied = c.flag("tie_word_embeddings", true);
        var head = tied ? p.linear("wte", vocab, dim, false) : parts.linear("lm_head", vocab, dim, false);
        return new Transformer(embedding, positions, blocks, p.layerNorm("ln_f", dim, eps), head, context);
    }

    /// `attention_types` says patterns and how often each is repeated: [[["global", "local"], 12]].
    private static List<String> kinds(Config c, int layers) {
        Json.Arr types = c.json().array("attention_types");
        var kinds = new ArrayList<String>();
        for (int i = 0; i < types.size(); i++) {
            for (int n = 0; n < types.array(i).integer(1) && kinds.size() <= layers; n++) {
                kinds.addAll(types.array(i).array(0).texts());
            }
        }
        if (kinds.size() != layers) {
            throw c.json().wrong("attention_types", "wanted kinds of " + layers + " layers, found " + kinds.size());
        }
        return kinds;
    }
}
