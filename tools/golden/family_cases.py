"""The models of families.py. `config` are the fields of transformers' configuration; `hub` writes config.json the way
it was written before transformers 5 (rope_theta, rope_scaling, torch_dtype), without the fields of `drop` and with
those of `add`; `bites` are settings of which each, changed alone, has to change the logits."""

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
}
