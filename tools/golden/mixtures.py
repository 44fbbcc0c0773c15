"""Which tensor gets which type in llama.cpp's mixtures, by llama.cpp's own library.

    npm install @node-llama-cpp/linux-x64
    python tools/golden/mixtures.py .../bins/linux-x64 core/src/test/resources/clearhead/io/mixtures.txt [FOLDER]

For small models of several shapes: a line `model ARCHITECTURE layers=.. heads=.. keys=.. experts=.. tied=..`, then for
each mixture `NAME: ` and for each kind of tensor its types in the order of the layers, in runs. The files stay in
FOLDER if it is given, and are not made again.
"""

import ctypes
import pathlib
import sys
import tempfile

import gguf
import numpy as np

MIXTURES = {
    "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12, "q3_k_l": 13,
    "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "iq4_nl": 25, "iq4_xs": 30, "mxfp4_moe": 38,
    "f16": 1, "bf16": 32,
}
MODELS = [
    dict(architecture="llama", layers=17, heads=4, keys=4, experts=0, tied=False, dim=256),
    dict(architecture="llama", layers=8, heads=4, keys=1, experts=0, tied=True, dim=256),
    dict(architecture="llama", layers=80, heads=8, keys=1, experts=0, tied=False, dim=256),
    dict(architecture="llama", layers=9, heads=4, keys=2, experts=8, tied=False, dim=256),
    dict(architecture="falcon", layers=20, heads=4, keys=1, experts=0, tied=False, dim=256),
    dict(architecture="llama", layers=16, heads=4, keys=2, experts=0, tied=False, dim=288),
]


def write(path, architecture, layers, heads, keys, experts, tied, dim):
    random = np.random.default_rng(layers)
    out = gguf.GGUFWriter(path, architecture)
    out.add_context_length(64)
    out.add_embedding_length(dim)
    out.add_block_count(layers)
    out.add_feed_forward_length(256)
    out.add_head_count(heads)
    out.add_head_count_kv(keys)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_layer_norm_eps(1e-5)
    out.add_rope_dimension_count(dim // heads)
    out.add_vocab_size(32)
    if experts:
        out.add_expert_count(experts)
        out.add_expert_used_count(2)

    def matrix(name, *shape):
        out.add_tensor(name, random.standard_normal(shape).astype(np.float32))

    matrix("token_embd.weight", 32, dim)
    matrix("output_norm.weight", dim)
    if not tied:
        matrix("output.weight", 32, dim)
    wide = dim // heads * keys
    for i in range(layers):
        at = f"blk.{i}."
        matrix(at + "attn_norm.weight", dim)
        if architecture == "falcon":
            matrix(at + "attn_qkv.weight", dim + 2 * wide, dim)
        else:
            matrix(at + "attn_q.weight", dim, dim)
            matrix(at + "attn_k.weight", wide, dim)
            matrix(at + "attn_v.weight", wide, dim)
        matrix(at + "attn_output.weight", dim, dim)
        matrix(at + "ffn_norm.weight", dim)
        if experts:
            matrix(at + "ffn_gate_inp.weight", experts, dim)
            for part, shape in ("gate", (256, dim)), ("up", (256, dim)), ("down", (dim, 256)):
                matrix(at + f"ffn_{part}_exps.weight", experts, *shape)
        else:
            matrix(at + "ffn_up.weight", 256, dim)
            matrix(at + "ffn_down.weight", dim, 256)
            if architecture != "falcon":
                matrix(at + "ffn_gate.weight", 256, dim)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def runs(types):
    found = []
    for layer in sorted(types):
        if found and found[-1][0] == types[layer]:
            found[-1][1] += 1
        else:
            found.append([types[layer], 1])
    return ",".join(f"{name}*{count}" for name, count in found)


class Parameters(ctypes.Structure):
    """The first fields; the rest are as the library sets them."""

    _fields_ = [("threads", ctypes.c_int32), ("file_type", ctypes.c_int32), ("rest", ctypes.c_uint8 * 120)]


def main():
    libraries = pathlib.Path(sys.argv[1])
    ctypes.CDLL(str(libraries / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ctypes.CDLL(str(next(libraries.glob("libggml.v*.so"))), mode=ctypes.RTLD_GLOBAL)
    llama = ctypes.CDLL(str(next(libraries.glob("libllama.v*.so"))))
    llama.llama_model_quantize_default_params.restype = Parameters
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    llama.llama_log_set(quiet, None)
    folder = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, model in enumerate(MODELS):
        source = folder / f"{number}.gguf"
        if not source.exists():
            write(source, **model)
        lines.append("model " + " ".join(f"{key}={value}" for key, value in model.items()))
        for name, file_type in MIXTURES.items():
            target = folder / f"{number}-{name}.gguf"
            parameters = llama.llama_model_quantize_default_params()
            parameters.threads = 2
            parameters.file_type = file_type
            done = target.exists()
            if not done and llama.llama_model_quantize(
                str(source).encode(), str(target).encode(), ctypes.byref(parameters)
            ):
                lines.append(f"{name}: refused")
                continue
            kinds = {}
            for tensor in gguf.GGUFReader(target).tensors:
                parts = tensor.name.split(".")
                layer = int(parts[1]) if parts[0] == "blk" else -1
                kind = parts[2] if parts[0] == "blk" else parts[0]
                kinds.setdefault(kind, {})[layer] = tensor.tensor_type.name
            lines.append(f"{name}: " + " ".join(f"{kind}={runs(kinds[kind])}" for kind in sorted(kinds)))
    pathlib.Path(sys.argv[2]).write_text("\n".join(lines) + "\n")


main()
