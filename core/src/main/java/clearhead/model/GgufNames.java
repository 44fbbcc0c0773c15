package clearhead.model;

import clearhead.model.Parameter.Change;
import clearhead.model.Parameter.Rows;
import clearhead.model.Parameter.Stored;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What llama.cpp's converter calls the tensors of a Hugging Face checkpoint, and how it rearranges
/// them: nothing is transposed, numbers are as they are used, and query, key and value that share a
/// tensor lie one after the other.
final class GgufNames {
    private static final Map<String, String> OUTSIDE = names("""
        model.embed_tokens            token_embd
        transformer.wte               token_embd
        transformer.word_embeddings   token_embd
        gpt_neox.embed_in             token_embd
        backbone.embeddings           token_embd
        bert.embeddings.word_embeddings token_embd
        transformer.wpe               position_embd
        bert.embeddings.position_embeddings position_embd
        bert.embeddings.token_type_embeddings token_types
        bert.embeddings.LayerNorm     token_embd_norm
        transformer.word_embeddings_layernorm token_embd_norm
        model.embedding_norm          token_embd_norm
        model.embed_tokens_per_layer  per_layer_token_embd
        model.per_layer_model_projection per_layer_model_proj
        model.per_layer_projection_norm  per_layer_proj_norm
        model.norm                    output_norm
        model.final_layernorm         output_norm
        transformer.ln_f              output_norm
        transformer.norm_f            output_norm
        gpt_neox.final_layer_norm     output_norm
        backbone.norm_f               output_norm
        lm_head                       output
        embed_out                     output
        """);

    private static final Map<String, String> INSIDE = names("""
        input_layernorm               attn_norm
        ln_1                          attn_norm
        norm_1                        attn_norm
        ln_attn                       attn_norm_2
        ln_mlp                        attn_norm
        norm                          attn_norm
        operator_norm                 attn_norm
        self_attn.q_proj              attn_q
        self_attn.k_proj              attn_k
        self_attn.v_proj              attn_v
        self_attn.o_proj              attn_output
        self_attn.dense               attn_output
        self_attn.out_proj            attn_output
        self_attn.q_norm              attn_q_norm
        self_attn.k_norm              attn_k_norm
        self_attn.q_layernorm         attn_q_norm
        self_attn.k_layernorm         attn_k_norm
        self_attn.qkv_proj            attn_qkv
        self_attn.sinks               attn_sinks.weight
        self_attn.q_a_proj            attn_q_a
        self_attn.q_b_proj            attn_q_b
        self_attn.q_a_layernorm       attn_q_a_norm
        self_attn.kv_a_proj_with_mqa  attn_kv_a_mqa
        self_attn.kv_a_layernorm      attn_kv_a_norm
        self_attn.kv_b_proj           attn_kv_b
        attn.c_attn                   attn_qkv
        attn.Wqkv                     attn_qkv
        attention.query_key_value     attn_qkv
        self_attention.query_key_value attn_qkv
        attn.c_proj                   attn_output
        attn.out_proj                 attn_output
        attention.dense               attn_output
        self_attention.dense          attn_output
        attention.self.query          attn_q
        attention.self.key            attn_k
        attention.self.value          attn_v
        attention.output.dense        attn_output
        attention.output.LayerNorm    attn_output_norm
        intermediate.dense            ffn_up
        output.dense                  ffn_down
        output.LayerNorm              layer_output_norm
        post_attention_layernorm      ffn_norm
        pre_feedforward_layernorm     ffn_norm
        post_feedforward_layernorm    post_ffw_norm
        post_self_attn_layernorm      post_attention_norm
        post_mlp_layernorm            post_ffw_norm
        ffn_norm                      ffn_norm
        post_feedforward_layernorm_1  post_ffw_norm_1
        post_feedforward_layernorm_2  post_ffw_norm_2
        pre_feedforward_layernorm_2   pre_ffw_norm_2
        layer_scalar                  layer_output_scale.weight
        per_layer_input_gate          inp_gate
        per_layer_projection          proj
        post_per_layer_input_norm     post_norm
        router.proj                   ffn_gate_inp
        router.scale                  ffn_gate_inp.scale
        router.per_expert_scale       ffn_down_exps.scale
        experts.gate_up_proj          ffn_gate_up_exps.weight
        experts.down_proj             ffn_down_exps.weight
        ln_2                          ffn_norm
        norm_2                        ffn_norm
        mlp.gate_proj                 ffn_gate
        mlp.up_proj                   ffn_up
        mlp.down_proj                 ffn_down
        mlp.gate_up_proj              ffn_up
        mlp.c_fc                      ffn_up
        mlp.c_proj                    ffn_down
        mlp.fc1                       ffn_up
        mlp.fc2                       ffn_down
        mlp.dense_h_to_4h             ffn_up
        mlp.dense_4h_to_h             ffn_down
        ffn.up_proj                   ffn_up
        ffn.down_proj                 ffn_down
        feed_forward.w1               ffn_gate
        feed_forward.w3               ffn_up
        feed_forward.w2               ffn_down
        conv.conv                     shortconv.conv
        conv.in_proj                  shortconv.in_proj
        conv.out_proj                 shortconv.out_proj
        mlp.gate                      ffn_gate_inp
        mlp.router                    ffn_gate_inp
        block_sparse_moe.gate         ffn_gate_inp
        block_sparse_moe.router.layer ffn_gate_inp
        mlp.gate.e_score_correction_bias exp_probs_b.bias
        mlp.experts.gate_proj         ffn_gate_exps
        mlp.experts.up_proj           ffn_up_exps
        mlp.experts.down_proj         ffn_down_exps
        block_sparse_moe.experts.gate_proj ffn_gate_exps
        block_sparse_moe.experts.up_proj   ffn_up_exps
        block_sparse_moe.experts.down_proj ffn_down_exps
        mlp.shared_expert.gate_proj   ffn_gate_shexp
        mlp.shared_expert.up_proj     ffn_up_shexp
        mlp.shared_expert.down_proj   ffn_down_shexp
        mlp.shared_experts.gate_proj  ffn_gate_shexp
        mlp.shared_experts.up_proj    ffn_up_shexp
        mlp.shared_experts.down_proj  ffn_down_shexp
        mlp.shared_expert_gate        ffn_gate_inp_shexp
        mixer.in_proj                 ssm_in
        mixer.conv1d                  ssm_conv1d
        mixer.x_proj                  ssm_x
        mixer.dt_proj                 ssm_dt
        mixer.dt_bias                 ssm_dt.bias
        mixer.A_log                   ssm_a
        mixer.D                       ssm_d
        mixer.norm                    ssm_norm
        mixer.out_proj                ssm_out
        """);

