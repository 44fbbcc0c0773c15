package clearhead.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// The settings of a GGUF in the words of the `config.json` of its family. Where llama.cpp fixes a
/// setting for an architecture and files do not say it, that is said here.
final class GgufSettings {
    private static final List<String> KNOWN = List.of(
            "bert",
            "bloom",
            "cohere2",
            "command-r",
            "deepseek2",
            "ernie4_5",
            "ernie4_5-moe",
            "exaone4",
            "falcon",
            "gemma",
            "gemma2",
            "gemma3",
            "gemma4",
            "glm4",
            "glm4moe",
            "gpt-oss",
            "gpt2",
            "gptneox",
            "granite",
            "granitemoe",
            "lfm2",
            "llama",
            "mamba",
            "mamba2",
            "mpt",
            "olmo",
            "olmo2",
            "olmoe",
            "phi2",
            "phi3",
            "qwen2",
            "qwen3",
            "qwen35",
            "qwen3moe",
            "qwen3next",
            "smollm3",
            "stablelm",
            "starcoder2");

    private final GgufConfig gguf;
    private final Map<String, Object> fields = new LinkedHashMap<>();

    GgufSettings(GgufConfig gguf) {
        this.gguf = gguf;
    }

    Map<String, Object> fields() {
        String architecture = gguf.architecture();
        if (!KNOWN.contains(architecture)) {
            throw gguf.wrong(
                    "general.architecture",
                    "architecture \"" + architecture + "\" is not supported; the nearest known are "
                            + String.join(", ", Nearest.of(architecture, KNOWN)) + "; there are "
                            + String.join(", ", KNOWN));
        }
        switch (architecture) {
            case "mamba", "mamba2" -> recurrent(architecture);
            case "bert" -> bert();
            default -> {
                common();
                own(architecture);
            }
        }
        return fields;
    }

    /// What most families name alike.
    private void common() {
        int dim = gguf.integer("embedding_length");
        int layers = gguf.integer("block_count");
        int[] heads = gguf.perLayer("attention.head_count", layers, 0);
        int headCount = max(heads);
        int headDim = gguf.integer("attention.key_length", headCount > 0 ? dim / headCount : 0);
        fields.put("model_type", gguf.architecture());
        fields.put("vocab_size", gguf.vocab());
        fields.put("max_position_embeddings", gguf.integer("context_length"));
        fields.put("hidden_size", dim);
        fields.put("num_hidden_layers", layers);
        fields.put("num_attention_heads", headCount);
        fields.put("num_key_value_heads", max(gguf.perLayer("attention.head_count_kv", layers, headCount)));
        fields.put("head_dim", headDim);
        fields.put("intermediate_size", max(gguf.perLayer("feed_forward_length", layers, 4 * dim)));
        if (gguf.says("attention.layer_norm_epsilon")) {
            double eps = gguf.real("attention.layer_norm_epsilon", 1e-5);
            for (String name : List.of("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")) {
                fields.put(name, eps);
            }
        }
        if (gguf.says("attention.layer_norm_rms_epsilon")) {
            fields.put("rms_norm_eps", gguf.real("attention.layer_norm_rms_epsilon", 1e-5));
        }
        rope(headDim, 10000);
        fields.put("hidden_act", "silu");
        fields.put("attention_bias", gguf.hasTensor("blk.0.attn_q.bias") || gguf.hasTensor("blk.0.attn_qkv.bias"));
        fields.put("mlp_bias", gguf.hasTensor("blk.0.ffn_gate.bias"));
        fields.put("tie_word_embeddings", !gguf.hasTensor("output.weight"));
    }

    private void rope(int headDim, double otherwise) {
        int turning = gguf.integer("rope.dimension_count", headDim);
        double theta = gguf.real("rope.freq_base", otherwise);
        if (turning < 2 || turning > headDim || turning % 2 != 0) {
            throw gguf.wrong(
                    gguf.architecture() + ".rope.dimension_count",
                    "wanted an even number of at most " + headDim + ", found " + turning);
        }
        var parameters = new LinkedHashMap<>(gguf.ropeScaling(turning / 2).parameters(theta));
        if (turning != headDim) {
            parameters.put("partial_rotary_factor", (double) turning / headDim);
            fields.put("partial_rotary_factor", (double) turning / headDim);
        }
        fields.put("rope_parameters", parameters);
    }

