package clearhead.model;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Mlp;
import clearhead.nn.Positions;
import clearhead.nn.Transformer;
import clearhead.ops.Activation;
import clearhead.ops.AttentionSpec;
import clearhead.ops.Pairing;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Llama: RMSNorm, rotary positions, grouped key and value heads, gated MLP. Touvron et al. 2023,
/// arXiv:2302.13971 and arXiv:2307.09288.
///
/// @param hidden width of the MLP
/// @param tied whether the head is the token embedding
public record Llama(
        int vocab,
        int context,
        int dim,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int hidden,
        double eps,
        double theta,
        RopeScaling scaling,
        Activation act,
        boolean attentionBias,
        boolean mlpBias,
        boolean tied)
        implements Family {

    /// Longest rotary tables that are made; a model may claim more positions than memory has room.
    private static final int MOST_POSITIONS = 1 << 17;

    private static final double INIT_STD = 0.02;

    static Llama of(Config config) {
        int dim = config.size("hidden_size");
        int heads = config.size("num_attention_heads");
        int kvHeads = config.size("num_key_value_heads", heads);
        int headDim = config.size("head_dim", Math.max(1, dim / heads));
        if (heads % kvHeads != 0) {
            throw config.json()
                    .wrong("num_key_value_heads", "must divide num_attention_heads " + heads + ", found " + kvHeads);
        }
        if (headDim % 2 != 0) {
            throw config.json().wrong("head_dim", "must be even, found " + headDim);
        }
        RopeScaling scaling = RopeScaling.of(config, headDim);
        // a proportional rotation takes that number itself
        if (!(scaling instanceof RopeScaling.Proportional) && RopeScaling.rotaryDim(config, headDim) != headDim) {
            throw config.json().wrong("partial_rotary_factor", "is not supported for llama, whose heads turn whole");
        }
        config.refuse("num_local_experts", config.json().integer("num_local_experts", 0) != 0);
        return new Llama(
                config.size("vocab_size"),
                config.size("max_position_embeddings", 2048),
                dim,
                config.layers("num_hidden_layers"),
                heads,
                kvHeads,
                headDim,
                config.size("intermediate_size"),
                config.positive("rms_norm_eps", 1e-6),
                RopeScaling.theta(config),
                scaling,
                config.activation("hidden_act", "silu"),
                config.flag("attention_bias", false),
                config.flag("mlp_bias", false),
                config.flag("tie_word_embeddings", false));
    }

    /// The same with another rule for long contexts.
    Llama with(RopeScaling other) {
        return new Llama(
                vocab,
                context,
                dim,
                layers,
                heads,
                kvHeads,
                headDim,
                hidden,
                eps,
                theta,
                other,
                act,
                attentionBias,
                mlpBias,
                tied);
    }

    @Override
    public String name() {
        return "llama";
    }

    @Override
    public String layerPrefix() {
        return "model.layers.";
    }

    @Override
    public String optionalPrefix() {
        return "model.";
    }

    @Override
    public List<Parameter> parameters() {
        var all = new ArrayList<Parameter>();
        var normal = Parameter.Init.normal(INIT_STD);
        // GPT-2's rule: what adds to the residual starts smaller, by the number of additions
        var residual = Parameter.Init.normal(INIT_STD / Math.sqrt(2.0 * layers));
        var ones = Parameter.Init.ONES;
        all.add(Parameter.plain("model.embed_tokens.weight", normal, vocab, dim));
        for (int i = 0; i < layers; i++) {
            String p = layerPrefix() + i + ".";
            all.add(Parameter.plain(p + "input_layernorm.weight", ones, dim));
            addRotary(all, p + "self_attn.q_proj", heads);
            addRotary(all, p + "self_attn.k_proj", kvHeads);
            add(all, p + "self_attn.v_proj", normal, attentionBias, kvHeads * headDim, dim);
            add(all, p + "self_attn.o_proj", residual, attentionBias, dim, heads * headDim);
            all.add(Parameter.plain(p + "post_attention_layernorm.weight", ones, dim));
            add(all, p + "mlp.gate_proj", normal, mlpBias, hidden, dim);
            add(all, p + "mlp.up_proj", normal, mlpBias, hidden, dim);
            add(all, p + "mlp.down_proj", residual, mlpBias, dim, hidden);
        }
        all.add(Parameter.plain("model.norm.weight", ones, dim));
        if (!tied) {
            all.add(Parameter.plain("lm_head.weight", normal, vocab, dim));
        }
        return all;
    }

    private static void add(List<Parameter> all, String prefix, Parameter.Init init, boolean bias, int out, int in) {
        all.add(Parameter.plain(prefix + ".weight", init, out, in));
        if (bias) {
            all.add(Parameter.plain(prefix + ".bias", Parameter.Init.ZEROS, out));
        }
    }

    private void addRotary(List<Parameter> all, String prefix, int heads) {
        int out = Math.multiplyExact(heads, headDim);
        var normal = Parameter.Init.normal(INIT_STD);
        all.add(Parameter.rotary(prefix + ".weight", normal, heads, out, dim));
        if (attentionBias) {
            all.add(Parameter.rotary(prefix + ".bias", Parameter.Init.ZEROS, heads, out));
        }
    }

    @Override
    public Transformer build(Weights weights) {
        int positions = scaling.reach(context, MOST_POSITIONS);
        Positions rope = scaling.rotation(weights.arena(), weights.type(), positions, headDim, theta, Pairing.HALVES);
        var spec = AttentionSpec.causal(heads, kvHeads, headDim);
        var blocks = new ArrayList<Block>();
        for (int i = 0; i < layers; i++) {
            String p = layerPrefix() + i + ".";
            var attention = new Attention(
                    spec,
                    rope,
                    weights.linear(p + "self_attn.q_proj", attentionBias),
                    weights.linear(p + "self_attn.k_proj", attentionBias),
                    weights.linear(p + "self_attn.v_proj", attentionBias),
                    weights.linear(p + "self_attn.o_proj", attentionBias));
            var mlp = new Mlp.Gated(
                    weights.linear(p + "mlp.gate_proj", mlpBias),
                    weights.linear(p + "mlp.up_proj", mlpBias),
                    weights.linear(p + "mlp.down_proj", mlpBias),
                    act);
            blocks.add(new Block.PreNorm(
                    weights.rmsNorm(p + "input_layernorm", eps),
                    attention,
                    weights.rmsNorm(p + "post_attention_layernorm", eps),
                    mlp));
        }
        return new Transformer(
                weights.rows("model.embed_tokens.weight"),
                rope,
                blocks,
                weights.rmsNorm("model.norm", eps),
                weights.linear(tied ? "model.embed_tokens" : "lm_head", false),
                positions);
    }

    @Override
    public Map<String, Object> config() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("architectures", List.of("LlamaForCausalLM"));
        fields.put("model_type", name());
        fields.put("vocab_size", vocab);
        fields.put("max_position_embeddings", context);
        fields.put("hidden_size", dim);
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", heads);
        fields.put("num_key_value_heads", kvHeads);
        fields.put("head_dim", headDim);
        fields.put("intermediate_size", hidden);
        fields.put("rms_norm_eps", eps);
        // transformers 4 reads rope_theta and rope_scaling, transformers 5 rope_parameters
        fields.put("rope_theta", theta);
        fields.put("rope_parameters", scaling.parameters(theta));
        fields.put("hidden_act", Config.name(act));
        fields.put("attention_bias", attentionBias);
        fields.put("mlp_bias", mlpBias);
        fields.put("tie_word_embeddings", tied);
        return fields;
    }
}