    /// Families whose `post_attention_layernorm` stands behind attention, not before the MLP.
    private static final Set<String> NORM_BEHIND = Set.of(
            "gemma2",
            "gemma3_text",
            "gemma4_text",
            "olmo2",
            "olmo3",
            "exaone4",
            "gpt_oss",
            "glm4_moe",
            "qwen3_next",
            "qwen3_5_text");

    private final Architecture architecture;
    private final Map<String, Integer> firsts = new HashMap<>();

    GgufNames(Architecture architecture) {
        this.architecture = architecture;
        var parts = new HashMap<String, List<Parameter>>();
        for (Parameter p : architecture.parameters()) {
            if (p.stored().count() == 0) {
                parts.computeIfAbsent(p.stored().name(), _ -> new ArrayList<>()).add(p);
            }
        }
        parts.values().forEach(this::inTurn);
    }

    /// Parts of one tensor lie in the order in which each begins.
    private void inTurn(List<Parameter> parts) {
        int first = 0;
        parts.sort(Comparator.comparingInt(p -> p.stored().rows().first()));
        for (Parameter p : parts) {
            firsts.put(p.name(), first);
            first += p.shape().dim(0);
        }
    }

    /// Where a GGUF may hold a parameter, with its names there; one at least, though it may be unknown.
    List<Stored> places(Parameter p) {
        var places = new ArrayList<Stored>();
        for (Stored s : p.places()) {
            name(s.name()).ifPresent(name -> places.add(place(p, s, name)));
        }
        return places.isEmpty() ? List.of(place(p, p.stored(), p.stored().name())) : places;
    }

    /// Where a GGUF is to hold a parameter, if llama.cpp has a name for it.
    Optional<Stored> written(Parameter p) {
        return p.places().stream()
                .filter(s -> name(s.name()).isPresent())
                .findFirst()
                .map(s -> place(p, s, name(s.name()).orElseThrow()));
    }

    private Stored place(Parameter p, Stored s, String name) {
        Rows rows = s.rows();
        if (s.count() == 0) {
            rows = Rows.of(firsts.getOrDefault(p.name(), 0), p.shape().dim(0), rows.all());
        }
        return new Stored(name, s.index(), s.count(), false, rows, s.rotaryHeads(), Change.NONE);
    }

    /// The name of a whole tensor.
    ///
    /// @param stored in Hugging Face's words
    Optional<String> name(String stored) {
        for (String prefix : architecture.layerPrefixes().keySet()) {
            if (stored.startsWith(prefix)) {
                int end = stored.indexOf('.', prefix.length());
                String block = "blk." + stored.substring(prefix.length(), end) + ".";
                String module = stored.substring(end + 1);
                return module.equals("post_attention_layernorm.weight") && NORM_BEHIND.contains(architecture.name())
                        ? Optional.of(block + "post_attention_norm.weight")
                        : find(INSIDE, module).map(name -> block + name);
            }
        }
        return find(OUTSIDE, stored);
    }

    private static Optional<String> find(Map<String, String> names, String stored) {
        String whole = names.get(stored);
        if (whole != null) {
            // Hugging Face's experts have no ".weight" where they share a tensor
            return Optional.of(whole.endsWith("_exps") ? whole + ".weight" : whole);
        }
        int dot = stored.lastIndexOf('.');
        String module = dot < 0 ? null : names.get(stored.substring(0, dot));
        return module == null ? Optional.empty() : Optional.of(module + stored.substring(dot));
    }

    private static Map<String, String> names(String table) {
        var names = new HashMap<String, String>();
        for (String line : table.lines().toList()) {
            String[] words = line.trim().split("\\s+");
            names.put(words[0], words[1]);
        }
        return Map.copyOf(names);
    }
}