    private void own(String architecture) {
        switch (architecture) {
            case "llama" -> {
                if (gguf.integer("expert_count", 0) > 0) {
                    type("mixtral");
                    experts("num_local_experts");
                }
            }
            case "qwen2", "qwen3" -> {}
            case "qwen3moe" -> {
                type("qwen3_moe");
                experts("num_experts");
                fields.put("norm_topk_prob", true);
            }
            case "olmoe" -> {
                experts("num_experts");
                fields.put("intermediate_size", gguf.integer("feed_forward_length"));
            }
            case "granite", "granitemoe" -> granite(architecture);
            case "gemma" -> gemma("gemma");
            case "gemma2" -> {
                gemma("gemma2");
                fields.put("attn_logit_softcapping", gguf.real("attn_logit_softcapping", 50));
                fields.put("final_logit_softcapping", gguf.real("final_logit_softcapping", 30));
                fields.put("sliding_window", gguf.integer("attention.sliding_window", 4096));
                layerTypes(2);
                // 27 billion parameters: scores are scaled by the width of the model
                queryScale(46);
            }
            case "gemma3" -> {
                gemma("gemma3_text");
                fields.put("sliding_window", gguf.integer("attention.sliding_window", 4096));
                layerTypes(6);
                queryScale(62);
                Object full = fields.get("rope_parameters");
                double near = gguf.real("rope.freq_base_swa", 10000);
                fields.put(
                        "rope_parameters",
                        Map.of(
                                "full_attention",
                                full,
                                "sliding_attention",
                                Map.of("rope_type", "default", "rope_theta", near)));
            }
            case "gemma4" -> gemma4();
            case "olmo" -> {
                if (gguf.says("attention.clamp_kqv")) {
                    fields.put("clip_qkv", gguf.real("attention.clamp_kqv", 0));
                }
            }
            case "olmo2" -> {
                if (gguf.says("attention.sliding_window")) {
                    type("olmo3");
                    fields.put("sliding_window", gguf.integer("attention.sliding_window"));
                    layerTypes(4);
                    Object full = fields.get("rope_parameters");
                    double near = gguf.real("rope.freq_base_swa", gguf.real("rope.freq_base", 10000));
                    fields.put(
                            "rope_parameters",
                            Map.of(
                                    "full_attention",
                                    full,
                                    "sliding_attention",
                                    Map.of("rope_type", "default", "rope_theta", near)));
                }
            }
            case "exaone4" -> {
                if (gguf.says("attention.sliding_window")) {
                    fields.put("sliding_window", gguf.integer("attention.sliding_window"));
                    layerTypes(4);
                }
            }
            case "smollm3" -> fields.put("no_rope_layer_interval", 4);
            case "phi2" -> {
                type("phi");
                fields.put("hidden_act", "gelu_new");
            }
            case "phi3" -> {
                fields.put(
                        "original_max_position_embeddings",
                        gguf.integer("rope.scaling.original_context_length", gguf.integer("context_length")));
                int window = gguf.integer("attention.sliding_window", 0);
                if (window > 0) {
                    fields.put("sliding_window", window);
                }
            }
            case "command-r", "cohere2" -> {
                type(architecture.equals("cohere2") ? "cohere2" : "cohere");
                fields.put("logit_scale", gguf.real("logit_scale", 0.0625));
                if (gguf.says("attention.sliding_window")) {
                    fields.put("sliding_window", gguf.integer("attention.sliding_window"));
                    layerTypes(4);
                }
            }
            case "glm4" -> {}
            case "lfm2" -> {
                int layers = gguf.integer("block_count");
                fields.put("block_auto_adjust_ff_dim", false);
                fields.put("block_ff_dim", count("intermediate_size"));
                fields.put("norm_eps", gguf.real("attention.layer_norm_rms_epsilon", 1e-5));
                fields.put("conv_L_cache", gguf.integer("shortconv.l_cache", 3));
                fields.put(
                        "layer_types",
                        IntStream.of(gguf.perLayer("attention.head_count_kv", layers, 0))
                                .mapToObj(heads -> heads > 0 ? "full_attention" : "conv")
                                .toList());
            }
            case "glm4moe" -> {
                type("glm4_moe");
                experts("n_routed_experts");
                groups();
                fields.put("use_qk_norm", gguf.hasTensor("blk.0.attn_q_norm.weight"));
            }
            case "gpt-oss" -> {
                type("gpt_oss");
                experts("num_local_experts");
                fields.put("intermediate_size", gguf.integer("expert_feed_forward_length"));
                fields.put("sliding_window", gguf.integer("attention.sliding_window", 128));
                layerTypes(2);
            }
            case "ernie4_5", "ernie4_5-moe" -> {
                fields.put("use_bias", gguf.hasTensor("blk.0.attn_q.bias"));
                if (architecture.endsWith("moe")) {
                    type("ernie4_5_moe");
                    experts("moe_num_experts");
                    fields.put("moe_k", gguf.integer("expert_used_count"));
                    fields.put("moe_layer_start_index", gguf.integer("leading_dense_block_count", 0));
                    fields.put("moe_layer_interval", gguf.integer("interleave_moe_layer_step", 1));
                    fields.put("moe_num_shared_experts", gguf.integer("expert_shared_count", 0));
                }
            }
            case "starcoder2" -> {
                fields.put("hidden_act", "gelu_pytorch_tanh");
                fields.put("use_bias", gguf.hasTensor("blk.0.attn_q.bias"));
            }
            case "stablelm" -> {
                fields.put("use_qkv_bias", gguf.hasTensor("blk.0.attn_q.bias"));
                fields.put("use_parallel_residual", gguf.flag("use_parallel_residual", false));
                fields.put("qk_layernorm", gguf.hasTensor("blk.0.attn_q_norm.weight"));
            }
            case "gptneox" -> {
                type("gpt_neox");
                fields.put("hidden_act", "gelu");
                fields.put("use_parallel_residual", gguf.flag("use_parallel_residual", true));
                fields.put("rotary_pct", fields.getOrDefault("partial_rotary_factor", 1.0));
            }
            case "bloom" -> {
                fields.put("n_head", count("num_attention_heads"));
                fields.put("n_layer", count("num_hidden_layers"));
                fields.put("seq_length", gguf.integer("context_length"));
            }
            case "mpt" -> {
                fields.put("d_model", count("hidden_size"));
                fields.put("n_heads", count("num_attention_heads"));
                fields.put("n_layers", count("num_hidden_layers"));
                fields.put("max_seq_len", gguf.integer("context_length"));
                var attention = new LinkedHashMap<String, Object>();
                double alibi = gguf.real("attention.max_alibi_bias", 0);
                attention.put("alibi", alibi > 0);
                attention.put("alibi_bias_max", alibi > 0 ? (int) alibi : 8);
                if (gguf.says("attention.clamp_kqv")) {
                    attention.put("clip_qkv", gguf.real("attention.clamp_kqv", 0));
                }
                fields.put("attn_config", attention);
            }
            case "falcon" -> {
                boolean twoNorms = gguf.hasTensor("blk.0.attn_norm_2.weight");
                int keys = count("num_key_value_heads");
                boolean grouped = twoNorms || keys != 1 && keys != count("num_attention_heads");
                fields.put("num_ln_in_parallel_attn", twoNorms ? 2 : 1);
                fields.put("new_decoder_architecture", grouped);
                fields.put("num_kv_heads", count("num_key_value_heads"));
                fields.put("multi_query", count("num_key_value_heads") == 1);
                fields.put("ffn_hidden_size", count("intermediate_size"));
            }
            default ->
                throw gguf.wrong(
                        "general.architecture",
                        "a GGUF of architecture \"" + architecture
                                + "\" cannot be read yet; load the model from its Hugging Face folder");
        }
    }

