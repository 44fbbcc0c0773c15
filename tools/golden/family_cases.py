"""The models of families.py. `config` are the fields of transformers' configuration; `hub` writes config.json the way
it was written before transformers 5 (rope_theta, rope_scaling, torch_dtype; "type" means earlier still), without the
fields of `drop` and with those of `add`; `bites` are settings of which each, changed alone, has to change the logits."""

V = dict(vocab_size=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA = dict(
    **V,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
)


def rope(**more):
    return dict(rope_theta=10000.0, rope_type="default") | more


def causal(type, model, config, **more):
    return dict(kind="causal", type=type, model=model, config=config, **more)


def encoder(type, model, config, **more):
    return dict(kind="encoder", type=type, model=model, config=config, **more)


def seq2seq(type, model, config, **more):
    return dict(kind="seq2seq", type=type, model=model, config=config, **more)


OPT = dict(
    **V,
    hidden_size=32,
    ffn_dim=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=32,
)
STABLELM = LLAMA | dict(rope_parameters=rope(partial_rotary_factor=0.5))
COHERE = LLAMA | dict(logit_scale=0.25)
BERT = dict(
    **V,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=32,
)
ROBERTA = BERT | dict(bos_token_id=0, eos_token_id=2, pad_token_id=1, max_position_embeddings=34, layer_norm_eps=1e-5)
BART = dict(
    vocab_size=64,
    bos_token_id=0,
    pad_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=2,
    d_model=24,
    max_position_embeddings=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_ffn_dim=32,
    decoder_ffn_dim=32,
    encoder_attention_heads=3,
    decoder_attention_heads=3,
)
T5 = dict(
    vocab_size=64,
    pad_token_id=0,
    eos_token_id=1,
    decoder_start_token_id=0,
    d_model=24,
    d_kv=10,
    d_ff=32,
    num_layers=2,
    num_heads=3,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=14,
)

CASES = {
    "opt": causal("opt", "OPTForCausalLM", OPT | dict(word_embed_proj_dim=32)),
    "opt-post-norm": causal(
        "opt",
        "OPTForCausalLM",
        OPT | dict(word_embed_proj_dim=16, do_layer_norm_before=False),
        hub=True,
    ),
    "phi": causal(
        "phi",
        "PhiForCausalLM",
        LLAMA | dict(rope_parameters=rope(partial_rotary_factor=0.5)),
        hub=True,
        bites=[dict(hidden_act="relu"), dict(layer_norm_eps=0.1)],
    ),
    "phi-qk-norm": causal(
        "phi",
        "PhiForCausalLM",
        LLAMA | dict(qk_layernorm=True, num_key_value_heads=4, rope_parameters=rope(partial_rotary_factor=0.25)),
        bites=[dict(qk_layernorm=False)],
    ),
    "stablelm": causal(
        "stablelm",
        "StableLmForCausalLM",
        STABLELM | dict(use_qkv_bias=True, tie_word_embeddings=True),
        hub=True,
        bites=[dict(use_qkv_bias=False), dict(use_parallel_residual=True)],
    ),
    "stablelm-parallel": causal(
        "stablelm",
        "StableLmForCausalLM",
        STABLELM | dict(qk_layernorm=True, use_parallel_residual=True),
        bites=[dict(qk_layernorm=False), dict(use_parallel_residual=False)],
    ),
    "qwen2": causal(
        "qwen2",
        "Qwen2ForCausalLM",
        LLAMA
        | dict(
            num_hidden_layers=3,
            use_sliding_window=True,
            sliding_window=7,
            max_window_layers=1,
            tie_word_embeddings=True,
        ),
        bites=[dict(sliding_window=8), dict(layer_types=["sliding_attention"] * 3)],
    ),
    "mixtral": causal(
        "mixtral",
        "MixtralForCausalLM",
        LLAMA
        | dict(hidden_size=24, intermediate_size=20, head_dim=8, num_local_experts=4, num_experts_per_tok=2),
        experts=True,
        bites=[dict(num_experts_per_tok=1)],
    ),
    "gemma": causal(
        "gemma",
        "GemmaForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            intermediate_size=32,
            num_key_value_heads=1,
            head_dim=10,
            hidden_act="gelu_pytorch_tanh",
            tie_word_embeddings=True,
        ),
        dtype="float32",
        std={"embed_tokens": 0.25},
    ),
    "gptj": causal(
        "gptj",
        "GPTJForCausalLM",
        dict(
            **V,
            n_positions=32,
            n_embd=32,
            n_layer=2,
            n_head=4,
            rotary_dim=4,
            n_inner=48,
            tie_word_embeddings=False,
        ),
        hub=True,
        bites=[dict(rotary_dim=6)],
    ),
    "starcoder2": causal(
        "starcoder2",
        "Starcoder2ForCausalLM",
        LLAMA | dict(sliding_window=7, hidden_act="gelu_pytorch_tanh", tie_word_embeddings=True),
        bites=[dict(sliding_window=8), dict(use_bias=False)],
    ),
    "mpt": causal(
        "mpt",
        "MptForCausalLM",
        dict(
            **V,
            d_model=24,
            n_heads=6,
            n_layers=2,
            expansion_ratio=2,
            max_seq_len=32,
            attn_config=dict(clip_qkv=1.5, alibi_bias_max=6, softmax_scale=0.6),
            tie_word_embeddings=True,
        ),
        bites=[dict(layer_norm_epsilon=0.1)],
    ),
    "mpt-plain": causal(
        "mpt",
        "MptForCausalLM",
        dict(**V, d_model=32, n_heads=4, n_layers=2, expansion_ratio=2, max_seq_len=32, tie_word_embeddings=True),
    ),
    "cohere": causal("cohere", "CohereForCausalLM", COHERE, hub=True, bites=[dict(logit_scale=1.0)]),
    "cohere-qk-norm": causal(
        "cohere",
        "CohereForCausalLM",
        COHERE | dict(use_qk_norm=True),
        std={"embed_tokens": 0.3},
        bites=[dict(use_qk_norm=False)],
    ),
    "olmo": causal(
        "olmo",
        "OlmoForCausalLM",
        LLAMA | dict(clip_qkv=1.2),
        bites=[dict(clip_qkv=None)],
    ),
    "llama3": causal(
        "llama",
        "LlamaForCausalLM",
        LLAMA
        | dict(
            head_dim=12,
            tie_word_embeddings=True,
            rope_parameters=rope(
                rope_type="llama3",
                rope_theta=500.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        ),
        hub=True,
        bites=[dict(rope_parameters=rope(rope_theta=500.0))],
    ),
    "llama-linear": causal(
        "llama",
        "LlamaForCausalLM",
        LLAMA
        | dict(
            attention_bias=True, mlp_bias=True, num_key_value_heads=4, rope_parameters=rope(rope_type="linear", factor=3.0)
        ),
        hub="type",
        bites=[dict(rope_parameters=rope())],
    ),
    "phi3-longrope": causal(
        "phi3",
        "Phi3ForCausalLM",
        LLAMA
        | dict(
            tie_word_embeddings=True,
            original_max_position_embeddings=16,
            rope_parameters=rope(
                rope_type="longrope",
                partial_rotary_factor=0.75,
                short_factor=[1.0, 1.1, 1.3],
                long_factor=[1.2, 2.5, 5.0],
                original_max_position_embeddings=16,
            ),
        ),
        hub="type",
        cache_differs=True,
    ),
    "llama4_text": causal(
        "llama4_text",
        "Llama4ForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            intermediate_size=16,
            intermediate_size_mlp=32,
            num_hidden_layers=4,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=10,
            num_local_experts=3,
            num_experts_per_tok=1,
            interleave_moe_layer_step=2,
            no_rope_layer_interval=2,
            attention_chunk_size=7,
            floor_scale=6,
            attn_scale=0.5,
        ),
        experts=True,
        bites=[
            dict(attention_chunk_size=8),
            dict(attn_temperature_tuning=False),
            dict(use_qk_norm=False),
            dict(no_rope_layers=[1, 1, 1, 1]),
        ],
    ),
    "olmo3": causal(
        "olmo3",
        "Olmo3ForCausalLM",
        LLAMA
        | dict(
            num_hidden_layers=3,
            sliding_window=7,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
            rope_parameters=dict(
                sliding_attention=rope(),
                full_attention=rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16),
            ),
        ),
        bites=[dict(sliding_window=8), dict(rope_parameters=dict(sliding_attention=rope(), full_attention=rope()))],
    ),
    "olmoe": causal(
        "olmoe",
        "OlmoeForCausalLM",
        LLAMA
        | dict(hidden_size=24, intermediate_size=20, num_experts=4, num_experts_per_tok=2, clip_qkv=1.5),
        experts=True,
        bites=[dict(norm_topk_prob=True), dict(clip_qkv=None)],
    ),
    "granitemoe": causal(
        "granitemoe",
        "GraniteMoeForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            intermediate_size=20,
            num_local_experts=4,
            num_experts_per_tok=2,
            embedding_multiplier=3.0,
            logits_scaling=2.0,
            residual_multiplier=0.6,
            attention_multiplier=0.5,
            tie_word_embeddings=True,
        ),
        experts=True,
        std={"embed_tokens": 0.25},
        bites=[dict(attention_multiplier=0.4), dict(residual_multiplier=1.0)],
    ),
    "granitemoehybrid": causal(
        "granitemoehybrid",
        "GraniteMoeHybridForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            intermediate_size=16,
            num_hidden_layers=3,
            layer_types=["mamba", "attention", "mamba"],
            num_local_experts=3,
            num_experts_per_tok=2,
            shared_intermediate_size=20,
            position_embedding_type="nope",
            mamba_n_heads=6,
            mamba_n_groups=2,
            mamba_d_state=8,
            mamba_d_head=8,
            mamba_expand=2,
            mamba_chunk_size=8,
            embedding_multiplier=3.0,
            logits_scaling=2.0,
            residual_multiplier=0.6,
            attention_multiplier=0.5,
            tie_word_embeddings=True,
        ),
        experts=True,
        std={"embed_tokens": 0.25},
        bites=[dict(position_embedding_type="rope")],
    ),
    "granitemoehybrid-dense": causal(
        "granitemoehybrid",
        "GraniteMoeHybridForCausalLM",
        LLAMA
        | dict(
            layer_types=["mamba", "attention"],
            num_local_experts=0,
            num_experts_per_tok=0,
            shared_intermediate_size=40,
            position_embedding_type="rope",
            mamba_n_heads=4,
            mamba_n_groups=1,
            mamba_d_state=8,
            mamba_d_head=16,
            mamba_expand=2,
            embedding_multiplier=3.0,
            logits_scaling=2.0,
            residual_multiplier=0.6,
            attention_multiplier=0.5,
        ),
        hub=True,
        add=dict(layer_types=["mamba", "attention"], time_step_limit=[0.0, float("inf")]),
        bites=[dict(position_embedding_type="nope")],
    ),
    "nanochat": causal(
        "nanochat",
        "NanoChatForCausalLM",
        LLAMA | dict(final_logit_softcapping=3.0),
        bites=[dict(final_logit_softcapping=None)],
    ),
    "smollm3": causal(
        "smollm3",
        "SmolLM3ForCausalLM",
        LLAMA | dict(num_hidden_layers=3, no_rope_layer_interval=2, tie_word_embeddings=True),
        hub=True,
        bites=[dict(no_rope_layers=[1, 1, 1])],
    ),
    "ernie4_5": causal(
        "ernie4_5",
        "Ernie4_5ForCausalLM",
        LLAMA | dict(head_dim=12, use_bias=True, tie_word_embeddings=True),
        hub=True,
        bites=[dict(use_bias=False)],
    ),
    "ernie4_5_moe": causal(
        "ernie4_5_moe",
        "Ernie4_5_MoeForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            moe_intermediate_size=16,
            moe_num_experts=4,
            moe_k=2,
            moe_num_shared_experts=1,
            moe_layer_start_index=1,
        ),
        experts=True,
        std={"correction_bias": 0.2},
    ),
    "exaone4": causal(
        "exaone4",
        "Exaone4ForCausalLM",
        LLAMA
        | dict(
            num_hidden_layers=3,
            sliding_window=7,
            sliding_window_pattern="LLG",
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        ),
        hub=True,
        bites=[dict(sliding_window=8)],
    ),
    "exaone4-full": causal(
        "exaone4",
        "Exaone4ForCausalLM",
        LLAMA
        | dict(sliding_window=None, layer_types=["full_attention"] * 2, tie_word_embeddings=True),
    ),
    "glm4_moe": causal(
        "glm4_moe",
        "Glm4MoeForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            head_dim=8,
            moe_intermediate_size=16,
            n_routed_experts=4,
            num_experts_per_tok=2,
            n_shared_experts=1,
            n_group=2,
            topk_group=1,
            first_k_dense_replace=1,
            routed_scaling_factor=1.5,
            use_qk_norm=True,
            attention_bias=True,
            num_mtp_layers=0,
            rope_parameters=rope(partial_rotary_factor=0.5),
        ),
        experts=True,
        bites=[dict(norm_topk_prob=False), dict(topk_group=2), dict(routed_scaling_factor=1.0)],
    ),
    "deepseek_v2": causal(
        "deepseek_v2",
        "DeepseekV2ForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            num_key_value_heads=4,
            q_lora_rank=None,
            kv_lora_rank=12,
            qk_nope_head_dim=6,
            qk_rope_head_dim=4,
            v_head_dim=8,
            first_k_dense_replace=1,
            moe_intermediate_size=12,
            n_routed_experts=6,
            num_experts_per_tok=3,
            n_shared_experts=1,
            topk_method="greedy",
        ),
        experts=True,
        bites=[dict(routed_scaling_factor=2.0)],
    ),
    "deepseek_v2-yarn": causal(
        "deepseek_v2",
        "DeepseekV2ForCausalLM",
        LLAMA
        | dict(
            hidden_size=24,
            num_key_value_heads=4,
            q_lora_rank=16,
            kv_lora_rank=12,
            qk_nope_head_dim=6,
            qk_rope_head_dim=4,
            v_head_dim=8,
            first_k_dense_replace=1,
            moe_intermediate_size=12,
            n_routed_experts=6,
            num_experts_per_tok=2,
            n_shared_experts=1,
            topk_method="group_limited_greedy",
            n_group=3,
            topk_group=1,
            routed_scaling_factor=4.0,
            rope_parameters=rope(
                rope_type="yarn",
                factor=4.0,
                original_max_position_embeddings=16,
                beta_fast=32,
                beta_slow=1,
                mscale=0.7,
                mscale_all_dim=0.9,
            ),
        ),
        experts=True,
        hub="type",
        drop=["head_dim", "qk_head_dim"],
        bites=[dict(topk_method="greedy"), dict(rope_parameters=rope())],
    ),
    "falcon-multi-query": causal(
        "falcon",
        "FalconForCausalLM",
        dict(**V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_hidden_size=48),
        hub=True,
        bites=[dict(activation="relu")],
    ),
    "falcon-new": causal(
        "falcon",
        "FalconForCausalLM",
        dict(
            **V,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_kv_heads=2,
            ffn_hidden_size=48,
            new_decoder_architecture=True,
            bias=True,
            num_ln_in_parallel_attn=1,
            tie_word_embeddings=False,
        ),
        hub=True,
    ),
    "falcon-alibi": causal(
        "falcon",
        "FalconForCausalLM",
        dict(
            **V,
            hidden_size=30,
            num_hidden_layers=2,
            num_attention_heads=5,
            ffn_hidden_size=48,
            multi_query=False,
            parallel_attn=False,
            alibi=True,
            bias=True,
        ),
    ),
    "bloom-post": causal(
        "bloom",
        "BloomForCausalLM",
        dict(**V, hidden_size=24, n_layer=2, n_head=6, apply_residual_connection_post_layernorm=True),
        bites=[dict(apply_residual_connection_post_layernorm=False)],
    ),
    "mamba2": causal(
        "mamba2",
        "Mamba2ForCausalLM",
        dict(
            **V,
            hidden_size=24,
            num_hidden_layers=2,
            num_heads=6,
            head_dim=8,
            expand=2,
            state_size=8,
            n_groups=2,
            chunk_size=8,
            conv_kernel=4,
            tie_word_embeddings=False,
        ),
        attentions=False,
        eager=False,
    ),
    "mamba2-limited": causal(
        "mamba2",
        "Mamba2ForCausalLM",
        dict(
            **V,
            hidden_size=24,
            num_hidden_layers=2,
            num_heads=6,
            head_dim=8,
            expand=2,
            state_size=8,
            n_groups=1,
            use_bias=True,
            time_step_limit=[0.02, 0.5],
            tie_word_embeddings=True,
        ),
        attentions=False,
        eager=False,
        bites=[dict(time_step_limit=(0.0, 10.0))],
    ),
    "rwkv": causal(
        "rwkv",
        "RwkvForCausalLM",
        dict(
            vocab_size=64,
            bos_token_id=1,
            eos_token_id=2,
            context_length=32,
            hidden_size=24,
            num_hidden_layers=3,
            attention_hidden_size=24,
            intermediate_size=32,
            rescale_every=2,
        ),
        attentions=False,
        eager=False,
        stateful=True,
    ),
    "bert": encoder("bert", "BertForMaskedLM", BERT, bites=[dict(hidden_act="relu"), dict(layer_norm_eps=0.1)]),
    "bert-model": encoder("bert", "BertModel", BERT, headless=True, bites=[dict(hidden_act="relu")]),
    "roberta": encoder("roberta", "RobertaForMaskedLM", ROBERTA | dict(type_vocab_size=1)),
    "xlm_roberta": encoder("xlm-roberta", "XLMRobertaForMaskedLM", ROBERTA | dict(type_vocab_size=1)),
    "xlm_roberta-model": encoder(
        "xlm-roberta", "XLMRobertaModel", ROBERTA | dict(type_vocab_size=1), headless=True, hub=True
    ),
    "distilbert": encoder(
        "distilbert",
        "DistilBertForMaskedLM",
        dict(
            vocab_size=64,
            pad_token_id=0,
            dim=32,
            hidden_dim=40,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=32,
        ),
        bites=[dict(activation="relu")],
    ),
    "albert": encoder(
        "albert",
        "AlbertForMaskedLM",
        BERT | dict(embedding_size=16, num_hidden_layers=4, num_hidden_groups=2),
        bites=[dict(hidden_act="relu")],
    ),
    "albert-model": encoder(
        "albert", "AlbertModel", BERT | dict(embedding_size=12, num_hidden_layers=3), headless=True, bites=[]
    ),
    "electra": encoder("electra", "ElectraForMaskedLM", BERT | dict(embedding_size=16)),
    "mpnet": encoder(
        "mpnet", "MPNetForMaskedLM", ROBERTA, bites=[dict(hidden_act="relu")]
    ),
    "mpnet-model": encoder("mpnet", "MPNetModel", ROBERTA, headless=True),
    "modernbert": encoder(
        "modernbert",
        "ModernBertForMaskedLM",
        BERT
        | dict(
            num_hidden_layers=3,
            local_attention=8,
            cls_token_id=1,
            sep_token_id=2,
            rope_parameters=dict(
                full_attention=rope(rope_theta=160000.0),
                sliding_attention=rope(rope_theta=50.0),
            ),
        ),
        hub=True,
        drop=["layer_types", "rope_parameters"],
        add=dict(global_attn_every_n_layers=3, global_rope_theta=160000.0, local_rope_theta=50.0),
        std={"Wqkv": 1.6},
        bites=[
            dict(local_attention=10),
            dict(layer_types=["full_attention"] * 3),
            dict(rope_parameters=dict(full_attention=rope(rope_theta=160000.0), sliding_attention=rope())),
        ],
    ),
    "marian": seq2seq(
        "marian",
        "MarianMTModel",
        BART
        | dict(
            pad_token_id=63,
            eos_token_id=0,
            bos_token_id=None,
            decoder_start_token_id=63,
            activation_function="swish",
            scale_embedding=True,
            decoder_layers=1,
        ),
        computed=["embed_positions"],
        std={"shared": 0.25},
        bites=[dict(scale_embedding=False), dict(activation_function="gelu")],
    ),
    "t5-gated": seq2seq(
        "t5",
        "T5ForConditionalGeneration",
        T5 | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=1),
        untie="lm_head",
        hub=True,
        drop=["scale_decoder_outputs"],
        add=dict(tie_word_embeddings=False),
        std={".q.": 0.6},
        bites=[dict(relative_attention_max_distance=10)],
    ),
    "t5-tied": seq2seq(
        "t5", "T5ForConditionalGeneration", T5 | dict(feed_forward_proj="gated-silu"), std={".q.": 0.6}
    ),
    "bart": seq2seq(
        "bart",
        "BartForConditionalGeneration",
        BART | dict(scale_embedding=True, activation_function="relu", decoder_layers=1),
        std={"shared": 0.25},
        bites=[dict(scale_embedding=False)],
    ),
    "mbart": seq2seq(
        "mbart",
        "MBartForConditionalGeneration",
        BART | dict(scale_embedding=True),
        std={"shared": 0.25},
        bites=[dict(scale_embedding=False)],
    ),
}
