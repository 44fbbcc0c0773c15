package clearhead.model;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Mlp;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Mask;
import clearhead.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// GPT-2: LayerNorm, learned positions, one dense MLP. Radford et al. 2019, "Language Models are
/// Unsupervised Multitask Learners".
///
/// Checkpoints hold the weights of its linear layers transposed ("Conv1D"), and query, key and value
/// side by side in `c_attn`; here they are apart, [out, in].
///
/// @param hidden width of the MLP
/// @param scaled whether scores are divided by √headDim
/// @param scaledByLayer whether scores are also divided by the layer's number, from 1
/// @param tied whether the head is the token embedding
public record Gpt2(
        int vocab,
        int context,
        int dim,
        int layers,
        int heads,
        int hidden,
        double eps,
        Activation act,
        boolean scaled,
        boolean scaledByLayer,
        boolean tied)
        implements Family {

    private static final double INIT_STD = 0.02;

    static Gpt2 of(Config config) {
        int dim = config.size("n_embd");
        int heads = config.size("n_head");
        if (dim % heads != 0) {
            throw config.json().wrong("n_head", "must divide n_embd " + dim + ", found " + heads);
        }
        config.refuse("add_cross_attention", config.flag("add_cross_attention", false));
        return new Gpt2(
                config.size("vocab_size"),
                config.size("n_positions", 1024),
                dim,
                config.layers("n_layer"),
                heads,
                config.size("n_inner", 4 * dim),
                config.positive("layer_norm_epsilon", 1e-5),
                config.activation("activation_function", "gelu_new"),
                config.flag("scale_attn_weights", true),
                config.flag("scale_attn_by_inverse_layer_idx", false),
                config.flag("tie_word_embeddings", true));
    }

    @Override
    public String name() {
        return "gpt2";
    }

    @Override
    public String layerPrefix() {
        return "transformer.h.";
    }

    @Override
    public String optionalPrefix() {
        return "transformer.";
    }

    @Override
    public List<Parameter> parameters() {
        var all = new ArrayList<Parameter>();
        var normal = Parameter.Init.normal(INIT_STD);
        // Radford et al. 2019, section 2.3
        var residual = Parameter.Init.normal(INIT_STD / Math.sqrt(2.0 * layers));
        all.add(Parameter.plain("transformer.wte.weight", normal, vocab, dim));
        all.add(Parameter.plain("transformer.wpe.weight", normal, context, dim));
        for (int i = 0; i < layers; i++) {
            String p = layerPrefix() + i + ".";
            addNorm(all, p + "ln_1");
            for (int part = 0; part < 3; part++) {
                String name = p + "attn." + "qkv".charAt(part);
                addConv(all, name, p + "attn.c_attn", normal, part * dim, 3 * dim, dim, dim);
            }
            addConv(all, p + "attn.c_proj", p + "attn.c_proj", residual, 0, dim, dim, dim);
            addNorm(all, p + "ln_2");
            addConv(all, p + "mlp.c_fc", p + "mlp.c_fc", normal, 0, hidden, hidden, dim);
            addConv(all, p + "mlp.c_proj", p + "mlp.c_proj", residual, 0, dim, dim, hidden);
        }
        addNorm(all, "transformer.ln_f");
        if (!tied) {
            all.add(Parameter.plain("lm_head.weight", normal, vocab, dim));
        }
        return all;
    }

    private void addNorm(List<Parameter> all, String prefix) {
        all.add(Parameter.plain(prefix + ".weight", Parameter.Init.ONES, dim));
        all.add(Parameter.plain(prefix + ".bias", Parameter.Init.ZEROS, dim));
    }

    /// @param first the first of `all` outputs of the stored tensor that are this layer's
    private static void addConv(
            List<Parameter> parameters,
            String name,
            String stored,
            Parameter.Init init,
            int first,
            int all,
            int out,
            int in) {
        parameters.add(new Parameter(
                name + ".weight",
                new Shape(out, in),
                init,
                new Parameter.Stored(stored + ".weight", true, first, all, 0)));
        parameters.add(new Parameter(
                name + ".bias",
                new Shape(out),
                Parameter.Init.ZEROS,
                new Parameter.Stored(stored + ".bias", false, first, all, 0)));
    }

    @Override
    public Transformer build(Weights weights) {
        var blocks = new ArrayList<Block>();
        var none = new Positions.None();
        for (int i = 0; i < layers; i++) {
            String p = layerPrefix() + i + ".";
            var attention = new Attention(
                    spec(i),
                    none,
                    weights.linear(p + "attn.q", true),
                    weights.linear(p + "attn.k", true),
                    weights.linear(p + "attn.v", true),
                    weights.linear(p + "attn.c_proj", true));
            var mlp = new Mlp.Dense(weights.linear(p + "mlp.c_fc", true), weights.linear(p + "mlp.c_proj", true), act);
            blocks.add(new Block.PreNorm(
                    weights.layerNorm(p + "ln_1", eps), attention, weights.layerNorm(p + "ln_2", eps), mlp));
        }
        return new Transformer(
                weights.rows("transformer.wte.weight"),
                new Positions.Learned(weights.rows("transformer.wpe.weight")),
                blocks,
                weights.layerNorm("transformer.ln_f", eps),
                weights.linear(tied ? "transformer.wte" : "lm_head", false),
                context);
    }

    private AttentionSpec spec(int layer) {
        int headDim = dim / heads;
        double scale = scaled ? 1 / Math.sqrt(headDim) : 1;
        return new AttentionSpec(heads, heads, headDim, scaledByLayer ? scale / (layer + 1) : scale, Mask.CAUSAL);
    }

    @Override
    public Map<String, Object> config() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("architectures", List.of("GPT2LMHeadModel"));
        fields.put("model_type", name());
        fields.put("vocab_size", vocab);
        fields.put("n_positions", context);
        fields.put("n_embd", dim);
        fields.put("n_layer", layers);
        fields.put("n_head", heads);
        fields.put("n_inner", hidden);
        fields.put("layer_norm_epsilon", eps);
        fields.put("activation_function", Config.name(act));
        fields.put("scale_attn_weights", scaled);
        fields.put("scale_attn_by_inverse_layer_idx", scaledByLayer);
        fields.put("tie_word_embeddings", tied);
        return fields;
    }
}
