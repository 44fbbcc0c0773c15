"""Times PyTorch's scaled_dot_product_attention for AttentionBench, one line a request, one an answer.

reads   threads T
        work FILE batch heads kvHeads queries keys headDim causal(0/1) backward(0/1)
                FILE: float32 query, key, value, dOut, each [batch, tokens, heads, headDim]
        out FILE                the output of one pass, [batch, queries, heads, headDim]
        time SECONDS LEAST      passes for so long, so many at least
writes  ok, or the seconds of the fastest pass

The first line says which PyTorch this is. Where key heads are as many as query heads its flash kernel is asked for by name.
"""
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

clock = time.thread_time if sys.argv[1:] == ["cpu"] else time.perf_counter
print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}", flush=True)


class Work:
    def __init__(self, file, sizes):
        batch, heads, kv, queries, keys, dim, causal, self.backward = sizes
        shapes = [(batch, queries, heads, dim), (batch, keys, kv, dim), (batch, keys, kv, dim), (batch, queries, heads, dim)]
        counts = [a * b * c * d for a, b, c, d in shapes]
        all_of_it = torch.from_file(file, shared=False, size=sum(counts), dtype=torch.float32)
        parts = [
            part.view(shape).transpose(1, 2).contiguous() for part, shape in zip(all_of_it.split(counts), shapes)
        ]
        self.q, self.k, self.v, self.d_out = parts
        for part in parts[:3]:
            part.requires_grad_(bool(self.backward))
        # One query sees all keys; PyTorch's own alignment would be top-left.
        self.causal = bool(causal) and queries > 1
        self.grouped = heads != kv

    def run(self):
        kernel = nullcontext() if self.grouped else sdpa_kernel(SDPBackend.FLASH_ATTENTION)
        with kernel, torch.set_grad_enabled(bool(self.backward)):
            out = F.scaled_dot_product_attention(
                self.q, self.k, self.v, is_causal=self.causal, enable_gqa=self.grouped)
            if self.backward:
                torch.autograd.grad(out, (self.q, self.k, self.v), self.d_out)
        return out


def fastest(work, seconds, least):
    best, runs, end = 1e9, 0, clock() + seconds
    while runs < least or clock() < end:
        start = clock()
        work.run()
        best = min(best, clock() - start)
        runs += 1
    return best


work = None
for line in sys.stdin:
    words = line.rstrip("\n").split("\t")
    if words[0] == "threads":
        torch.set_num_threads(int(words[1]))
        print("ok", flush=True)
    elif words[0] == "work":
        work = Work(words[1], [int(w) for w in words[2:]])
        print("ok", flush=True)
    elif words[0] == "out":
        work.run().detach().transpose(1, 2).contiguous().numpy().tofile(words[1])
        print("ok", flush=True)
    else:
        print(fastest(work, float(words[1]), int(words[2])), flush=True)