    private void granite(String architecture) {
        fields.put("embedding_multiplier", gguf.real("embedding_scale", 1));
        fields.put("residual_multiplier", gguf.real("residual_scale", 1));
        fields.put("attention_multiplier", gguf.real("attention.scale", 1));
        fields.put("logits_scaling", gguf.real("logit_scale", 1));
        if (architecture.equals("granitemoe")) {
            experts("num_local_experts");
            fields.put("intermediate_size", gguf.integer("feed_forward_length"));
        }
    }

    private void gemma(String type) {
        type(type);
        fields.put("hidden_activation", "gelu_pytorch_tanh");
        fields.put("hidden_act", "gelu_pytorch_tanh");
        fields.put("tie_word_embeddings", true);
    }

    /// Layers without a window have heads of another size, and perhaps another number of them.
    private void gemma4() {
        gemma("gemma4_text");
        int layers = gguf.integer("block_count");
        int headDim = gguf.integer("attention.key_length");
        int near = gguf.integer("attention.key_length_swa", headDim);
        int[] slides = gguf.perLayer("attention.sliding_window_pattern", layers, 0);
        int[] kvHeads = gguf.perLayer("attention.head_count_kv", layers, count("num_attention_heads"));
        int[] hidden = gguf.perLayer("feed_forward_length", layers, 0);
        int shared = gguf.integer("attention.shared_kv_layers", 0);
        var own = new LinkedHashMap<String, Object>();
        boolean keysAreValues = false;
        for (int i = 0; i < layers; i++) {
            own.put("" + i, Map.of("head_dim", slides[i] != 0 ? near : headDim, "num_key_value_heads", kvHeads[i]));
            keysAreValues |= i < layers - shared && !gguf.hasTensor("blk." + i + ".attn_v.weight");
        }
        fields.put("head_dim", near);
        fields.put("per_layer_config", own);
        fields.put("attention_k_eq_v", keysAreValues);
        fields.put("num_kv_shared_layers", shared);
        fields.put("sliding_window", gguf.integer("attention.sliding_window"));
        layerTypes(6);
        fields.put("intermediate_size", hidden[0]);
        fields.put("use_double_wide_mlp", hidden[layers - 1] != hidden[0]);
        fields.put("hidden_size_per_layer_input", gguf.integer("embedding_length_per_layer_input", 0));
        fields.put("vocab_size_per_layer_input", gguf.vocab());
        if (gguf.says("final_logit_softcapping")) {
            fields.put("final_logit_softcapping", gguf.real("final_logit_softcapping", 0));
        }
        if (gguf.integer("expert_count", 0) > 0) {
            fields.put("enable_moe_block", true);
            fields.put("num_experts", gguf.integer("expert_count"));
            fields.put("top_k_experts", gguf.integer("expert_used_count"));
            fields.put("moe_intermediate_size", gguf.integer("expert_feed_forward_length"));
        }
        var full = fields.getOrDefault("rope_parameters", Map.of());
        double theta = gguf.real("rope.freq_base_swa", 10000);
        fields.put(
                "rope_parameters",
                Map.of(
                        "full_attention",
                        full,
                        "sliding_attention",
                        Map.of("rope_type", "default", "rope_theta", theta)));
    }

