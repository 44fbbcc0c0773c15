"""Makes the expected values of RopeGoldenTest: rotary frequencies, sections and cached decoding of
transformers 5.23 and PyTorch 2.15, float32. Nothing in it depends on the clock.

    python tools/golden/rope.py [OUT]

OUT is core/src/test/resources/clearhead/model. Writes rope.json and rope.safetensors, the weights of one
tiny Llama that all cases of "decode" share.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLRotaryEmbedding
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding

root = pathlib.Path(__file__).parents[2]
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "core/src/test/resources/clearhead/model"

SHORT = [1.0, 1.1, 1.3, 1.6]
LONG = [1.5, 2.0, 4.0, 7.5]


def floats(tensor):
    """float32 values as the shortest decimals that read back the same."""
    return json.loads(str([float(str(x)) for x in tensor.detach().float().numpy().ravel()]))


def config(rope, **more):
    sizes = dict(
        vocab_size=48,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=16,
        tie_word_embeddings=True,
        rope_parameters=rope,
    )
    sizes.update(more)
    return LlamaConfig(**sizes)


def frequencies():
    cases = []

    def add(name, rope, length=None, **more):
        c = config(dict(rope), **more)
        inv_freq, factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](c, "cpu", seq_len=length)
        fields = {
            "head_dim": c.head_dim,
            "max_position_embeddings": c.max_position_embeddings,
            "rope_parameters": rope,
        }
        cases.append(
            {
                "name": name,
                "config": fields,
                "length": length or 0,
                "inv_freq": floats(inv_freq),
                "attention_factor": factor,
            }
        )

    for factor in (2.0, 10.0):
        add(f"linear {factor}", {"rope_type": "linear", "factor": factor, "rope_theta": 10000.0})
    dynamic = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
    for length in (5, 16, 17, 40, 64):
        add(f"dynamic at {length}", dynamic, length)
    longrope = {
        "rope_type": "longrope",
        "short_factor": SHORT,
        "long_factor": LONG,
        "original_max_position_embeddings": 16,
        "rope_theta": 10000.0,
    }
    for length in (5, 16, 17, 64):
        add(f"longrope at {length}", longrope, length, max_position_embeddings=64)
    add("longrope, factor given", dict(longrope, factor=32.0), 17, max_position_embeddings=64)
    add("longrope, magnitude given", dict(longrope, factor=4.0, attention_factor=1.25), 17)
    yarn = {
        "rope_type": "yarn",
        "factor": 8.0,
        "original_max_position_embeddings": 64,
        "rope_theta": 10000.0,
    }
    wide = dict(head_dim=32, max_position_embeddings=512)
    add("yarn", yarn, **wide)
    add("yarn, not truncated", dict(yarn, truncate=False), **wide)
    add("yarn, other bounds", dict(yarn, beta_fast=8.0, beta_slow=2.0), **wide)
    add("yarn, mscale", dict(yarn, mscale=1.0, mscale_all_dim=0.707), **wide)
    add("yarn, mscale of one kind", dict(yarn, mscale=0.5), **wide)
    add("yarn, magnitude given", dict(yarn, attention_factor=0.9), **wide)
    add("yarn, narrow", dict(yarn, original_max_position_embeddings=8), head_dim=4, max_position_embeddings=64)
    proportional = {
        "rope_type": "proportional",
        "partial_rotary_factor": 0.25,
        "rope_theta": 1000000.0,
    }
    add("proportional", proportional, head_dim=32)
    add("proportional, stretched", dict(proportional, factor=8.0, partial_rotary_factor=0.5), head_dim=32)
    llama3 = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
        "rope_theta": 500000.0,
    }
    add("llama3", llama3, head_dim=32)
    return cases


def sections():
    """Cosines and sines of pairs of five tokens: two of text, three of a picture."""
    places = [[0, 1, 2, 2, 2], [0, 1, 2, 2, 3], [0, 1, 2, 3, 2]]
    ids = torch.tensor(places)[:, None, :]
    cases = []
    for name, layer, kind, fields in (
        ("in turn", Qwen2VLRotaryEmbedding, Qwen2VLTextConfig, {"mrope_section": [2, 3, 3]}),
        (
            "alternating",
            Qwen3VLTextRotaryEmbedding,
            Qwen3VLTextConfig,
            {"mrope_section": [4, 2, 2], "mrope_interleaved": True},
        ),
    ):
        rope = {"rope_type": "default", "rope_theta": 10000.0, **fields}
        c = kind(
            hidden_size=32, num_attention_heads=2, num_key_value_heads=1, head_dim=16, rope_parameters=rope
        )
        cos, sin = layer(c)(torch.zeros(1), ids)
        pairs = 8
        cases.append(
            {
                "name": name,
                "rope_parameters": rope,
                "head_dim": 16,
                "positions": places,
                "cos": floats(cos[0, :, :pairs]),
                "sin": floats(sin[0, :, :pairs]),
            }
        )
    return cases


def decode():
    """Logits of every step of cached decoding of 24 fixed tokens."""
    torch.manual_seed(5)
    weights = LlamaForCausalLM(config({"rope_type": "default", "rope_theta": 10000.0})).eval()
    with torch.no_grad():
        for name, p in weights.named_parameters():
            p.copy_(torch.randn(p.shape) * (0.35 if p.dim() > 1 else 0.1) + (1.0 if p.dim() == 1 else 0.0))
    state = {k: v.clone().contiguous() for k, v in weights.state_dict().items() if k != "lm_head.weight"}
    save_file(state, out / "rope.safetensors", metadata={"format": "pt"})
    ids = torch.randint(0, 48, (1, 24))
    cases = []
    for name, rope, more in (
        ("dynamic", {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}, {}),
        (
            "longrope",
            {
                "rope_type": "longrope",
                "short_factor": SHORT,
                "long_factor": LONG,
                "original_max_position_embeddings": 16,
                "rope_theta": 10000.0,
            },
            {"max_position_embeddings": 64},
        ),
        ("linear", {"rope_type": "linear", "factor": 3.0, "rope_theta": 10000.0}, {}),
        (
            "yarn",
            {
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 16,
                "rope_theta": 10000.0,
                "mscale": 1.0,
                "mscale_all_dim": 0.5,
            },
            {"max_position_embeddings": 64},
        ),
    ):
        for prompt in (12, 20):
            c = config(dict(rope), attn_implementation="eager", **more)
            model = LlamaForCausalLM(c).eval()
            model.load_state_dict(state, strict=False)
            model.tie_weights()
            logits = []
            with torch.no_grad():
                result = model(ids[:, :prompt], use_cache=True)
                logits.append(result.logits[0, -1])
                for t in range(prompt, 24):
                    result = model(ids[:, t : t + 1], past_key_values=result.past_key_values, use_cache=True)
                    logits.append(result.logits[0, -1])
            fields = json.loads(c.to_json_string(use_diff=False))
            keep = (
                "model_type vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads"
                " num_key_value_heads head_dim max_position_embeddings rms_norm_eps tie_word_embeddings"
                " hidden_act"
            ).split()
            cases.append(
                {
                    "name": f"{name}, prompt of {prompt}",
                    "config": {**{k: fields[k] for k in keep}, "rope_parameters": rope},
                    "ids": ids[0].tolist(),
                    "prompt": prompt,
                    "logits": floats(torch.stack(logits)),
                }
            )
    return cases


made = {"frequencies": frequencies(), "sections": sections(), "decode": decode()}
lines = ["{"]
for i, (key, cases) in enumerate(made.items()):
    lines.append(f' "{key}": [')
    lines += [f"  {json.dumps(c)}{',' if j + 1 < len(cases) else ''}" for j, c in enumerate(cases)]
    lines.append(" ]" + ("," if i + 1 < len(made) else ""))
lines.append("}")
(out / "rope.json").write_text("\n".join(lines) + "\n")
(out / "rope.safetensors").chmod(0o644)
