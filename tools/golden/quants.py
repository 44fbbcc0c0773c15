"""Expected values of ggml's quantized types: floats of blocks of bytes, and bytes of rows of floats, both by the
reference functions of ggml's own library.

    npm install @node-llama-cpp/linux-x64
    python tools/golden/quants.py .../libggml-base.so core/src/test/resources/clearhead/tensor/quants [COUNT]

Writes for each type TYPE.blocks (bytes) and TYPE.floats (what ggml makes of them, float32), rows.floats (values to
quantize, of several kinds) and TYPE.bytes (what ggml makes of those). COUNT is the number of values, 2048 where it
is left out; the extreme cases come first.
"""

import ctypes
import pathlib
import sys

import numpy as np

# name: ggml's number, weights and bytes of a block, places of half precision scales
TYPES = {
    "Q4_0": (2, 32, 18, [0]),
    "Q4_1": (3, 32, 20, [0, 2]),
    "Q5_0": (6, 32, 22, [0]),
    "Q5_1": (7, 32, 24, [0, 2]),
    "Q8_0": (8, 32, 34, [0]),
    "Q2_K": (10, 256, 84, [80, 82]),
    "Q3_K": (11, 256, 110, [108]),
    "Q4_K": (12, 256, 144, [0, 2]),
    "Q5_K": (13, 256, 176, [0, 2]),
    "Q6_K": (14, 256, 210, [208]),
    "IQ4_NL": (20, 32, 18, [0]),
    "IQ4_XS": (23, 256, 136, [0]),
    "MXFP4": (39, 32, 17, []),
}
# zeros, least and largest subnormal, least normal, one, largest, infinity, no number
SCALES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0x7E00]
EXPONENTS = [0, 1, 2, 3, 126, 127, 128, 250, 252, 253, 254, 255]


def blocks(random, name, count):
    _, size, width, halves = TYPES[name]
    data = random.integers(0, 256, (count // size, width), dtype=np.uint8)
    ordinary = random.integers(0x1000, 0x3000, (len(data), max(1, len(halves)))).astype("<u2")
    for i, block in enumerate(data):
        for j, at in enumerate(halves):
            extreme = i < min(len(SCALES), len(data) // 2)
            bits = SCALES[(i + 3 * j) % len(SCALES)] if extreme else ordinary[i, j]
            block[at : at + 2] = np.frombuffer(np.uint16(bits).tobytes(), dtype=np.uint8)
        if not halves and i < len(EXPONENTS):
            block[0] = EXPONENTS[i]
    return data


def rows(random, count):
    """Rows of 256: normal, small, heavy tails, all positive, all negative, sparse, on a grid, constant, …"""
    kinds = [
        lambda: random.standard_normal(256),
        lambda: 0.02 * random.standard_normal(256),
        lambda: 0.02 * random.standard_t(2, 256),
        lambda: 1 + random.random(256),
        lambda: -random.random(256),
        lambda: np.where(random.random(256) < 0.1, random.standard_normal(256), 0),
        lambda: random.integers(-8, 8, 256) / 16,
        lambda: np.repeat(random.choice([0.0, 0.25, -3.0, 1e-20, 1e-42, 100.0], 16), 16),
    ]
    return np.concatenate([kinds[i % len(kinds)]() for i in range(count // 256)]).astype("<f4")


def main():
    library = ctypes.CDLL(sys.argv[1])
    target = pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2048
    target.mkdir(parents=True, exist_ok=True)
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    values = rows(np.random.default_rng(1), count)
    values.tofile(target / "rows.floats")
    for name, (code, size, width, _) in TYPES.items():
        random = np.random.default_rng(code)
        data = blocks(random, name, count)
        data.tofile(target / f"{name}.blocks")
        floats = np.zeros(count, dtype="<f4")
        lower = name.lower().replace("_k", "_K") if name.endswith("_K") else name.lower()
        decode = getattr(library, f"dequantize_row_{lower}")
        decode(data.ctypes.data_as(ctypes.c_void_p), floats.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(count))
        floats.tofile(target / f"{name}.floats")
        encoded = np.zeros(count // size * width, dtype=np.uint8)
        library.ggml_quantize_chunk(
            ctypes.c_int(code),
            values.ctypes.data_as(ctypes.c_void_p),
            encoded.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int64(0),
            ctypes.c_int64(count // 256),
            ctypes.c_int64(256),
            None,
        )
        encoded.tofile(target / f"{name}.bytes")


main()