    private void queryScale(int layersOfTheLargest) {
        int dim = count("hidden_size");
        int heads = count("num_attention_heads");
        boolean largest = count("num_hidden_layers") == layersOfTheLargest;
        fields.put("query_pre_attn_scalar", largest ? dim / heads : count("head_dim"));
    }

    private void experts(String name) {
        int count = gguf.integer("expert_count");
        fields.put(name, count);
        fields.put("num_experts_per_tok", gguf.integer("expert_used_count"));
        fields.put(
                "moe_intermediate_size", gguf.integer("expert_feed_forward_length", (int) count("intermediate_size")));
    }

    /// DeepSeek's ways of choosing experts.
    private void groups() {
        fields.put("n_shared_experts", gguf.integer("expert_shared_count", 0));
        fields.put("n_group", gguf.integer("expert_group_count", 1));
        fields.put("topk_group", gguf.integer("expert_group_used_count", 1));
        fields.put("first_k_dense_replace", gguf.integer("leading_dense_block_count", 0));
        fields.put("routed_scaling_factor", gguf.real("expert_weights_scale", 1));
        fields.put("norm_topk_prob", gguf.flag("expert_weights_norm", false));
    }

    /// Which layers see a window: as the file says, or all but every `period`-th.
    private void layerTypes(int period) {
        int layers = gguf.integer("block_count");
        int[] slides = gguf.says("attention.sliding_window_pattern")
                ? gguf.perLayer("attention.sliding_window_pattern", layers, 0)
                : IntStream.range(0, layers)
                        .map(i -> (i + 1) % period == 0 ? 0 : 1)
                        .toArray();
        fields.put(
                "layer_types",
                IntStream.of(slides)
                        .mapToObj(s -> s != 0 ? "sliding_attention" : "full_attention")
                        .toList());
    }

    private void bert() {
        common();
        fields.put("hidden_act", "gelu");
        fields.put("architectures", List.of("BertModel"));
        fields.put("add_pooling_layer", false);
    }

    private void recurrent(String architecture) {
        fields.put("model_type", architecture);
        fields.put("vocab_size", gguf.vocab());
        fields.put("hidden_size", gguf.integer("embedding_length"));
        fields.put("num_hidden_layers", gguf.integer("block_count"));
        fields.put("layer_norm_epsilon", gguf.real("attention.layer_norm_rms_epsilon", 1e-5));
        fields.put("conv_kernel", gguf.integer("ssm.conv_kernel"));
        fields.put("state_size", gguf.integer("ssm.state_size"));
        fields.put("intermediate_size", gguf.integer("ssm.inner_size"));
        fields.put("use_conv_bias", gguf.hasTensor("blk.0.ssm_conv1d.bias"));
        fields.put("use_bias", gguf.hasTensor("blk.0.ssm_in.bias"));
        fields.put("tie_word_embeddings", !gguf.hasTensor("output.weight"));
        int rank = gguf.integer("ssm.time_step_rank");
        if (architecture.equals("mamba")) {
            fields.put("time_step_rank", rank);
        } else {
            fields.put("num_heads", rank);
            fields.put("head_dim", gguf.integer("ssm.inner_size") / Math.max(1, rank));
            fields.put("n_groups", gguf.integer("ssm.group_count", 1));
            fields.put("expand", gguf.integer("ssm.inner_size") / gguf.integer("embedding_length"));
        }
    }

    /// An integer that has been put before.
    private int count(String name) {
        return fields.get(name) instanceof Integer value ? value : 0;
    }

    private void type(String name) {
        fields.put("model_type", name);
    }

    private static int max(int[] values) {
        var distinct = new TreeSet<Integer>();
        for (int value : values) {
            distinct.add(value);
        }
        return distinct.isEmpty() ? 0 : distinct.last();
    }
}
