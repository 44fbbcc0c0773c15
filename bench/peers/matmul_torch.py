"""Times PyTorch's matrix products for MatmulBench, one line a measurement.

reads   threads T
        shape TOKENS OUT IN FILE    x [tokens, in], weight [out, in], dOut [tokens, out], one after
                                    another as float32 in FILE
        VARIANT REPEATS             mkl, onednn, onednn_packed: x·weightᵀ by whichever library
                                    PyTorch itself takes (MKL in its x86 builds), by oneDNN, and by
                                    oneDNN with a weight that it laid out beforehand;
                                    input, weight: the adjoints dOut·weight and dOutᵀ·x
writes  seconds of one pass, the fastest of the repeats, and the last element of the result
"""
import sys
import time

import numpy
import torch
import torch.nn.functional as F

clock = time.thread_time if sys.argv[1:] == ["cpu"] else time.perf_counter
print("torch " + torch.__version__, flush=True)
torch.set_grad_enabled(False)
packed = {}
for line in sys.stdin:
    words = line.split()
    if words[0] == "threads":
        torch.set_num_threads(int(words[1]))
        continue
    if words[0] == "shape":
        tokens, out, inner = map(int, words[1:4])
        data = torch.from_numpy(numpy.fromfile(words[4], dtype="<f4"))
        x, weight, d_out = data.split([tokens * inner, out * inner, tokens * out])
        x, weight, d_out = x.view(tokens, inner), weight.view(out, inner), d_out.view(tokens, out)
        packed = {}
        continue
    variant, repeats = words[0], int(words[1])
    w = weight
    if variant == "onednn_packed":
        if variant not in packed:
            packed[variant] = torch.ops.mkldnn._reorder_linear_weight(weight, tokens)
        w = packed[variant]
    pass_ = {
        "mkl": lambda: F.linear(x, w),
        "onednn": lambda: torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], ""),
        "onednn_packed": lambda: torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], ""),
        "input": lambda: torch.mm(d_out, weight),
        "weight": lambda: torch.mm(d_out.t(), x),
    }[variant]
    best = 1e9
    for _ in range(repeats):
        start = clock()
        result = pass_()
        best = min(best, clock() - start)
    print(best, result[-1, -1].item(), flush=True)
